//! Terminals with their shadows and placements: `terminal`, `slot`, `placement`.

mod body;

use crate::job::Refused;
use crate::table::{
    ADDRESS, Asked, At, CARD, DOCUMENT, Database, FLIGHT, Load, Lock, MARK, PLACEMENT, SEATED,
    SLOT, STANDING, STEP, SUBSCRIBER, TERMINAL, Table,
};
use crate::unit::{Done, Stop, Unit, Wanted};
use crate::value::{Columns, Row, Value, json, subscriber, terminal as key};
use crate::{BookFull, Reads, StoreError, TerminalFull, books, cards, marks, subscribers};
use ::terminals::{EntryKey, Owner, Proof, Shadow, SlotNo, SlotState};
use book::{FriendNo, NumberNo, SubscriberId};
use delivery::{Due, Need, Record, Slices, Terminal, TerminalId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

// Reading.

pub(crate) fn id_at(row: &[Value], sub: usize) -> Result<TerminalId, StoreError> {
    Ok(TerminalId {
        subscriber: SubscriberId(row.unsigned(sub)?),
        no: row.small(sub + 1)?,
    })
}

/// A terminal from its row, key first.
pub(crate) fn row(row: &Row) -> Result<Terminal, StoreError> {
    body::read(row)
}

/// What a plan needs of a terminal.
const ROWS: [&Table; 4] = [&TERMINAL, &MARK, &SLOT, &PLACEMENT];

fn loads(lead: usize, keys: &[Row]) -> Vec<Load> {
    let load = |table| Load::of(table, lead, keys.iter().cloned());
    ROWS.map(load).into()
}

/// From the rows of [`ROWS`]: each with all that a plan needs, in order.
fn full(found: &[Vec<Row>]) -> Result<Vec<TerminalFull>, StoreError> {
    let [rows, marks, slots, placements] = found else {
        return Ok(Vec::new());
    };
    let mut terminals = BTreeMap::new();
    for row in rows {
        let terminal = body::read(row)?;
        let shadow = Shadow {
            slots: BTreeMap::new(),
            in_use: terminal.in_use,
        };
        terminals.insert(
            terminal.id,
            TerminalFull {
                terminal,
                due: None,
                shadow,
                placement: BTreeMap::new(),
                freed: Vec::new(),
            },
        );
    }
    for row in marks {
        if let Some(full) = terminals.get_mut(&id_at(row, 1)?) {
            full.due = marks::due_at(row, 3)?;
        }
    }
    for row in slots {
        if let Some(full) = terminals.get_mut(&id_at(row, 1)?) {
            let (slot, state) = slot(row)?;
            full.shadow.slots.insert(slot, state);
        }
    }
    for row in placements {
        if let Some(full) = terminals.get_mut(&id_at(row, 1)?) {
            (full.placement, full.freed) = placement(&row[3..])?;
        }
    }
    Ok(terminals.into_values().collect())
}

/// Column 3 on: slot, content, owner, friend, number, proof, since, doubt.
fn slot(row: &[Value]) -> Result<(SlotNo, SlotState), StoreError> {
    let owner = match row.int(5)? {
        0 => Owner::Free,
        1 => Owner::Ours(EntryKey {
            friend: FriendNo(row.small(6)?),
            number: NumberNo(row.small(7)?),
        }),
        2 => Owner::Foreign,
        3 => Owner::Unknown,
        _ => return row.odd(5),
    };
    let proof = match row.int(8)? {
        0 => Proof::None,
        1 => Proof::Accepted,
        2 => Proof::Delivered,
        3 => Proof::Applied,
        4 => Proof::Verified,
        _ => return row.odd(8),
    };
    Ok((
        SlotNo(row.small(3)?),
        SlotState {
            content: row.blob(4)?.to_vec(),
            owner,
            proof,
            since: row.optional(9)?,
            doubt: row.int(10)? != 0,
        },
    ))
}

type Placement = (BTreeMap<EntryKey, SlotNo>, Vec<SlotNo>);

/// Where an entry stands: `[friend, number, slot]`, and as it was written before.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Placed {
    Short(FriendNo, NumberNo, SlotNo),
    Before(EntryKey, SlotNo),
}

impl Placed {
    fn read(self) -> (EntryKey, SlotNo) {
        match self {
            Self::Short(friend, number, slot) => (EntryKey { friend, number }, slot),
            Self::Before(key, slot) => (key, slot),
        }
    }
}

