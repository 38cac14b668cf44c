//! `/terminals`: what they hold, and what is sent to them.

use super::auth::Caller;
use super::friends::groups_of;
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use super::shipments::{self, WriteView};
use super::tag::{Conditions, Tagged};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{number_id, subscriber_id};
use control::{
    Control, Emitted, Event, NewCard, NewTerminal, TerminalPatch, TerminalState, TerminalView,
};
use delivery::{ShipmentId, ShipmentKind, TerminalId};
use identity::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use terminals::{ChannelKind, Content, EntryState, EntryView, LeftOut, Proof, Was};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

/// A terminal with everything that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Terminal)]
pub struct View {
    id: String,
    subscriber: String,
    #[schema(schema_with = super::openapi::channel)]
    channel: ChannelKind,
    terminal_profile: String,
    card_profile: Option<String>,
    msisdn: String,
    iccid: Option<String>,
    content: ContentView,
    #[schema(schema_with = super::openapi::terminal_state)]
    state: TerminalState,
    /// The book's revision now.
    desired_revision: u64,
    /// The revision that is proven to be there.
    proven_revision: u64,
    /// The most that its channel can prove.
    #[schema(schema_with = super::openapi::proof)]
    highest_proof: Proof,
    capacity: Capacity,
    /// Empty for a token without `books:read`.
    entries: Vec<Entry>,
    /// The shipment on its way.
    shipment: Option<String>,
    #[schema(format = DateTime)]
    last_heard: Option<String>,
    /// What the last attempt came to, a sentence.
    last_outcome: Option<String>,
    #[schema(format = DateTime)]
    next_try: Option<String>,
    /// What a person must do something about, a sentence.
    trouble: Option<String>,
}

/// Entries that it holds or will hold, and can hold.
#[derive(Serialize, ToSchema)]
pub struct Capacity {
    used: u16,
    of: u16,
}

/// `all`, or ids of groups.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Content)]
pub enum ContentView {
    All(All),
    Groups(Vec<String>),
}

/// Every friend.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum All {
    All,
}

/// One entry of a terminal.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    slot: Option<u16>,
    friend: Option<String>,
    number_id: Option<String>,
    /// As the phone shows it, or will.
    name_shown: String,
    number_shown: String,
    #[schema(schema_with = super::openapi::entry_state)]
    state: EntryState,
    reason: Option<String>,
    #[schema(schema_with = super::openapi::proof)]
    proof: Proof,
    /// What stands there until the new content is proven.
    was: Option<WasView>,
}

/// What stood there before.
#[derive(Serialize, ToSchema)]
#[schema(as = Was)]
pub struct WasView {
    name_shown: String,
    number_shown: String,
    #[schema(schema_with = super::openapi::proof)]
    proof: Proof,
}

/// A terminal to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTerminal)]
pub struct New {
    #[schema(schema_with = super::openapi::channel)]
    channel: String,
    msisdn: String,
    card_profile: Option<String>,
    terminal_profile: Option<String>,
    iccid: Option<String>,
    keys: Option<Keys>,
    /// The first counter that was never used with these keys.
    #[schema(minimum = 0, maximum = 1099511627775u64)]
    counter: Option<u64>,
    card: Option<Card>,
}

/// The card's keys, hex.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    kic: String,
    kid: String,
}

/// In use: read before the first write.
#[derive(Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    Blank,
    InUse,
}

/// A new card, whose shadow is empty then; or other content.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TerminalPatch)]
pub struct Patch {
    iccid: Option<String>,
    keys: Option<Keys>,
    card_profile: Option<String>,
    content: Option<ContentView>,
}

/// What to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Everything again, whatever is known to be there.
    #[serde(default)]
    all: bool,
}

/// What was begun.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// The shipment on its way; null when there was nothing to send.
    shipment: Option<String>,
}

/// What was begun.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Begun {
    Now(Box<Shipped>),
    Later(Queued),
}

/// The shipment, whole.
#[derive(Serialize, ToSchema)]
pub struct Shipped {
    /// Its id.
    shipment: String,
    #[serde(flatten)]
    whole: shipments::View,
}

/// Another one is on its way: this one follows.
#[derive(Serialize, ToSchema)]
pub struct Queued {
    #[schema(schema_with = super::openapi::null)]
    shipment: (),
}

