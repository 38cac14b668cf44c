//! One phone: desired and proven side by side, the trail of messages with their proof, and what can be done.

use super::{Frame, phones, shipments};
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use control::{ProvisionError, TerminalView};
use delivery::TerminalId;
use serde::Deserialize;
use terminals::{ChannelKind, EntryState, EntryView};

#[derive(Template)]
#[template(path = "console/phone.html")]
struct Page {
    f: Frame,
    id: String,
    msisdn: String,
    owner: String,
    state: &'static str,
    word: String,
    trouble: Option<String>,
    facts: Vec<(String, String)>,
    entries: Vec<Entry>,
    shipments: Vec<shipments::Row>,
    texts: Vec<(String, String)>,
    retired: bool,
    reads_back: bool,
    wrong: bool,
}

/// One slot: what it should hold, what is proven to be there, and how they differ.
struct Entry {
    sign: &'static str,
    word: String,
    slot: String,
    wanted: String,
    proven: String,
    proof: String,
    why: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    wrong: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct What {
    what: String,
    number: String,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(t): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let Some(id) = parse(&t) else {
        return Ok(Redirect::to("/console/phones").into_response());
    };
    let Some(view) = control.terminal_view(id).await? else {
        return Ok(Redirect::to("/console/phones").into_response());
    };
    let owner = control.store().subscriber(id.subscriber).await?;
    let texts = control.texts_of(id).await?;
    let terminal = &view.full.terminal;
    let mut f = Frame::new(w, &admin, "phones");
    f.title = terminal.msisdn.clone();
    Ok(page(&Page {
        f,
        id: t,
        msisdn: terminal.msisdn.clone(),
        owner: owner.map(|owner| owner.name).unwrap_or_default(),
        state: view.state.as_str(),
        word: phones::word(w, view.state),
        trouble: view.trouble.as_deref().map(|t| w.told(t)),
        facts: facts(w, &view),
        entries: view
            .entries
            .iter()
            .map(|entry| side_by_side(w, entry))
            .collect(),
        shipments: shipments::of(control, w, Some(id), None).await?,
        texts: texts
            .into_iter()
            .map(|(at, text)| (instant(at), text))
            .collect(),
        retired: terminal.retired,
        reads_back: terminal.channel == ChannelKind::SimOta,
        wrong: !asked.wrong.is_empty(),
    }))
}

/// Send now, send everything again, read back, test.
pub async fn send(
    State(house): State<House>,
    Admin(_): Admin,
    Path(t): Path<String>,
    Form(what): Form<What>,
) -> Result<Response, Unavailable> {
    if let Some(id) = parse(&t) {
        let control = &house.control;
        match what.what.as_str() {
            "all" => control.send(id, true).await?,
            "verify" => control.verify(id).await?,
            "test" => control.test(id).await?,
            _ => control.send(id, false).await?,
        }
    }
    Ok(Redirect::to(&format!("/console/phones/{t}")).into_response())
}

/// Retires a terminal; asks for its number, typed.
pub async fn retire(
    State(house): State<House>,
    Admin(_): Admin,
    Path(t): Path<String>,
    Form(what): Form<What>,
) -> Result<Response, Unavailable> {
    let back = |wrong: &str| Redirect::to(&format!("/console/phones/{t}{wrong}")).into_response();
    let Some(id) = parse(&t) else {
        return Ok(back(""));
    };
    let Some(full) = house.control.store().terminal(id).await? else {
        return Ok(back(""));
    };
    let typed = house.control.normal_number(&what.number);
    if typed.as_deref() != Some(full.terminal.msisdn.as_str()) {
        return Ok(back("?wrong=1#retire"));
    }
    match house.control.retire(id, |_| true).await {
        Err(ProvisionError::Store(error)) => Err(error.into()),
        _ => Ok(back("")),
    }
}

fn parse(t: &str) -> Option<TerminalId> {
    let (subscriber, no) = book::decode_in('t', t)?;
    Some(TerminalId { subscriber, no })
}

fn facts(w: Words, view: &TerminalView) -> Vec<(String, String)> {
    let terminal = &view.full.terminal;
    let of = if view.of == u16::MAX {
        "–".to_owned()
    } else {
        view.of.to_string()
    };
    let some = |key: &str, value: Option<String>| value.map(|value| (w.say(key), value));
    [
        some("fact-channel", Some(terminal.channel.as_str().to_owned())),
        some("fact-card", terminal.card_profile.clone()),
        some("fact-iccid", terminal.iccid.clone()),
        some(
            "fact-revision",
            Some(format!(
                "{} / {}",
                view.proven_revision.0, view.desired_revision.0
            )),
        ),
        some("fact-room", Some(format!("{} / {of}", view.used))),
        some(
            "fact-counter",
            terminal
                .iccid
                .is_some()
                .then(|| terminal.counter_next.to_string()),
        ),
        some("fact-heard", terminal.last_heard.map(instant)),
        some(
            "fact-outcome",
            terminal.last_outcome.as_deref().map(|o| w.told(o)),
        ),
        some("fact-next", view.next_try.map(instant)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn side_by_side(w: Words, entry: &EntryView) -> Entry {
    let shown = format!("{} {}", entry.name_shown, entry.number_shown);
    let was = entry
        .was
        .as_ref()
        .map(|was| format!("{} {}", was.name_shown, was.number_shown));
    let settled = matches!(
        entry.state,
        EntryState::OnTerminal | EntryState::Delivered | EntryState::Sent | EntryState::Foreign
    );
    let (sign, wanted, proven) = match (entry.state, was) {
        (EntryState::Removing, _) => ("–", String::new(), shown),
        (EntryState::Foreign, _) => ("", String::new(), shown),
        (EntryState::LeftOut, was) => ("", shown, was.unwrap_or_default()),
        // What a brake holds stays as it is on the phone.
        (EntryState::Held, None) => ("", shown.clone(), shown),
        (_, Some(was)) => ("~", shown, was),
        (_, None) if settled => ("", shown.clone(), shown),
        (_, None) => ("+", shown, String::new()),
    };
    Entry {
        sign,
        word: w.say(&format!("state-{}", entry.state.as_str())),
        slot: entry
            .slot
            .map(|slot| slot.0.to_string())
            .unwrap_or_default(),
        wanted,
        proven,
        proof: w.say(&format!("proof-{}", shipments::proof(entry.proof))),
        why: entry.reason.as_deref().map(|reason| w.told(reason)),
    }
}
