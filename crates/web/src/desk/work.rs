//! The call page (SCREENS.md §6): before verification the card only; after it the line, the book, and this call.

use super::edits::{numbers_of, opened};
use super::read_back::aloud;
use crate::locale::Words;
use crate::page::{Unavailable, clock, other, page, page_with, title};
use crate::staff::{Agent, House};
use crate::states::{self, Said, Teller};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use book::{Change, Entry, Friend, Label, friend_id, listed, standing, subscriber_id};
use control::{BookView, Control};
use identity::{Call, CallState, Session};
use serde::Deserialize;
use terminals::EntryState;

/// What the page says beside how things are.
#[derive(Default)]
pub(super) struct Note {
    /// What was wrong, a sentence.
    pub wrong: Option<String>,
    /// Answers that would make it good.
    pub choices: Vec<Choice>,
    /// The line as it was typed.
    pub line: String,
    /// The person that was chosen.
    pub chosen: String,
    /// The person that was open, with what was typed.
    pub open: Option<(String, Vec<(String, String)>)>,
}

/// A button under a question.
pub(super) struct Choice {
    value: &'static str,
    label: String,
}

impl Choice {
    pub fn new(value: &'static str, label: String) -> Self {
        Self { value, label }
    }
}

impl Note {
    pub fn wrong(sentence: String) -> Self {
        Self {
            wrong: Some(sentence),
            ..Self::default()
        }
    }

    pub fn with_line(self, line: &str, chosen: &str) -> Self {
        Self {
            line: line.to_owned(),
            chosen: chosen.to_owned(),
            ..self
        }
    }

    pub fn with_open(self, friend: &str, fields: Vec<(String, String)>) -> Self {
        Self {
            open: Some((friend.to_owned(), fields)),
            ..self
        }
    }
}

/// What the address asks for.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    mode: String,
    q: String,
    open: String,
    chosen: String,
}

#[derive(Template)]
#[template(path = "desk/call.html")]
struct Page {
    w: Words,
    other: &'static str,
    base: &'static str,
    title: String,
    agent: String,
    call: Bar,
    note: Note,
    stage: Stage,
}

/// The call bar.
struct Bar {
    id: String,
    caller: String,
    began: i64,
    level: u8,
    ended: bool,
}

enum Stage {
    Verify(Card),
    Choose(Vec<(String, String)>),
    Book(Box<Work>),
    Over,
}

struct Card {
    sent: Option<String>,
    tries: Option<String>,
    codes_left: u8,
    locked: Option<String>,
    spoken: bool,
}

struct Work {
    owner: String,
    query: String,
    rows: Vec<Row>,
    title: String,
    changes: Vec<ChangeRow>,
    redo: Option<u64>,
    cost: Option<String>,
    phone: Vec<(String, String)>,
    held: Option<String>,
    left_out: Option<String>,
    saved: String,
    writable: bool,
    /// So that a line that is sent twice acts once.
    request: String,
    mode: Mode,
    hung_up: Option<HungUp>,
}

/// The caller hung up before everything was read back.
struct HungUp {
    sentence: String,
    send_read: String,
}

struct Row {
    id: String,
    name: String,
    numbers: Vec<String>,
    badges: Vec<String>,
    said: Said,
    chosen: bool,
    /// Whether she can be edited here: a shared friend is her organisation's.
    opens: bool,
}

struct ChangeRow {
    revision: u64,
    friend: String,
    sign: &'static str,
    word: String,
    what: String,
    confirmed: Option<bool>,
    /// The one that Ctrl+Z takes back.
    last: bool,
    aloud: String,
}

enum Mode {
    Line,
    Keys,
    Open(Box<Form>),
    Read(Option<ChangeRow>),
    End(Option<String>),
}

/// One person's fields.
struct Form {
    id: String,
    name: String,
    sort_as: String,
    numbers: Vec<NumberField>,
    key: String,
    emergency: bool,
    off: bool,
    note: String,
    groups: Vec<(u32, String, bool)>,
    saved_name: String,
    /// The person as the form was drawn from, to notice what others change meanwhile.
    seen: String,
}