/// The plan that would be sent now; nothing is sent.
#[derive(Serialize, ToSchema)]
pub struct Plan {
    writes: Vec<WriteView>,
    packets: usize,
    parts: u32,
    octets: u32,
    left_out: Vec<Left>,
    shown: Vec<Shown>,
    /// Sentences.
    reasons: Vec<String>,
}

/// What does not go there.
#[derive(Serialize, ToSchema)]
#[schema(as = LeftOut)]
pub struct Left {
    friend: String,
    number_id: Option<String>,
    reason: String,
}

/// An entry as the phone will show it.
#[derive(Serialize, ToSchema)]
pub struct Shown {
    friend: String,
    slot: u16,
    name: String,
    number: String,
    /// The name does not fit whole.
    cut: bool,
}

/// A subscriber's terminals, retired ones too.
#[utoipa::path(get, path = "/subscribers/{s}/terminals", tag = "terminals", params(Paging),
    operation_id = "list_terminals", responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let page = params.page(|cursor| ids::terminal(cursor).ok())?;
    let mut terminals = control.read(&grant).await?.terminals;
    terminals.retain(|seen| page.after.is_none_or(|after| seen.full.terminal.id > after));
    let id = |seen: &TerminalView| ids::of_terminal(seen.full.terminal.id);
    Ok(Json(page.list(terminals, id, |seen| view(&seen))))
}

/// Takes in a terminal.
#[utoipa::path(post, path = "/subscribers/{s}/terminals", tag = "terminals", request_body = New,
    operation_id = "add_terminal",
    responses((status = 201, body = View, headers(("ETag" = String))), Writes))]
pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    conditions: Conditions,
    Body(new): Body<New>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(Scope::Provision)?;
    let channel = ChannelKind::parse(&new.channel)
        .ok_or_else(|| Problem::wrong("channel", "A channel is sim-ota or sms-card."))?;
    let new = NewTerminal {
        subscriber: ids::subscriber(&s)?,
        channel,
        msisdn: new.msisdn,
        card_profile: new.card_profile,
        iccid: new.iccid,
        keys: new.keys.map(|keys| (keys.kic, keys.kid)),
        counter: new.counter,
        in_use: new.card == Some(Card::InUse),
        terminal_profile: new.terminal_profile,
    };
    let made = control.add_terminal_once(new, conditions.request());
    let terminal = made.await?;
    let view = found(&control, terminal.id).await?;
    Ok(Tagged(StatusCode::CREATED, for_caller(&caller, &view)))
}

/// A terminal.
#[utoipa::path(get, path = "/terminals/{t}", tag = "terminals", operation_id = "show_terminal",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<Tagged<View>, Problem> {
    let id = ids::terminal(&t)?;
    caller.reads(id.subscriber)?;
    let terminal = view(&found(&control, id).await?);
    Ok(Tagged(StatusCode::OK, terminal))
}

/// A new card (its shadow is empty), or other content.
#[utoipa::path(patch, path = "/terminals/{t}", tag = "terminals", request_body = Patch,
    operation_id = "change_terminal",
    responses((status = 200, body = View, headers(("ETag" = String))), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
    conditions: Conditions,
    Body(patch): Body<Patch>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(Scope::Provision)?;
    let id = ids::terminal(&t)?;
    let patch = patch.read(id)?;
    let as_seen = |seen: &TerminalView| conditions.met(&for_caller(&caller, seen));
    control.change_terminal(id, patch, as_seen).await?;
    let view = found(&control, id).await?;
    Ok(Tagged(StatusCode::OK, for_caller(&caller, &view)))
}

/// Nothing more is sent to it.
#[utoipa::path(delete, path = "/terminals/{t}", tag = "terminals", operation_id = "retire_terminal",
    responses((status = 204, description = "It is retired."), Writes))]
pub async fn retire(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    caller.needs(Scope::Provision)?;
    let id = ids::terminal(&t)?;
    let as_seen = |seen: &TerminalView| conditions.met(&for_caller(&caller, seen));
    control.retire(id, as_seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends now what is due; with `all`, everything again.
#[utoipa::path(post, path = "/terminals/{t}/send", tag = "terminals", operation_id = "send",
    request_body(content = Send, description = "Absent: `{}`."), responses((status = 202, body = Sent), Writes))]