fn placement(row: &[Value]) -> Result<Placement, StoreError> {
    let entries: Vec<Placed> = row.json(0)?;
    Ok((
        entries.into_iter().map(Placed::read).collect(),
        row.json(1)?,
    ))
}

pub(crate) fn of(db: &dyn Database, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError> {
    full(&db.load(&loads(2, &[subscriber(id)]))?)
}

/// Those of these terminals and of these books that are there.
pub(crate) fn with_books(
    db: &dyn Database,
    ids: &[TerminalId],
    of: &[SubscriberId],
) -> Result<(Vec<TerminalFull>, Vec<BookFull>), StoreError> {
    let mut wanted = loads(3, &ids.iter().map(|id| key(*id)).collect::<Vec<_>>());
    wanted.extend(books::loads(&books::FULL, of));
    let mut found = db.load(&wanted)?;
    let rows = found.split_off(ROWS.len());
    Ok((full(&found)?, books::full(&rows)?.into_values().collect()))
}

/// A page of all terminals, or of those with this need.
pub(crate) fn page(
    db: &dyn Database,
    need: Option<Need>,
    after: Option<TerminalId>,
    limit: u32,
) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
    let mut values = after.map_or_else(|| [0_i64, -1, 0].map(Value::from).to_vec(), key);
    values.push(limit.into());
    let (mut at, mut only) = (At::Everywhere, "");
    if need.is_some() {
        // Whoever looks for what is wrong hears of the rest.
        (at, only) = (At::Reachable, "t.needs = ?5 AND");
        values.push(needs(need));
    }
    let sql = format!(
        "SELECT t.slice, t.sub, t.term, t.version, t.channel, t.address, t.iccid, t.retired, t.counter_next,
         t.in_flight, t.next_try, t.body, {} FROM terminal t {}
         WHERE {only} (t.slice, t.sub, t.term) > (?1, ?2, ?3) ORDER BY t.slice, t.sub, t.term LIMIT ?4",
        marks::COLUMNS,
        marks::BESIDE
    );
    let mut rows = db.rows(at, &sql, &values)?;
    rows.sort_unstable();
    rows.iter()
        .take(limit as usize)
        .map(|row| Ok((body::read(row)?, marks::due_at(row, 12)?)))
        .collect()
}

/// The active terminals with these numbers, each with its number.
pub(crate) fn by_addresses(
    db: &dyn Database,
    addresses: &[String],
) -> Result<Vec<(String, TerminalId)>, StoreError> {
    let keys = addresses.iter().map(|address| vec![address.into()]);
    let rows = db.load(&[Load::of(&ADDRESS, 1, keys)])?;
    let read = |row: &Row| Ok((row.text(0)?.to_owned(), id_at(row, 3)?));
    let mut found: Vec<_> = rows
        .iter()
        .flatten()
        .map(read)
        .collect::<Result<_, StoreError>>()?;
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn by_iccid(db: &dyn Database, iccid: &str) -> Result<Option<TerminalId>, StoreError> {
    let sql = "SELECT sub, term FROM terminal WHERE iccid = ?1 AND retired = 0";
    let rows = db.rows(At::Everywhere, sql, &[iccid.into()])?;
    rows.first().map(|row| id_at(row, 0)).transpose()
}

/// A condition on the slice, which stands in `column`; none when all are wanted. What is found along its time gives a sum,
/// `t.slice + 0`, which is in no index: without statistics PostgreSQL went through every terminal of the slices instead.
pub(crate) fn within(column: &str, owned: &Slices) -> String {
    if *owned == Slices::ALL {
        return String::new();
    }
    // In the text, because a list is no parameter; they are numbers. A set changes a few times a day.
    let list: Vec<_> = owned.iter().map(|slice| slice.to_string()).collect();
    match &list[..] {
        [] => " AND 1 = 0".into(),
        _ => format!(" AND {column} IN ({})", list.join(", ")),
    }
}

/// What waits for its next try; what a verified call or a pause holds back is not tried before it lets go.
const TRIED: &str = "t.in_flight IS NULL AND t.retired = 0 AND NOT EXISTS (SELECT 1 FROM due d
    WHERE d.slice = t.slice AND d.sub = t.sub AND d.term = t.term AND d.at >= ?1)";

pub(crate) fn ask_waiting(owned: &Slices, now: i64, limit: u32) -> Asked {
    let sql = format!(
        "SELECT t.next_try, t.sub, t.term FROM terminal t WHERE {TRIED} AND t.next_try <= ?2{}
         ORDER BY t.next_try LIMIT ?3",
        within("t.slice + 0", owned)
    );
    let values = vec![Due::PAUSED.into(), now.into(), limit.into()];
    (At::Reachable, sql, values)
}