struct NumberField {
    typed: String,
    no: String,
    label: String,
}

pub async fn show(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let note = Note {
        chosen: asked.chosen.clone(),
        ..Note::default()
    };
    answer(&house, &agent, w, &c, note, asked).await
}

/// The page with something to say.
pub(super) async fn draw(
    house: &House,
    agent: &Session,
    w: Words,
    c: &str,
    note: Note,
) -> Result<Response, Unavailable> {
    answer(house, agent, w, c, note, Asked::default()).await
}

async fn answer(
    house: &House,
    agent: &Session,
    w: Words,
    c: &str,
    note: Note,
    asked: Asked,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let call = control.call(c).await?;
    let Some(call) = call.filter(|call| call.is_with(&agent.login)) else {
        return Ok(Redirect::to("/desk").into_response());
    };
    let stage = match opened(house, agent, c).await? {
        Some(grant) => match control.read(&grant).await {
            Ok(view) => {
                let work = work(control, w, &call, &view, &note, &asked).await?;
                Stage::Book(Box::new(work))
            }
            Err(control::EditError::Store(error)) => return Err(error.into()),
            Err(_) => Stage::Over,
        },
        None if call.state == CallState::Ended => Stage::Over,
        None if call.level > 0 => Stage::Choose(choices(control, &call).await?),
        None => Stage::Verify(card(control, w, &call).await?),
    };
    let status = match note.wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let drawn = Page {
        w,
        other: other(w),
        base: "/desk",
        title: title(
            w,
            format!("{} {}", w.say("desk-call"), call.caller),
            note.wrong.is_some(),
        ),
        agent: agent.name.clone(),
        call: Bar {
            id: call.id.clone(),
            caller: call.caller.clone(),
            began: call.answered.unwrap_or(call.began),
            level: call.level,
            ended: call.state == CallState::Ended,
        },
        note,
        stage,
    };
    Ok(match status {
        StatusCode::OK => page(&drawn),
        status => page_with(status, &drawn),
    })
}

async fn card(control: &Control, w: Words, call: &Call) -> Result<Card, Unavailable> {
    let locked = control.locked_until(&call.caller).await?;
    let sent = call.steps.iter().rev().find(|step| step.what == "code");
    Ok(Card {
        sent: sent.map(|step| clock(step.at)),
        tries: call.code.as_ref().map(|code| {
            let left = i64::from(code.tries_left());
            w.with("desk-tries", "tries", left)
        }),
        codes_left: identity::call::CODES.saturating_sub(call.codes_sent),
        locked: locked.map(|until| self::locked(w, until)),
        spoken: control.may_be_spoken(call),
    })
}

async fn choices(control: &Control, call: &Call) -> Result<Vec<(String, String)>, Unavailable> {
    let mut all = Vec::new();
    for id in &call.choices {
        if let Some(subscriber) = control.store().subscriber(*id).await? {
            all.push((subscriber_id(*id), subscriber.name));
        }
    }
    Ok(all)
}

