//! The planner against an enumerator that shares no code with it: no smaller number of writes exists, and no smaller
//! number of SMS parts exists among the encodings that the card profile allows.
//!
//! The enumerator knows record sizes (TS 31.102 §4.4.2), command sizes (TS 102 221 §11.1) and room (TS 102 225 §5.1,
//! TS 31.115 §4.2) by itself, tries every assignment of entries to records, every packing into packets and every way to
//! address the files, and runs the plan's octets on a card of its own.
#![allow(clippy::unwrap_used)]

use book::{FriendNo, NumberNo};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use terminals::{
    CardProfile, ChannelKind, Desired, EntryKey, Owner, Plan, PlanInput, Proof, Shadow, SlotNo,
    SlotState, TerminalProfile, Wanted, plan,
};

/// SplitMix64: a seed gives the same cases everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn card(dice: &mut Dice) -> CardProfile {
    let length = 20 + dice.below(15);
    let records = 1 + dice.below(6);
    let ext1 = dice.pick(&[0, 0, 1, 2, 4]);
    let directory = dice.pick(&[r#"["7F10"]"#, r#"["7F10", "5F3A"]"#]);
    let (adn_sfi, ext1_sfi) =
        dice.pick(&[(true, true), (false, false), (true, false), (false, true)]);
    let cipher = dice.pick(&["12", "15"]);
    let mut toml = format!(
        "name = \"any\"\nrecord_length = {length}\nrecords = {records}\next1_records = {ext1}\ndirectory = {directory}\n\
         adn = \"4F3A\"\next1 = \"4F4A\"\ntar = \"B00010\"\nkic_byte = \"{cipher}\"\nkid_byte = \"{cipher}\"\nspi = \"1639\"\n\
         max_parts = {}\nref_bits = {}\nudh_70_in_every_part = {}\nspeed_dial_is_record = {}\n",
        1 + dice.below(3),
        dice.pick(&[8, 8, 16]),
        dice.one_in(4),
        dice.one_in(4),
    );
    if adn_sfi {
        toml += "adn_sfi = 2\n";
    }
    if ext1_sfi {
        toml += "ext1_sfi = 6\n";
    }
    CardProfile::parse(&toml).unwrap()
}

fn wanted(dice: &mut Dice, friend: u32, long: bool) -> Wanted {
    let name = dice.pick(&[
        "Mum",
        "AnnLeeW",
        "GrandmotherElisabethMay",
        "Bo",
        "小梅",
        "王医生",
        "老王",
        "Jo5",
    ]);
    let mut dial = format!(
        "{}{:03}",
        dice.pick(&["+447700900", "02079460", "1"]),
        dice.below(20)
    );
    if long && dice.one_in(2) {
        dial = format!("{dial}p{:018}", dice.below(4));
    }
    Wanted {
        key: EntryKey {
            friend: FriendNo(friend),
            number: NumberNo(friend),
        },
        name: name.into(),
        suffix: 0,
        dial,
        speed_dial: None,
    }
}

/// The record (without its last octet) and EF_EXT1 record that an entry must have.
fn octets(wanted: &Wanted, length: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let room = length - 14;
    let mut name = wanted.name.as_bytes().to_vec();
    if !wanted.name.is_ascii() {
        let fit = (room - 1) / 2;
        name = vec![0x80];
        name.extend(
            wanted
                .name
                .chars()
                .take(fit)
                .flat_map(|c| (c as u16).to_be_bytes()),
        );
    }
    name.truncate(room);
    name.resize(room, 0xFF);
    let digits: Vec<u8> = wanted
        .dial
        .trim_start_matches('+')
        .bytes()
        .map(|b| if b == b'p' { 0xC } else { b - b'0' })
        .collect();
    let bcd = |digits: &[u8]| {
        let mut octets: Vec<u8> = digits
            .chunks(2)
            .map(|d| d[0] | d.get(1).unwrap_or(&15) << 4)
            .collect();
        let used = octets.len() as u8;
        octets.resize(10, 0xFF);
        (used, octets)
    };
    let (used, head) = bcd(&digits[..digits.len().min(20)]);
    name.extend([
        used + 1,
        if wanted.dial.starts_with('+') {
            0x91
        } else {
            0x81
        },
    ]);
    name.extend(head);
    name.push(0xFF);
    let tail = (digits.len() > 20).then(|| {
        let (used, tail) = bcd(&digits[20..]);
        [vec![2, used], tail, vec![0xFF]].concat()
    });
    (name, tail)
}

/// A card's two files, and what it does with a script.
#[derive(Clone)]
struct Chip {
    path: Vec<u8>,
    sfi: [Option<u8>; 2],
    files: [Vec<Vec<u8>>; 2],
}

impl Chip {
    fn new(card: &CardProfile) -> Self {
        Self {
            path: card
                .directory
                .iter()
                .flat_map(|id| hex::decode(id).unwrap())
                .collect(),
            sfi: [card.adn_sfi, card.ext1_sfi],
            files: [
                vec![vec![0xFF; card.record_length.into()]; card.records.into()],
                vec![vec![0xFF; 13]; card.ext1_records.into()],
            ],
        }
    }

    /// Runs a script; gives the (file, record) of every update in order.
    fn run(&mut self, script: &[u8]) -> Vec<(usize, u8)> {
        let (mut here, mut file, mut updates) = (false, None, Vec::new());
        let mut rest = script;
        while let [0x00, ins, p1, p2, lc, after @ ..] = rest {
            let (data, next) = after.split_at(usize::from(*lc));
            rest = next;
            let ids = [[0x4F, 0x3A], [0x4F, 0x4A]];
            match (ins, p1, p2) {
                (0xA4, 0x08, 0x0C) => {
                    assert!(data.starts_with(&self.path), "another directory");
                    here = true;
                    file = match &data[self.path.len()..] {
                        [] => None,
                        id => Some(ids.iter().position(|i| i == id).unwrap()),
                    };
                }
                (0xA4, 0x00, 0x0C) => {
                    assert!(here, "a file id before its directory");
                    file = Some(ids.iter().position(|i| i == data).unwrap());
                }
                (0xDC, record, p2) => {
                    assert_eq!(p2 & 7, 4, "absolute only");
                    if p2 >> 3 != 0 {
                        assert!(here, "an SFI before its directory");
                        file = Some(self.sfi.iter().position(|s| *s == Some(p2 >> 3)).unwrap());
                    }
                    let at = &mut self.files[file.unwrap()][usize::from(*record) - 1];
                    assert_eq!(at.len(), data.len(), "a whole record");
                    at.copy_from_slice(data);
                    updates.push((file.unwrap(), *record));
                }
                other => panic!("a command that is not for a plan: {other:x?}"),
            }
        }
        assert!(rest.is_empty());
        updates
    }
}

/// Octets of script that fit `n` messages.
fn room(card: &CardProfile, n: usize) -> usize {
    let block = if card.kic_byte == "12" { 16 } else { 8 };
    let ie = if card.ref_bits == 16 { 6 } else { 5 };
    let packet = match (n, card.udh_70_in_every_part) {
        (1, _) => 137,
        (n, true) => n * (140 - 1 - 2 - ie),
        (n, false) => (140 - 1 - 2 - ie) + (n - 1) * (140 - 1 - ie),
    };
    // CPL CHL SPI KIc KID TAR in clear; CNTR PCNTR CC and script in whole blocks.
    (packet - 10) / block * block - (5 + 1 + 8)
}

fn parts(card: &CardProfile, script: usize) -> usize {
    (1..).find(|n| room(card, *n) >= script).unwrap()
}

/// The fewest octets of SELECT for runs of commands on files 0 (ADN) and 1 (EXT1), every way tried.
fn addressing(card: &CardProfile, runs: &[usize], here: bool) -> usize {
    let Some((file, more)) = runs.split_first() else {
        return 0;
    };
    let directory = 5 + 2 * card.directory.len();
    let sfi = [card.adn_sfi, card.ext1_sfi][*file].is_some();
    let mut ways = vec![directory + 2];
    if sfi {
        ways.push(directory);
    } else {
        ways.push(directory + 7);
    }
    if here {
        ways.push(if sfi { 0 } else { 7 });
    }
    ways.into_iter().min().unwrap() + addressing(card, more, true)
}

/// (EXT1 writes, ADN writes that need one of them, other ADN writes); EXT1 writes beyond the second number stand alone.
type Counts = (usize, usize, usize);

/// The fewest parts for what is left of `all`, every packet tried; `None`: impossible.
fn fewest(
    card: &CardProfile,
    all: Counts,
    left: Counts,
    known: &mut HashMap<Counts, Option<usize>>,
) -> Option<usize> {
    if left == (0, 0, 0) {
        return Some(0);
    }
    if let Some(known) = known.get(&left) {
        return *known;
    }
    let ready = (all.0 - left.0).min(all.1) - (all.1 - left.1);
    let mut best = None;
    for e in 0..=left.0 {
        for d in 0..=left.1 {
            for p in 0..=left.2 {
                if e + d + p == 0 || d > ready + e {
                    continue;
                }
                let adn = d + p > 0;
                let mut orders: Vec<Vec<usize>> = vec![];
                match (e > 0, adn) {
                    (true, true) => {
                        orders.push(vec![1, 0]);
                        if d <= ready {
                            orders.push(vec![0, 1]);
                        }
                        if ready + p > 0 {
                            orders.push(vec![0, 1, 0]);
                        }
                        orders.push(vec![1, 0, 1]);
                    }
                    (true, false) => orders.push(vec![1]),
                    _ => orders.push(vec![0]),
                }
                let select = orders
                    .iter()
                    .map(|o| addressing(card, o, false))
                    .min()
                    .unwrap();
                let script = select + e * 18 + (d + p) * (5 + usize::from(card.record_length));
                let n = parts(card, script);
                if n > card.max_parts.into() {
                    continue;
                }
                let rest = fewest(card, all, (left.0 - e, left.1 - d, left.2 - p), known);
                best = best.into_iter().chain(rest.map(|rest| rest + n)).min();
            }
        }
    }
    known.insert(left, best);
    best
}

struct Case {
    card: CardProfile,
    chip: Chip,
    shadow: Shadow,
    entries: Vec<Wanted>,
}

impl Case {
    /// Every way to place the entries: the fewest writes, and every count of writes that comes up.
    fn ways(&self) -> BTreeMap<usize, BTreeSet<Counts>> {
        let wants: Vec<_> = self
            .entries
            .iter()
            .map(|w| octets(w, self.card.record_length.into()))
            .collect();
        let mut ways = BTreeMap::new();
        self.place(&wants, &mut Vec::new(), &mut ways);
        ways
    }

    fn place(
        &self,
        wants: &[(Vec<u8>, Option<Vec<u8>>)],
        chosen: &mut Vec<(u8, Option<u8>)>,
        ways: &mut BTreeMap<usize, BTreeSet<Counts>>,
    ) {
        let Some((_, tail)) = wants.get(chosen.len()) else {
            let counts = self.count(wants, chosen);
            ways.entry(counts.0 + counts.1 + counts.2)
                .or_default()
                .insert(counts);
            return;
        };
        let key = self.entries[chosen.len()]
            .speed_dial
            .filter(|_| self.card.speed_dial_is_record);
        for slot in 1..=self.card.records {
            let foreign = |slot: u8| self.shadow.get(SlotNo(slot.into())).owner == Owner::Foreign;
            let must = key.filter(|k| *k <= self.card.records && !foreign(*k));
            if foreign(slot)
                || chosen.iter().any(|(s, _)| *s == slot)
                || must.is_some_and(|m| m != slot)
            {
                continue;
            }
            let records: Vec<Option<u8>> = match tail {
                None => vec![None],
                Some(_) => (1..=self.card.ext1_records)
                    .filter(|r| !chosen.iter().any(|(_, c)| *c == Some(*r)))
                    .filter(|r| {
                        !(1..=self.card.records).any(|s| {
                            foreign(s) && self.chip.files[0][usize::from(s) - 1].last() == Some(r)
                        })
                    })
                    .map(Some)
                    .collect(),
            };
            for record in records {
                chosen.push((slot, record));
                self.place(wants, chosen, ways);
                chosen.pop();
            }
        }
    }

    fn count(&self, wants: &[(Vec<u8>, Option<Vec<u8>>)], chosen: &[(u8, Option<u8>)]) -> Counts {
        let (mut ext1, mut dependent, mut plain) = (0, 0, 0);
        for slot in 1..=self.card.records {
            let state = self.shadow.get(SlotNo(slot.into()));
            let stands = &self.chip.files[0][usize::from(slot) - 1];
            match chosen.iter().position(|(s, _)| *s == slot) {
                Some(i) => {
                    let (base, tail) = &wants[i];
                    let record = chosen[i].1;
                    let whole = [&base[..], &[record.unwrap_or(0xFF)]].concat();
                    let right =
                        matches!(state.owner, Owner::Ours(_)) && !state.doubt && *stands == whole;
                    let tail_written = tail.as_ref().is_some_and(|tail| {
                        let r = record.unwrap();
                        self.shadow.get(SlotNo::ext1(r)).doubt
                            || self.chip.files[1][usize::from(r) - 1] != *tail
                    });
                    ext1 += usize::from(tail_written);
                    dependent += usize::from(!right && tail_written);
                    plain += usize::from(!right && !tail_written);
                }
                None => plain += usize::from(matches!(state.owner, Owner::Ours(_)) || state.doubt),
            }
        }
        (ext1, dependent, plain)
    }
}

fn make(
    card: &CardProfile,
    terminal: &TerminalProfile,
    desired: &Desired,
    shadow: &Shadow,
    placement: &BTreeMap<EntryKey, SlotNo>,
) -> Plan {
    plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(card),
        terminal,
        desired,
        shadow,
        placement,
        freed: &[],
        everything: false,
    })
    .unwrap()
}