/// From rows of [`ask_waiting`], of several databases.
pub(crate) fn read_waiting(mut rows: Vec<Row>, limit: u32) -> Result<Vec<TerminalId>, StoreError> {
    rows.sort_unstable();
    let first = rows.iter().take(limit as usize);
    first.map(|row| id_at(row, 1)).collect()
}

/// When the first is tried after `now`.
pub(crate) fn ask_next_try(owned: &Slices, now: i64) -> Asked {
    let sql = format!(
        "SELECT t.next_try FROM terminal t WHERE {TRIED} AND t.next_try > ?2{} ORDER BY t.next_try LIMIT 1",
        within("t.slice + 0", owned)
    );
    (At::Reachable, sql, vec![Due::PAUSED.into(), now.into()])
}

// Demands.

pub(crate) fn want(terminal: &Terminal, wanted: &mut Wanted) {
    wanted.row(&SUBSCRIBER, Lock::None, subscriber(terminal.id.subscriber));
    wanted.row(&STANDING, Lock::Update, key(terminal.id));
    wanted.row(&MARK, Lock::None, key(terminal.id));
    wanted.row(&ADDRESS, Lock::None, address(terminal));
    if let Some(iccid) = &terminal.iccid {
        wanted.row(&CARD, Lock::None, vec![iccid.into()]);
    }
}

pub(crate) fn want_change(terminal: &Terminal, wanted: &mut Wanted) {
    want(terminal, wanted);
    wanted.row(&SEATED, Lock::None, key(terminal.id));
}

fn address(terminal: &Terminal) -> Row {
    vec![(&terminal.msisdn).into(), terminal.channel.as_str().into()]
}

/// Refused unless they are all there.
pub(crate) fn demand_all(unit: &Unit, marks: &[(TerminalId, Due)]) -> Done {
    for (id, _) in marks {
        standing(unit, *id)?.ok_or(Refused::Missing)?;
    }
    Ok(())
}

/// What is demanded of a terminal.
pub(crate) struct Standing {
    version: u64,
    counter_next: u64,
    pub(crate) retired: bool,
    in_flight: Option<i64>,
}

/// What jobs after this one see of a terminal as it is written now.
fn note_standing(unit: &mut Unit, terminal: &Terminal, version: u64) {
    let seen = vec![
        version.into(),
        terminal.counter_next.into(),
        terminal.retired.into(),
        terminal.in_flight.map(|ship| ship.0).into(),
    ];
    unit.note(&STANDING, key(terminal.id), Some(seen));
}

/// What is on its way to it now, in the place of what was.
fn put_flight(unit: &mut Unit, terminal: &Terminal) -> Done {
    let before = standing(unit, terminal.id)?.and_then(|there| there.in_flight);
    let now = terminal.in_flight.map(|ship| ship.0.cast_signed());
    if before == now {
        return Ok(());
    }
    let slice = terminal.id.subscriber.slice();
    let key = |ship: i64| vec![slice.into(), ship.into()];
    if let Some(before) = before {
        unit.put(&FLIGHT, key(before), None);
    }
    if let Some(now) = now {
        let of = terminal.id;
        let rest = vec![of.subscriber.0.into(), of.no.into()];
        unit.put(&FLIGHT, key(now), Some(rest));
    }
    Ok(())
}

pub(crate) fn standing(unit: &Unit, id: TerminalId) -> Result<Option<Standing>, Stop> {
    let Some(row) = unit.get(&STANDING, &key(id))? else {
        return Ok(None);
    };
    Ok(Some(Standing {
        version: row.unsigned(0)?,
        counter_next: row.unsigned(1)?,
        retired: row.int(2)? != 0,
        in_flight: row.optional(3)?,
    }))
}

/// Refused when its card or its address belongs to another active one.
fn demand_free(unit: &Unit, terminal: &Terminal) -> Done {
    if terminal.retired {
        return Ok(());
    }
    let mine = key(terminal.id);
    if let Some(iccid) = &terminal.iccid
        && unit
            .get(&CARD, &[iccid.into()])?
            .is_some_and(|id| *id != mine)
    {
        return Err(Refused::Taken(format!("the card {iccid}")).into());
    }
    if unit
        .get(&ADDRESS, &address(terminal))?
        .is_some_and(|id| *id != mine)
    {
        let what = format!(
            "the number {} over {}",
            terminal.msisdn,
            terminal.channel.as_str()
        );
        return Err(Refused::Taken(what).into());
    }
    Ok(())
}