async fn work(
    control: &Control,
    w: Words,
    call: &Call,
    view: &BookView,
    note: &Note,
    asked: &Asked,
) -> Result<Work, Unavailable> {
    let mut changes = control.changes_in(call).await?;
    changes.reverse();
    let stands = standing(&changes);
    let mut rows: Vec<ChangeRow> = stands
        .changes
        .iter()
        .rev()
        .map(|change| change_row(w, call, view, change))
        .collect();
    if let Some(row) = rows.first_mut() {
        row.last = stands.undo().is_some();
    }
    let writable = call.state == CallState::Answered;
    let teller = Teller {
        w,
        service: &control.settings().service_number,
    };
    let friends: Vec<&Friend> = match asked.q.trim() {
        "" => listed(&view.book),
        query => book::search(&view.book, query),
    };
    let listed: Vec<Row> = friends
        .iter()
        .map(|f| row(&teller, view, f, &note.chosen))
        .collect();
    let open = note.open.as_ref().map_or(asked.open.as_str(), |(id, _)| id);
    let mode = match asked.mode.as_str() {
        _ if !open.is_empty() && writable => form(view, open, note.open.as_ref()),
        "read" => Mode::Read(
            stands
                .changes
                .iter()
                .find(|change| call.read_back.get(&change.revision.0) != Some(&true))
                .map(|change| change_row(w, call, view, change)),
        ),
        "end" if writable => Mode::End(control.closing_text(call).await?),
        "keys" => Mode::Keys,
        _ => Mode::Line,
    };
    let parts: u32 = view.terminals.iter().map(|t| t.plan.parts()).sum();
    let cost = (parts > 0).then(|| w.with("desk-parts", "parts", i64::from(parts)));
    let confirmed = rows
        .iter()
        .filter(|row| row.confirmed == Some(true))
        .count();
    let hung_up = (call.state == CallState::Ended && !call.settled).then(|| {
        let (yes, no) = (
            count(confirmed),
            count(rows.len().saturating_sub(confirmed)),
        );
        HungUp {
            sentence: w.with2("desk-hung-up", ("yes", yes), ("no", no)),
            send_read: w.with("desk-send-read", "yes", yes),
        }
    });
    let phone = view.terminals.first().map(|terminal| {
        let shown = terminal
            .entries
            .iter()
            .filter(|e| e.state != EntryState::LeftOut);
        shown
            .map(|entry| (entry.name_shown.clone(), entry.number_shown.clone()))
            .collect()
    });
    let left_out: usize = view.terminals.iter().map(|t| t.left_out.len()).sum();
    let left_out = (left_out > 0).then(|| w.with("desk-does-not-fit", "count", count(left_out)));
    Ok(Work {
        owner: view.subscriber.name.clone(),
        query: asked.q.clone(),
        title: w.with2(
            "desk-book",
            ("found", count(listed.len())),
            ("of", count(view.book.friends.len())),
        ),
        saved: states::sum(w, view),
        rows: listed,
        redo: stands.redo.map(|r| r.0),
        changes: rows,
        cost,
        phone: phone.unwrap_or_default(),
        held: view.holds.first().map(|_| w.say("desk-held")),
        left_out,
        writable,
        request: format!("line-{:016x}", control.random_u64()),
        mode,
        hung_up,
    })
}

fn row(teller: &Teller, view: &BookView, friend: &Friend, chosen: &str) -> Row {
    let w = teller.w;
    let said = teller.friend(view, friend.no);
    let id = friend_id(view.subscriber.id, friend.no);
    let mut badges = Vec::new();
    if let Some(key) = friend.speed_dial {
        badges.push(w.with("key", "key", i64::from(key)));
    }
    if friend.emergency {
        badges.push(w.say("emergency"));
    }
    let groups = friend
        .groups
        .iter()
        .filter_map(|no| view.book.groups.get(no));
    badges.extend(groups.map(|group| group.name.clone()));
    let from = view.brought_by(friend);
    badges
        .extend(from.map(|from| w.with("shared-from", "organisation", from.organisation.clone())));
    Row {
        chosen: chosen == id,
        opens: from.is_none(),
        id,
        name: friend.name.clone(),
        numbers: numbers_of(friend, &view.subscriber.region),
        badges,
        said,
    }
}

fn change_row(w: Words, call: &Call, view: &BookView, change: &Change) -> ChangeRow {
    let region = &view.subscriber.region;
    let (sign, word) = match (&change.body.before, &change.body.after) {
        (None, _) => ("+", "desk-added"),
        (_, None) => ("–", "desk-removed"),
        _ => ("~", "desk-changed"),
    };
    let said = |entry: &Option<Entry>| match entry {
        Some(Entry::Friend(friend)) => {
            let numbers = numbers_of(friend, region).join(" · ");
            format!("{} {numbers}", friend.name).trim().to_owned()
        }
        Some(Entry::Group { group, .. }) => group.name.clone(),
        None => String::new(),
    };
    let (before, after) = (said(&change.body.before), said(&change.body.after));
    let what = match (before.is_empty(), after.is_empty()) {
        (false, false) if before != after => format!("{before} → {after}"),
        (_, true) => before,
        _ => after,
    };
    let friend = change
        .body
        .friend
        .map(|no| friend_id(view.subscriber.id, no));
    ChangeRow {
        revision: change.revision.0,
        friend: friend.unwrap_or_default(),
        sign,
        word: w.say(word),
        what,
        last: false,
        confirmed: call.read_back.get(&change.revision.0).copied(),
        aloud: aloud(change, region, call.language),
    }
}

