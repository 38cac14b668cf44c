//! All terminals, state first; found by number.

use super::Frame;
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use control::{Control, TerminalState};
use delivery::{Due, Need, Terminal, TerminalId};
use serde::Deserialize;
use store::StoreError;

/// Rows of a page.
const PAGE: u32 = 100;
/// The most terminals that are looked through for one state.
const LOOKED: u32 = 2000;

#[derive(Template)]
#[template(path = "console/phones.html")]
struct Page {
    f: Frame,
    query: String,
    state: String,
    states: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    state: &'static str,
    word: String,
    msisdn: String,
    owner: String,
    channel: &'static str,
    card: String,
    heard: String,
    outcome: String,
    next_try: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    q: String,
    state: String,
    after: String,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let after = book::decode_in('t', &asked.after);
    let after = after.map(|(subscriber, no)| TerminalId { subscriber, no });
    let mut next = None;
    let found = if asked.q.trim().is_empty() {
        let store = control.store();
        // Those are found among any number of others; for another state, a stretch of all is looked through.
        let trouble = asked.state == TerminalState::Trouble.as_str();
        let all = asked.state.is_empty() || trouble;
        let limit = if all { PAGE } else { LOOKED };
        let found = match trouble {
            true => store.terminals_in_need(Need::Person, after, limit).await?,
            false => store.terminals(after, limit).await?,
        };
        if found.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            next = found.last().map(|(terminal, _)| id_of(terminal.id));
        }
        found
    } else {
        search(control, asked.q.trim()).await?
    };
    let mut rows = Vec::new();
    for (terminal, due) in found {
        let state = state_of(&terminal, due.as_ref());
        if !asked.state.is_empty() && asked.state != state.as_str() {
            continue;
        }
        let owner = control.store().subscriber(terminal.id.subscriber).await?;
        rows.push(Row {
            id: id_of(terminal.id),
            state: state.as_str(),
            word: word(w, state),
            owner: owner.map(|owner| owner.name).unwrap_or_default(),
            channel: terminal.channel.as_str(),
            card: terminal.card_profile.unwrap_or(terminal.terminal_profile),
            heard: terminal.last_heard.map(instant).unwrap_or_default(),
            outcome: terminal
                .trouble
                .map(|trouble| trouble.sentence)
                .or(terminal.last_outcome)
                .map(|sentence| w.told(&sentence))
                .unwrap_or_default(),
            next_try: terminal.next_try.map(instant).unwrap_or_default(),
            msisdn: terminal.msisdn,
        });
    }
    Ok(page(&Page {
        f: Frame::new(w, &admin, "phones"),
        query: asked.q,
        state: asked.state,
        states: STATES.map(|state| (state.as_str(), word(w, state))).into(),
        rows,
        next,
    }))
}

const STATES: [TerminalState; 6] = [
    TerminalState::InSync,
    TerminalState::Due,
    TerminalState::Sending,
    TerminalState::Waiting,
    TerminalState::Trouble,
    TerminalState::Retired,
];

/// By number (of the terminal or of its owner), ICCID or id.
async fn search(
    control: &Control,
    query: &str,
) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
    let store = control.store();
    let mut ids: Vec<TerminalId> = Vec::new();
    if let Some((subscriber, no)) = book::decode_in('t', query) {
        ids.push(TerminalId { subscriber, no });
    }
    if let Some(id) = store.terminal_by_iccid(query).await? {
        ids.push(id);
    }
    let number = control
        .normal_number(query)
        .unwrap_or_else(|| query.to_owned());
    ids.extend(store.terminals_by_address(&number).await?);
    for owner in store.subscribers_by_number(&number).await? {
        let theirs = store.terminals_of(owner.id).await?;
        ids.extend(theirs.into_iter().map(|full| full.terminal.id));
    }
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::new();
    for id in ids {
        if let Some(full) = store.terminal(id).await? {
            found.push((full.terminal, full.due));
        }
    }
    Ok(found)
}

/// The state as its row tells it, without a plan: exact but for edits that change nothing on this terminal.
fn state_of(terminal: &Terminal, due: Option<&Due>) -> TerminalState {
    if terminal.retired {
        TerminalState::Retired
    } else if terminal.trouble.is_some() {
        TerminalState::Trouble
    } else if terminal.next_try.is_some()
        || (terminal.in_flight.is_some() && (terminal.absent || terminal.tries > 0))
    {
        TerminalState::Waiting
    } else if terminal.in_flight.is_some() {
        TerminalState::Sending
    } else if due.is_some() {
        TerminalState::Due
    } else {
        TerminalState::InSync
    }
}

pub(super) fn word(w: Words, state: TerminalState) -> String {
    w.say(&format!("terminal-{}", state.as_str()))
}

pub(super) fn id_of(id: TerminalId) -> String {
    book::encode_in('t', id.subscriber, id.no)
}