/// The same, asked of every database.
pub(crate) fn demand_free_everywhere(
    reads: &dyn Reads,
    terminal: &Terminal,
) -> Result<(), StoreError> {
    if terminal.retired {
        return Ok(());
    }
    if let Some(iccid) = &terminal.iccid
        && reads
            .terminal_by_iccid(iccid)?
            .is_some_and(|id| id != terminal.id)
    {
        return Err(Refused::Taken(format!("the card {iccid}")).into());
    }
    let others = reads.terminals_by_address(&terminal.msisdn)?;
    let others: Vec<_> = others.into_iter().filter(|id| *id != terminal.id).collect();
    let same = |full: &TerminalFull| full.terminal.channel == terminal.channel;
    if reads.terminals_full(&others)?.iter().any(same) {
        let what = format!(
            "the number {} over {}",
            terminal.msisdn,
            terminal.channel.as_str()
        );
        return Err(Refused::Taken(what).into());
    }
    Ok(())
}

/// The row that a delivery's step may replace: refused when somebody wrote it since it was read.
pub(crate) fn demand_step(unit: &Unit, terminal: &Terminal) -> Done {
    let there = standing(unit, terminal.id)?.ok_or(Refused::Missing)?;
    if there.version != terminal.version {
        return Err(Refused::Stale.into());
    }
    if terminal.counter_next < there.counter_next {
        let why = format!(
            "the counter of terminal {} of {} would go back from {} to {}, and be used twice",
            terminal.id.no, terminal.id.subscriber, there.counter_next, terminal.counter_next
        );
        return Err(Stop::mistake("record a delivery's step", why));
    }
    Ok(())
}

// Writing.

pub(crate) fn add(unit: &mut Unit, terminal: &Terminal) -> Done {
    subscribers::demand(unit, terminal.id.subscriber)?;
    if standing(unit, terminal.id)?.is_some() {
        return Err(Refused::Taken(format!("terminal {}", terminal.id.no)).into());
    }
    demand_free(unit, terminal)?;
    put(unit, terminal, 0)
}

pub(crate) fn change(unit: &mut Unit, terminal: &Terminal, blank: bool, due: Option<&Due>) -> Done {
    let there = standing(unit, terminal.id)?.ok_or(Refused::Missing)?;
    // A step of delivery came between reading and changing; only a new card begins its counter anew.
    if there.version != terminal.version || !blank && terminal.counter_next < there.counter_next {
        return Err(Refused::Stale.into());
    }
    demand_free(unit, terminal)?;
    remember_card(unit, terminal, there.counter_next)?;
    put(unit, terminal, there.version + 1)?;
    if blank {
        for table in [&SLOT, &PLACEMENT] {
            unit.remove_under(table, key(terminal.id));
        }
    }
    if terminal.retired {
        marks::clear(unit, terminal.id);
        return Ok(());
    }
    due.map_or(Ok(()), |due| marks::merge_all(unit, &[(terminal.id, *due)]))
}

/// A card that leaves its terminal for another one, or gets other keys: what its counter came to stays known.
fn remember_card(unit: &mut Unit, new: &Terminal, counter_next: u64) -> Done {
    let Some((iccid, of)) = unit.get(&SEATED, &key(new.id))?.map(seated).transpose()? else {
        return Ok(());
    };
    let mut before = Terminal {
        iccid,
        incarnation: of.incarnation,
        counter_next,
        ..new.clone()
    };
    before.record.key_set = of.record.key_set;
    let other_card = before.iccid != new.iccid;
    let other_keys = of.record.key_set.is_some() && of.record.key_set != new.record.key_set;
    // Nobody told key sets apart when it was written: only other keys begin anew.
    let anew = new.counter_next < counter_next;
    if (other_card || other_keys || anew)
        && let Some((key, rest)) = cards::memory(&before)?
    {
        unit.put(&DOCUMENT, key, Some(rest));
    }
    Ok(())
}

/// What [`seated`] reads of a body.
#[derive(Deserialize)]
struct Of {
    incarnation: u64,
    #[serde(default)]
    record: Record,
}

/// From a row of [`SEATED`]: the card, and whose its counter is.
fn seated(row: &Row) -> Result<(Option<String>, Of), StoreError> {
    let iccid = match row.column(0) {
        Value::Null => None,
        _ => Some(row.text(0)?.to_owned()),
    };
    Ok((iccid, row.json(1)?))
}

fn needs(need: Option<Need>) -> Value {
    let code = |need| match need {
        Need::Notice => 1_i64,
        Need::Person => 2,
    };
    need.map(code).into()
}