fn form(view: &BookView, id: &str, typed: Option<&(String, Vec<(String, String)>)>) -> Mode {
    let no = book::parse_friend_id(id).filter(|(s, no)| {
        *s == view.subscriber.id && !no.is_shared() // A shared friend is the organisation's to change.
    });
    let Some(friend) = no.and_then(|(_, no)| view.book.friends.get(&no)) else {
        return Mode::Line;
    };
    let mut form = Form {
        id: id.to_owned(),
        name: friend.name.clone(),
        sort_as: friend.sort_as.clone().unwrap_or_default(),
        numbers: friend
            .numbers
            .iter()
            .map(|number| NumberField {
                typed: number.typed.clone(),
                no: number.no.0.to_string(),
                label: number
                    .label
                    .map(|l| label_word(l).to_owned())
                    .unwrap_or_default(),
            })
            .collect(),
        key: friend
            .speed_dial
            .map(|key| key.to_string())
            .unwrap_or_default(),
        emergency: friend.emergency,
        off: friend.keep_off_phone,
        note: friend.note.clone().unwrap_or_default(),
        groups: view
            .book
            .groups
            .values()
            .map(|group| {
                (
                    group.no.0,
                    group.name.clone(),
                    friend.groups.contains(&group.no),
                )
            })
            .collect(),
        saved_name: friend.name.clone(),
        seen: serde_json::to_string(friend).unwrap_or_default(),
    };
    if let Some((_, fields)) = typed {
        form.retype(fields);
    }
    // One more row, for a number more.
    form.numbers.push(NumberField {
        typed: String::new(),
        no: String::new(),
        label: String::new(),
    });
    Mode::Open(Box::new(form))
}

impl Form {
    /// What was typed stands in the fields again: nothing is lost.
    fn retype(&mut self, fields: &[(String, String)]) {
        let all = |key: &str| -> Vec<String> {
            let found = fields.iter().filter(|(k, _)| k == key);
            found.map(|(_, value)| value.clone()).collect()
        };
        let one = |key: &str| all(key).into_iter().next().unwrap_or_default();
        self.name = one("name");
        self.sort_as = one("sort_as");
        self.note = one("note");
        self.key = one("key");
        self.emergency = !one("emergency").is_empty();
        self.off = !one("off").is_empty();
        let chosen = all("group");
        for (no, _, on) in &mut self.groups {
            *on = chosen.contains(&no.to_string());
        }
        let (labels, nos) = (all("label"), all("no"));
        let rows = all("number").into_iter().enumerate();
        self.numbers = rows
            .map(|(at, typed)| NumberField {
                typed,
                no: nos.get(at).cloned().unwrap_or_default(),
                label: labels.get(at).cloned().unwrap_or_default(),
            })
            .filter(|row| !row.typed.is_empty())
            .collect();
    }
}

fn label_word(label: Label) -> &'static str {
    match label {
        Label::Mobile => "mobile",
        Label::Home => "home",
        Label::Work => "work",
        Label::Other => "other",
    }
}

/// The locale's key of a label.
pub(super) fn label_key(label: Label) -> &'static str {
    match label {
        Label::Mobile => "kind-mobile",
        Label::Home => "kind-home",
        Label::Work => "kind-work",
        Label::Other => "kind-other",
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What is said of a lock-out: until when, or that somebody must end it.
pub(super) fn locked(w: Words, until: i64) -> String {
    match until {
        i64::MAX => w.say("desk-locked-for-good"),
        until => w.with("desk-locked", "time", clock(until)),
    }
}