/// Carries the plan out on the chip, checking every packet, and writes down what is proven then.
fn carry_out(card: &CardProfile, chip: &mut Chip, shadow: &mut Shadow, plan: &Plan) {
    let mut updates = Vec::new();
    for packet in &plan.packets {
        assert_eq!(usize::from(packet.parts), parts(card, packet.payload.len()));
        assert!(packet.parts <= card.max_parts);
        updates.extend(chip.run(&packet.payload));
    }
    assert_eq!(updates.len(), plan.writes.len());
    for ((file, record), write) in updates.iter().zip(&plan.writes) {
        let slot = if *file == 1 {
            SlotNo::ext1(*record)
        } else {
            SlotNo((*record).into())
        };
        assert_eq!(write.slot, slot);
        assert_ne!(
            shadow.get(slot).owner,
            Owner::Foreign,
            "the owner's own record is never touched"
        );
        let content = chip.files[*file][usize::from(*record) - 1].clone();
        let blank = content.iter().all(|o| *o == 0xFF);
        let owner = write.entry.map_or(Owner::Free, Owner::Ours);
        let content = if blank { vec![] } else { content };
        shadow.slots.insert(
            slot,
            SlotState {
                content,
                owner,
                proof: Proof::Applied,
                since: None,
                doubt: false,
            },
        );
        // The end of a number stands before the record that points to it.
        if *file == 0 && !blank {
            let pointer = chip.files[0][usize::from(*record) - 1]
                .last()
                .copied()
                .unwrap();
            if pointer != 0xFF {
                let tail_at = updates.iter().position(|u| *u == (1, pointer));
                let adn_at = updates.iter().position(|u| u == &(0, *record));
                assert!(tail_at.is_none() || tail_at < adn_at);
            }
        }
    }
}