/// The whole row but for its due mark.
pub(crate) fn put(unit: &mut Unit, terminal: &Terminal, version: u64) -> Done {
    let id = key(terminal.id);
    let (counter, retired) = (terminal.counter_next, terminal.retired);
    let body = body::of(terminal)?;
    let seated = vec![terminal.iccid.as_ref().into(), body.clone()];
    unit.note(&SEATED, id.clone(), Some(seated));
    let row = vec![
        version.into(),
        terminal.channel.as_str().into(),
        (&terminal.msisdn).into(),
        terminal.iccid.as_ref().into(),
        retired.into(),
        counter.into(),
        terminal.in_flight.map(|ship| ship.0).into(),
        terminal.next_try.into(),
        body,
        needs(terminal.needs()),
    ];
    unit.take_back(&STEP, &id);
    put_flight(unit, terminal)?;
    unit.same(&STANDING, &TERMINAL, &id);
    note_standing(unit, terminal, version);
    let holder = (!retired).then(|| id.clone());
    if let Some(iccid) = &terminal.iccid {
        note_holder(unit, &CARD, vec![iccid.into()], &id, holder.clone())?;
    }
    note_holder(unit, &ADDRESS, address(terminal), &id, holder)?;
    unit.put(&TERMINAL, id, Some(row));
    Ok(())
}

/// Jobs after this one see who has a card or a number now. What the terminal had before stays taken for this group.
fn note_holder(
    unit: &mut Unit,
    table: &'static crate::table::Table,
    what: Row,
    id: &Row,
    holder: Option<Row>,
) -> Done {
    let before = unit.get(table, &what).ok().flatten();
    if holder.is_some() || before == Some(id) {
        unit.note(table, what, holder);
    }
    Ok(())
}

/// What a step of delivery writes of a terminal: never its card or its number.
pub(crate) fn put_step(unit: &mut Unit, terminal: &Terminal) -> Done {
    let id = key(terminal.id);
    let version = terminal.version + 1;
    if unit.is_written(&TERMINAL, &id) {
        return put(unit, terminal, version);
    }
    put_flight(unit, terminal)?;
    let row = vec![
        version.into(),
        terminal.counter_next.into(),
        terminal.in_flight.map(|ship| ship.0).into(),
        terminal.next_try.into(),
        body::of(terminal)?,
        needs(terminal.needs()),
    ];
    unit.same(&STANDING, &STEP, &id);
    note_standing(unit, terminal, version);
    unit.put(&STEP, id, Some(row));
    Ok(())
}

pub(crate) fn put_slot(unit: &mut Unit, id: TerminalId, slot: SlotNo, state: &SlotState) {
    let (owner, entry) = match state.owner {
        Owner::Free => (0_i64, None),
        Owner::Ours(entry) => (1, Some(entry)),
        Owner::Foreign => (2, None),
        Owner::Unknown => (3, None),
    };
    let proof = match state.proof {
        Proof::None => 0_i64,
        Proof::Accepted => 1,
        Proof::Delivered => 2,
        Proof::Applied => 3,
        Proof::Verified => 4,
    };
    let mut at = key(id);
    at.push(slot.0.into());
    let rest = vec![
        state.content.clone().into(),
        owner.into(),
        entry.map(|e| e.friend.0).into(),
        entry.map(|e| e.number.0).into(),
        proof.into(),
        state.since.into(),
        state.doubt.into(),
    ];
    unit.put(&SLOT, at, Some(rest));
}

/// A new placement, if there is one, and slots freed: each stands once, at its last freeing.
pub(crate) fn place(
    unit: &mut Unit,
    id: TerminalId,
    new: Option<&BTreeMap<EntryKey, SlotNo>>,
    newly_freed: &[SlotNo],
) -> Done {
    if new.is_none() && newly_freed.is_empty() {
        return Ok(());
    }
    let (old, mut freed) = match unit.get(&PLACEMENT, &key(id))? {
        Some(row) => placement(row)?,
        None => Placement::default(),
    };
    freed.retain(|slot| !newly_freed.contains(slot));
    freed.extend(newly_freed);
    let short = |(key, slot): (&EntryKey, &SlotNo)| Placed::Short(key.friend, key.number, *slot);
    let entries: Vec<_> = new.unwrap_or(&old).iter().map(short).collect();
    unit.put(
        &PLACEMENT,
        key(id),
        Some(vec![json(&entries)?, json(&freed)?]),
    );
    Ok(())
}
