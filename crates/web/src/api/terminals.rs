//! `/terminals`: what they hold, and what is sent to them.

use super::auth::Caller;
use super::ids;
use super::problem::{Body, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{friend_id, number_id};
use control::{Control, NewTerminal, TerminalView};
use delivery::TerminalId;
use identity::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use terminals::{ChannelKind, EntryView};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    channel: String,
    msisdn: String,
    card_profile: Option<String>,
    terminal_profile: Option<String>,
    iccid: Option<String>,
    keys: Option<Keys>,
    counter: Option<u64>,
    card: Option<Card>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    kic: String,
    kid: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Card {
    Blank,
    InUse,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Send {
    all: bool,
}

pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.needs(Scope::Provision)?;
    let channel = ChannelKind::parse(&new.channel)
        .ok_or_else(|| Problem::wrong("channel", "A channel is sim-ota or sms-card."))?;
    let terminal = control
        .add_terminal(NewTerminal {
            subscriber: ids::subscriber(&s)?,
            channel,
            msisdn: new.msisdn,
            card_profile: new.card_profile,
            iccid: new.iccid,
            keys: new.keys.map(|keys| (keys.kic, keys.kid)),
            counter: new.counter,
            in_use: new.card == Some(Card::InUse),
            terminal_profile: new.terminal_profile,
        })
        .await?;
    let mut body = view(&found(&control, terminal.id).await?);
    // Entries are the book's content: `provision` alone opens no book (rule 10).
    if caller.reads(terminal.id.subscriber).is_err() {
        body["entries"] = json!([]);
    }
    Ok((StatusCode::CREATED, Json(body)))
}

pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = ids::terminal(&t)?;
    caller.reads(id.subscriber)?;
    Ok(Json(view(&found(&control, id).await?)))
}

pub async fn retire(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.needs(Scope::Provision)?;
    control.retire(ids::terminal(&t)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn send(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
    Body(send): Body<Send>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = known(&control, &caller, &t).await?;
    control.send(id, send.all).await?;
    accepted(&control, id).await
}

pub async fn verify(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = known(&control, &caller, &t).await?;
    control.verify(id).await?;
    accepted(&control, id).await
}

pub async fn test(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = known(&control, &caller, &t).await?;
    control.test(id).await?;
    accepted(&control, id).await
}

pub async fn plan(
    State(control): State<Control>,
    caller: Caller,
    Path(t): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = ids::terminal(&t)?;
    caller.reads(id.subscriber)?;
    let view = found(&control, id).await?;
    let plan = &view.plan;
    Ok(Json(json!({
        "writes": plan.writes,
        "packets": plan.packets.len(),
        "parts": plan.parts(),
        "octets": plan.octets(),
        "left_out": plan.left_out.iter().map(|out| json!({
            "friend": friend_id(id.subscriber, out.key.friend),
            "reason": out.reason.sentence(),
        })).collect::<Vec<_>>(),
        "shown": plan.shown.iter().map(|shown| json!({
            "slot": shown.slot, "name": shown.name, "number": shown.number, "cut": shown.cut,
        })).collect::<Vec<_>>(),
        "reasons": plan.reasons,
    })))
}

async fn known(control: &Control, caller: &Caller, t: &str) -> Result<TerminalId, Problem> {
    let id = ids::terminal(t)?;
    caller.writes(id.subscriber)?;
    found(control, id).await.map(|_| id)
}

async fn accepted(control: &Control, id: TerminalId) -> Result<(StatusCode, Json<Value>), Problem> {
    let shipment = found(control, id).await?.full.terminal.in_flight;
    let shipment = shipment.map(ids::of_shipment);
    Ok((StatusCode::ACCEPTED, Json(json!({ "shipment": shipment }))))
}

async fn found(control: &Control, id: TerminalId) -> Result<TerminalView, Problem> {
    let view = control.terminal_view(id).await?;
    view.ok_or_else(Problem::not_found)
}

/// A terminal as API.md has it.
pub fn view(view: &TerminalView) -> Value {
    let terminal = &view.full.terminal;
    let entries: Vec<_> = view.entries.iter().map(|e| entry(terminal.id, e)).collect();
    json!({
        "id": ids::of_terminal(terminal.id),
        "subscriber": book::subscriber_id(terminal.id.subscriber),
        "channel": terminal.channel.as_str(),
        "terminal_profile": terminal.terminal_profile,
        "card_profile": terminal.card_profile,
        "msisdn": terminal.msisdn,
        "state": view.state,
        "desired_revision": view.desired_revision.0,
        "proven_revision": view.proven_revision.0,
        "highest_proof": view.highest_proof.as_str(),
        "capacity": {"used": view.used, "of": view.of},
        "entries": entries,
        "shipment": terminal.in_flight.map(ids::of_shipment),
        "last_heard": terminal.last_heard.and_then(ids::instant),
        "last_outcome": terminal.last_outcome,
        "next_try": view.next_try.and_then(ids::instant),
        "trouble": view.trouble,
    })
}

fn entry(terminal: TerminalId, entry: &EntryView) -> Value {
    json!({
        "slot": entry.slot,
        "friend": entry.key.map(|key| friend_id(terminal.subscriber, key.friend)),
        "number_id": entry.key.map(|key| number_id(terminal.subscriber, key.number)),
        "name_shown": entry.name_shown,
        "number_shown": entry.number_shown,
        "state": entry.state.as_str(),
        "reason": entry.reason,
        "proof": entry.proof.as_str(),
        "was": entry.was,
    })
}