fn check(seed: u64) -> (usize, usize) {
    let dice = &mut Dice(seed);
    let card = card(dice);
    let terminal = TerminalProfile::builtin("feature-phone").unwrap();
    let (mut chip, mut shadow) = (Chip::new(&card), Shadow::default());
    let long = card.ext1_records > 0;

    // A card with some history: entries of ours, the owner's own, writes whose fate nobody knows.
    for slot in 1..=card.records {
        if dice.one_in(6) {
            let mut own = vec![0xFF; card.record_length.into()];
            own[0] = b'X';
            if card.ext1_records > 1 && dice.one_in(3) {
                *own.last_mut().unwrap() = 1;
            }
            chip.files[0][usize::from(slot) - 1].clone_from(&own);
            let state = SlotState {
                content: own,
                owner: Owner::Foreign,
                ..SlotState::default()
            };
            shadow.slots.insert(SlotNo(slot.into()), state);
        }
    }
    let count = dice.below(6);
    let mut entries: Vec<Wanted> = (1..=count as u32).map(|n| wanted(dice, n, long)).collect();
    let first = make(
        &card,
        &terminal,
        &Desired {
            entries: entries.clone(),
            left_out: vec![],
        },
        &shadow,
        &BTreeMap::new(),
    );
    carry_out(&card, &mut chip, &mut shadow, &first);
    for slot in 1..=card.records {
        let slot = SlotNo(slot.into());
        let state = shadow.get(slot);
        if state.owner != Owner::Foreign && dice.one_in(8) {
            shadow.slots.insert(
                slot,
                SlotState {
                    doubt: true,
                    ..state
                },
            );
        }
    }
    for record in 1..=card.ext1_records {
        let slot = SlotNo::ext1(record);
        if dice.one_in(10) {
            let state = shadow.get(slot);
            shadow.slots.insert(
                slot,
                SlotState {
                    doubt: true,
                    ..state
                },
            );
        }
    }
    let mut next = 10;
    entries.retain_mut(|entry| {
        if dice.one_in(3) {
            let new = wanted(dice, entry.key.friend.0, long);
            match dice.below(3) {
                0 => entry.name = new.name,
                1 => entry.dial = new.dial,
                _ => *entry = new,
            }
        }
        !dice.one_in(5)
    });
    while entries.len() < 5 && dice.one_in(2) {
        entries.push(wanted(dice, next, long));
        next += 1;
    }
    if dice.one_in(3) {
        let at = dice.below(entries.len().max(1));
        if let Some(entry) = entries.get_mut(at) {
            entry.speed_dial = Some(2 + dice.below(4) as u8);
        }
    }

    let desired = Desired {
        entries,
        left_out: vec![],
    };
    let placement = if dice.one_in(5) {
        BTreeMap::new()
    } else {
        first.placement.clone()
    };
    let plan = make(&card, &terminal, &desired, &shadow, &placement);

    // What was left out is not the enumerator's business.
    let kept: BTreeSet<EntryKey> = plan.shown.iter().map(|s| s.key).collect();
    let usable = (1..=card.records)
        .filter(|s| shadow.get(SlotNo((*s).into())).owner != Owner::Foreign)
        .count();
    let full_or_long = desired.entries.len() - kept.len();
    assert!(kept.len() == usable.min(desired.entries.len()) || card.ext1_records > 0);
    assert_eq!(plan.left_out.len(), full_or_long);
    let entries: Vec<Wanted> = desired
        .entries
        .iter()
        .filter(|w| kept.contains(&w.key))
        .cloned()
        .collect();
    let case = Case {
        card,
        chip,
        shadow,
        entries,
    };
    let ways = case.ways();
    let (least, _) = ways.first_key_value().unwrap();
    let told = || {
        let shown: Vec<_> = plan
            .shown
            .iter()
            .map(|s| (s.slot.0, &s.name, &s.number))
            .collect();
        let writes: Vec<_> = plan
            .writes
            .iter()
            .map(|w| (w.slot.0, hex::encode(&w.content)))
            .collect();
        let states: Vec<_> = (case.shadow.slots.iter())
            .map(|(n, s)| {
                format!(
                    "{} {:?} {} {}",
                    n.0,
                    s.owner,
                    s.doubt,
                    hex::encode(&s.content)
                )
            })
            .collect();
        format!(
            "seed {seed}: {:?}\nshown {shown:#?}\nwrites {writes:#?}\nshadow {states:#?}\n{:#?}",
            case.card, plan.reasons
        )
    };
    assert_eq!(plan.writes.len(), *least, "writes: {}", told());
    let least_parts = ways
        .values()
        .flatten()
        .filter_map(|counts| fewest(&case.card, *counts, *counts, &mut HashMap::new()))
        .min()
        .unwrap();
    assert_eq!(plan.parts() as usize, least_parts, "parts: {}", told());

    // Carried out, the card holds what was wanted, each at its own place, and all else as before.
    let Case {
        card,
        mut chip,
        mut shadow,
        entries,
    } = case;
    let before = chip.clone();
    carry_out(&card, &mut chip, &mut shadow, &plan);
    let mut pointers = BTreeSet::new();
    for (wanted, shown) in entries.iter().zip(&plan.shown) {
        let (base, tail) = octets(wanted, card.record_length.into());
        let record = &chip.files[0][usize::from(shown.slot.0) - 1];
        let (pointer, rest) = record.split_last().unwrap();
        assert_eq!(rest, base, "seed {seed}: {wanted:?}");
        match tail {
            None => assert_eq!(*pointer, 0xFF),
            Some(tail) => {
                assert_eq!(
                    chip.files[1][usize::from(*pointer) - 1],
                    tail,
                    "seed {seed}: {wanted:?}"
                );
                assert!(pointers.insert(*pointer), "an EF_EXT1 record of its own");
            }
        }
    }
    for slot in 1..=card.records {
        let at = usize::from(slot) - 1;
        let slot = SlotNo(slot.into());
        if shadow.get(slot).owner == Owner::Foreign {
            assert_eq!(chip.files[0][at], before.files[0][at]);
        } else if !plan.shown.iter().any(|s| s.slot == slot) {
            assert!(
                chip.files[0][at].iter().all(|o| *o == 0xFF),
                "seed {seed}: {slot:?} is empty"
            );
        }
    }

    // And there is nothing more to do.
    let again = make(&card, &terminal, &desired, &shadow, &plan.placement);
    assert!(
        again.writes.is_empty() && again.packets.is_empty(),
        "seed {seed}: {again:#?}"
    );
    (plan.writes.len(), plan.parts() as usize)
}

#[test]
fn no_plan_has_fewer_writes_or_fewer_parts() {
    let (mut writes, mut several) = (0, 0);
    for seed in (0..6000).chain([19_264]) {
        let (w, parts) = check(seed);
        writes += w;
        several += usize::from(parts > 1);
    }
    // The cases are worth something: they write, and many need more than one part.
    assert!(
        writes > 8000 && several > 600,
        "{writes} writes, {several} of several parts"
    );
}
