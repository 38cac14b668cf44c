//! “This is how it looks on the phone”: her phone's own list, drawn from the plan that is sent, with its cuts.

use super::rows::{self, Row};
use super::{Frame, Owner, Unavailable, page, refused};
use crate::states::SETTLED;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use control::{BookView, Control, TerminalView};
use terminals::{EntryState, EntryView};

#[derive(Template)]
#[template(path = "phone.html")]
struct Page {
    f: Frame,
    phones: Vec<Phone>,
}

/// One phone as it is drawn.
struct Phone {
    number: String,
    lines: Vec<Line>,
    cut: bool,
    capacity: Option<Capacity>,
    /// Who is not on it, with the reason.
    apart: Vec<Row>,
}

/// One line of the phone's list.
struct Line {
    name: String,
    number: String,
    /// The name of the book, where the phone shows less of it.
    whole: Option<String>,
    /// Not there yet, or on its way out.
    coming: Option<String>,
}

/// How full a phone is.
pub struct Capacity {
    pub used: u16,
    pub of: u16,
    pub words: String,
}

/// How full a phone is, if it has an end.
pub fn capacity(f: &Frame, terminal: &TerminalView) -> Option<Capacity> {
    let (used, of) = (terminal.used, terminal.of);
    (of < u16::MAX).then(|| Capacity {
        used,
        of,
        words: f
            .w
            .with2("capacity", ("used", i64::from(used)), ("of", i64::from(of))),
    })
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    let view = match control.read(&grant).await {
        Ok(view) => view,
        Err(error) => return refused(f, "lost", error),
    };
    let terminals = view.terminals.iter().filter(|t| !t.full.terminal.retired);
    let phones = terminals
        .map(|terminal| draw(&f, &view, terminal))
        .collect();
    Ok(page(&Page { f, phones }))
}

fn draw(f: &Frame, view: &BookView, terminal: &TerminalView) -> Phone {
    let (off, on): (Vec<_>, Vec<_>) = terminal
        .entries
        .iter()
        .partition(|entry| entry.state == EntryState::LeftOut);
    let mut lines: Vec<_> = on
        .into_iter()
        .map(|entry| line(f, view, terminal, entry))
        .collect();
    // As phones sort: by the name that they show.
    lines.sort_by_cached_key(|line| book::sort_text(&line.name, None).to_lowercase());
    let apart = off.into_iter().filter_map(|entry| {
        let friend = view.book.friends.get(&entry.key?.friend)?;
        Some(Row {
            said: rows::teller(f).entry(terminal, entry),
            ..rows::of_friend(f, view, friend)
        })
    });
    Phone {
        number: rows::shown(&terminal.full.terminal.msisdn, &view.subscriber.region).join(" "),
        cut: lines.iter().any(|line| line.whole.is_some()),
        lines,
        capacity: capacity(f, terminal),
        apart: apart.collect(),
    }
}

fn line(f: &Frame, view: &BookView, terminal: &TerminalView, entry: &EntryView) -> Line {
    let friend = entry.key.and_then(|key| view.book.friends.get(&key.friend));
    let name = friend.map(|friend| friend.name.as_str());
    let said = rows::teller(f).entry(terminal, entry);
    Line {
        name: entry.name_shown.clone(),
        number: entry.number_shown.clone(),
        // A suffix behind the name (“Jo Doe W”) cuts nothing.
        whole: name
            .filter(|name| !entry.name_shown.starts_with(name))
            .map(str::to_owned),
        coming: (said.rank < SETTLED).then_some(said.word),
    }
}