pub async fn send(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
    send: Option<Body<Send>>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let id = known(&control, &caller, &t).await?;
    let all = send.is_some_and(|Body(send)| send.all);
    let mut planned = Planned::watch(&control, id);
    control.send(id, all).await?;
    let shipment = match planned.next(true).await {
        Some(said) => Some(said),
        None => found(&control, id).await?.full.terminal.in_flight,
    };
    let shipment = shipment.map(ids::of_shipment);
    Ok((StatusCode::ACCEPTED, Json(Sent { shipment })))
}

/// Reads back what Kith wrote, where the channel can.
#[utoipa::path(post, path = "/terminals/{t}/verify", tag = "terminals", operation_id = "verify",
    responses((status = 202, body = Begun), Writes))]
pub async fn verify(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let id = answering(&control, &caller, &t).await?;
    let planned = Planned::watch(&control, id);
    control.verify(id).await?;
    begun(&control, planned, ShipmentKind::Verify).await
}

/// A harmless exchange that proves keys, route and answer.
#[utoipa::path(post, path = "/terminals/{t}/test", tag = "terminals", operation_id = "test_terminal",
    responses((status = 202, body = Begun), Writes))]
pub async fn test(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let id = answering(&control, &caller, &t).await?;
    let planned = Planned::watch(&control, id);
    control.test(id).await?;
    begun(&control, planned, ShipmentKind::Test).await
}

/// What would be sent now. Nothing is sent.
#[utoipa::path(post, path = "/terminals/{t}/plan", tag = "terminals", operation_id = "plan",
    responses((status = 200, body = Plan), Writes))]
pub async fn plan(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<Json<Plan>, Problem> {
    let id = ids::terminal(&t)?;
    caller.reads(id.subscriber)?;
    let plan = found(&control, id).await?.plan;
    let writes = plan.writes.iter().map(|w| shipments::write(id, w));
    let shown = plan.shown.iter().map(|shown| Shown {
        friend: ids::of_friend(id.subscriber, shown.key.friend),
        slot: shown.slot.0,
        name: shown.name.clone(),
        number: shown.number.clone(),
        cut: shown.cut,
    });
    Ok(Json(Plan {
        writes: writes.collect(),
        packets: plan.packets.len(),
        parts: plan.parts(),
        octets: plan.octets(),
        left_out: plan.left_out.iter().map(|out| left(id, out)).collect(),
        shown: shown.collect(),
        reasons: plan.reasons,
    }))
}

async fn known(control: &Control, caller: &Caller, t: &str) -> Result<TerminalId, Problem> {
    let id = ids::terminal(t)?;
    caller.writes(id.subscriber)?;
    let terminal = found(control, id).await?.full.terminal;
    if terminal.retired {
        let detail = "This terminal is retired: nothing more is sent to it.";
        return Err(Problem::new(StatusCode::CONFLICT, "retired", detail));
    }
    Ok(id)
}

/// A terminal that can say what it holds.
async fn answering(control: &Control, caller: &Caller, t: &str) -> Result<TerminalId, Problem> {
    let id = known(control, caller, t).await?;
    let channel = found(control, id).await?.full.terminal.channel;
    if channel.highest_proof() < Proof::Applied {
        let detail = format!("Terminals over {} cannot answer.", channel.as_str());
        return Err(Problem::new(StatusCode::CONFLICT, "cannot answer", detail));
    }
    Ok(id)
}

/// How long an answer waits for the plan that it began: another node may plan it, or a call may hold it back.
const PLANNED_WITHIN: Duration = Duration::from_millis(500);

/// The engine's word about a terminal, which it gives once it has planned it.
struct Planned {
    id: TerminalId,
    events: broadcast::Receiver<Arc<Emitted>>,
    until: Instant,
}

impl Planned {
    /// From here on.
    fn watch(control: &Control, id: TerminalId) -> Self {
        Self {
            id,
            events: control.subscribe(),
            until: Instant::now() + PLANNED_WITHIN,
        }
    }

    /// The next shipment that the terminal is said to have, which a quick phone may have ended by then. With `or_nothing`
    /// also ends at the word that the terminal was looked at.
    async fn next(&mut self, or_nothing: bool) -> Option<ShipmentId> {
        let said = async {
            loop {
                match &self.events.recv().await.ok()?.event {
                    Event::Shipment { id, terminal, .. } if *terminal == self.id => {
                        return Some(*id);
                    }
                    Event::Terminal { id, .. } if *id == self.id && or_nothing => return None,
                    _ => {}
                }
            }
        };
        timeout_at(self.until, said).await.ok().flatten()
    }
}

async fn begun(
    control: &Control,
    mut planned: Planned,
    kind: ShipmentKind,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let mut begun = Begun::Later(Queued { shipment: () });
    while let Some(id) = planned.next(false).await {
        let whole = control.store().shipment(id).await?;
        if let Some(whole) = whole.filter(|shipment| shipment.kind == kind) {
            let whole = shipments::view(control, &whole);
            let shipment = whole.id.clone();
            begun = Begun::Now(Box::new(Shipped { shipment, whole }));
            break;
        }
    }
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

async fn found(control: &Control, id: TerminalId) -> Result<TerminalView, Problem> {
    let view = control.terminal_view(id).await?;
    view.ok_or_else(Problem::not_found)
}

impl Patch {
    fn read(self, id: TerminalId) -> Result<TerminalPatch, Problem> {
        let card = match (self.iccid, self.keys) {
            (Some(iccid), Some(keys)) => Some(NewCard {
                iccid,
                kic: keys.kic,
                kid: keys.kid,
                profile: self.card_profile,
            }),
            (None, None) if self.card_profile.is_none() => None,
            (None, _) => return Err(Problem::wrong("iccid", "A new card needs its ICCID.")),
            (_, None) => return Err(Problem::wrong("keys", "A new card needs its keys.")),
        };
        let content = match self.content {
            None => None,
            Some(ContentView::All(All::All)) => Some(Content::All),
            Some(ContentView::Groups(ids)) => {
                let groups = groups_of(id.subscriber, &ids, "content")?;
                Some(Content::Groups(groups))
            }
        };
        Ok(TerminalPatch { card, content })
    }
}

/// A terminal as this caller may see it: entries are the book's content, and `provision` alone opens no book (rule 10).
fn for_caller(caller: &Caller, seen: &TerminalView) -> View {
    let mut view = view(seen);
    if caller.reads(seen.full.terminal.id.subscriber).is_err() {
        view.entries.clear();
    }
    view
}

/// A terminal as API.md has it.
fn view(view: &TerminalView) -> View {
    let terminal = &view.full.terminal;
    let of = terminal.id.subscriber;
    let entries = view.entries.iter().map(|e| entry(terminal.id, e));
    View {
        id: ids::of_terminal(terminal.id),
        subscriber: subscriber_id(of),
        channel: terminal.channel,
        terminal_profile: terminal.terminal_profile.clone(),
        card_profile: terminal.card_profile.clone(),
        msisdn: terminal.msisdn.clone(),
        iccid: terminal.iccid.clone(),
        content: match &terminal.content {
            Content::All => ContentView::All(All::All),
            Content::Groups(groups) => {
                let ids = groups.iter().map(|no| ids::of_group(of, *no));
                ContentView::Groups(ids.collect())
            }
        },
        state: view.state,
        desired_revision: view.desired_revision.0,
        proven_revision: view.proven_revision.0,
        highest_proof: view.highest_proof,
        capacity: Capacity {
            used: view.used,
            of: view.of,
        },
        entries: entries.collect(),
        shipment: terminal.in_flight.map(ids::of_shipment),
        last_heard: terminal.last_heard.and_then(ids::instant),
        last_outcome: terminal.last_outcome.clone(),
        next_try: view.next_try.and_then(ids::instant),
        trouble: view.trouble.clone(),
    }
}

fn entry(terminal: TerminalId, entry: &EntryView) -> Entry {
    let of = terminal.subscriber;
    Entry {
        slot: entry.slot.map(|slot| slot.0),
        friend: entry.key.map(|key| ids::of_friend(of, key.friend)),
        number_id: entry.key.map(|key| number_id(of, key.number)),
        name_shown: entry.name_shown.clone(),
        number_shown: entry.number_shown.clone(),
        state: entry.state,
        reason: entry.reason.clone(),
        proof: entry.proof,
        was: entry.was.as_ref().map(was),
    }
}

fn was(was: &Was) -> WasView {
    WasView {
        name_shown: was.name_shown.clone(),
        number_shown: was.number_shown.clone(),
        proof: was.proof,
    }
}

fn left(terminal: TerminalId, out: &LeftOut) -> Left {
    let of = terminal.subscriber;
    let number = Some(out.key.number).filter(|no| no.0 != 0);
    Left {
        friend: ids::of_friend(of, out.key.friend),
        number_id: number.map(|no| number_id(of, no)),
        reason: out.reason.sentence(),
    }
}
