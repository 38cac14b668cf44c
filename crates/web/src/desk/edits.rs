//! What Enter does with the line, and what the page says about it before Enter.

use super::line::{Line, Said, read};
use super::verify::to;
use super::work::{self, Choice, Note};
use crate::locale::Words;
use crate::page::{Unavailable, page};
use crate::staff::{Agent, House};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{
    Book, Edit, Friend, FriendDraft, FriendNo, FriendPatch, NumberDraft, Refusal, Revision, Rules,
    Understood, Warning, parse_friend_id, spaced, understand,
};
use control::{Control, EditError, EditOptions};
use identity::{Grant, Session};
use serde::Deserialize;

/// A line with the person that was chosen, and the answer to a question about the number.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Typed {
    line: String,
    chosen: String,
    choice: String,
    request: String,
}

#[derive(Template)]
#[template(path = "desk/reading.html")]
struct Reading {
    w: Words,
    chips: Vec<String>,
    warnings: Vec<String>,
}

/// The right to the caller's book; none once the call is another's, unverified, or long over.
pub(super) async fn opened(
    house: &House,
    agent: &Session,
    c: &str,
) -> Result<Option<Grant>, Unavailable> {
    let call = house.control.call(c).await?;
    Ok(call.and_then(|call| Grant::of_call(&call, agent, house.control.now())))
}

pub async fn line(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Unavailable> {
    let Some(grant) = opened(&house, &agent, &c).await? else {
        return Ok(to(&c));
    };
    let Some((book, region)) = book_of(&house.control, &grant).await? else {
        return Ok(to(&c));
    };
    let there = |query: &str| Redirect::to(&format!("/desk/calls/{c}?{query}")).into_response();
    let said = read(&typed.line, &book, &region);
    let edit = match &said {
        Line::Empty => return Ok(to(&c)),
        Line::Help => return Ok(there("mode=keys")),
        Line::Search(query) => {
            let query: String = encoded(query);
            return Ok(there(&format!("q={query}")));
        }
        Line::Command(word) => {
            return command(&house, &agent, w, &c, word, typed.line.clone()).await;
        }
        Line::Add(said) | Line::Change(said) if !said.unknown.is_empty() => {
            let sentence = w.with("desk-unknown", "words", said.unknown.join(", "));
            let note = Note::wrong(sentence).with_line(&typed.line, &typed.chosen);
            return work::draw(&house, &agent, w, &c, note).await;
        }
        Line::Add(said) => Edit::AddFriend(draft(said, &typed.choice, &region)),
        Line::Change(said) => {
            let chosen = parse_friend_id(&typed.chosen).filter(|(s, _)| *s == book.subscriber);
            let Some(friend) = chosen.and_then(|(_, no)| book.friends.get(&no)) else {
                let note = Note::wrong(w.say("desk-choose-first"));
                let note = note.with_line(&typed.line, &typed.chosen);
                return work::draw(&house, &agent, w, &c, note).await;
            };
            Edit::ChangeFriend {
                friend: friend.no,
                patch: patch(said, friend, &typed.choice, &region),
                based_on: None,
            }
        }
    };
    commit(&house, &agent, w, &c, &grant, edit, &typed).await
}

/// Commits an edit of the call; a refusal keeps what was typed and asks.
async fn commit(
    house: &House,
    agent: &Session,
    w: Words,
    c: &str,
    grant: &Grant,
    edit: Edit,
    typed: &Typed,
) -> Result<Response, Unavailable> {
    let options = EditOptions {
        request: Some(typed.request.clone()).filter(|request| !request.is_empty()),
        ..EditOptions::default()
    };
    let edited = house.control.edit(grant, edit, options).await;
    let error = match edited {
        Ok(edited) => {
            touch(&house.control, c).await?;
            let chosen = edited
                .friend
                .map(|no| book::friend_id(grant.subscriber(), no));
            let query = chosen.map(|id| format!("?chosen={id}")).unwrap_or_default();
            return Ok(Redirect::to(&format!("/desk/calls/{c}{query}")).into_response());
        }
        // The answer to the first sending was lost on its way.
        Err(EditError::Repeated) => return Ok(to(c)),
        Err(EditError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let note = refusal(w, &error).with_line(&typed.line, &typed.chosen);
    work::draw(house, agent, w, c, note).await
}

/// A refusal as the page says it, with the answers that would make it good.
pub(super) fn refusal(w: Words, error: &EditError) -> Note {
    let EditError::Refused(refusal) = error else {
        return Note::wrong(w.edit_error(error));
    };
    let mut note = Note::wrong(w.refusal(refusal));
    match refusal {
        Refusal::Ambiguous { a, b, .. } => {
            note.choices = vec![
                Choice::new("a", a.typed.clone()),
                Choice::new("b", b.typed.clone()),
            ];
        }
        Refusal::NumberTooShort { .. } | Refusal::NumberTooLong { .. } => {
            note.choices = vec![Choice::new("keep", w.say("keep"))];
        }
        _ => {}
    }
    note
}

pub async fn undo(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path((c, revision)): Path<(String, u64)>,
) -> Result<Response, Unavailable> {
    let Some(grant) = opened(&house, &agent, &c).await? else {
        return Ok(to(&c));
    };
    match house.control.undo(&grant, Revision(revision)).await {
        Ok(_) => {
            touch(&house.control, &c).await?;
            Ok(to(&c))
        }
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => work::draw(&house, &agent, w, &c, refusal(w, &error)).await,
    }
}

/// What the line would do, as a piece of page: nothing is changed.
pub async fn reading(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Query(typed): Query<Typed>,
) -> Result<Response, Unavailable> {
    let mut reading = Reading {
        w,
        chips: Vec::new(),
        warnings: Vec::new(),
    };
    let grant = opened(&house, &agent, &c).await?;
    let found = match &grant {
        Some(grant) => book_of(&house.control, grant).await?,
        None => None,
    };
    if let (Some(grant), Some((book, region))) = (grant, found) {
        let chosen = parse_friend_id(&typed.chosen).filter(|(s, _)| *s == book.subscriber);
        let chosen = chosen.and_then(|(_, no)| book.friends.get(&no));
        let (said, known) = match read(&typed.line, &book, &region) {
            Line::Add(said) => (Some(said), None),
            Line::Change(said) => (Some(said), chosen),
            _ => (None, None),
        };
        if let Some(said) = said {
            reading.chips = chips(w, &said, &book, &region);
            let unknown = said.unknown.iter();
            reading
                .warnings
                .extend(unknown.map(|word| w.with("desk-unknown", "words", word.clone())));
            reading
                .look(&house.control, &grant, &book, &region, &said, known)
                .await?;
        }
    }
    Ok(page(&reading))
}

impl Reading {
    /// Warnings of the book, and how the phone would show it.
    async fn look(
        &mut self,
        control: &Control,
        grant: &Grant,
        book: &Book,
        region: &str,
        said: &Said,
        known: Option<&Friend>,
    ) -> Result<(), Unavailable> {
        let w = self.w;
        let draft = draft(said, "", region);
        let rules = Rules::new(region);
        for warning in book::warnings(book, known.map(|f| f.no), &draft, &rules) {
            self.warnings.push(match warning {
                Warning::SameNumber { name, .. } => w.with("desk-same-number", "name", name),
                Warning::PerhapsSameNumber { name, .. } => {
                    w.with("desk-perhaps-same", "name", name)
                }
                Warning::KeyTaken { key, name, .. } => {
                    w.with2("desk-key-was", ("key", i64::from(key)), ("name", name))
                }
            });
        }
        let edit = match known {
            Some(friend) => Edit::ChangeFriend {
                friend: friend.no,
                patch: patch(said, friend, "", region),
                based_on: None,
            },
            None if said.name.is_none() || said.number.is_none() => return Ok(()),
            None => Edit::AddFriend(draft),
        };
        match control.preview(grant, &edit).await {
            Ok(preview) => {
                for (name, number, cut) in preview.shown {
                    if cut {
                        let shown = format!("{name} {number}");
                        self.warnings.push(w.with("desk-cut", "shown", shown));
                    }
                }
                if !preview.left_out.is_empty() {
                    self.warnings.push(w.say("desk-left-out"));
                }
            }
            Err(EditError::Store(error)) => return Err(error.into()),
            Err(EditError::Refused(refusal)) => self.warnings.push(w.refusal(&refusal)),
            Err(_) => {}
        }
        Ok(())
    }
}

fn chips(w: Words, said: &Said, book: &Book, region: &str) -> Vec<String> {
    let mut chips = Vec::new();
    if let Some(name) = &said.name {
        chips.push(w.with("desk-chip-name", "name", name.clone()));
    }
    if let Some(number) = &said.number {
        chips.push(match understand(number, region) {
            Ok(Understood::Clear(reading)) if reading.normal.is_some() => {
                let kind = serde_json::to_value(reading.kind).ok();
                let kind = kind.and_then(|kind| kind.as_str().map(str::to_owned));
                let kind = w.say(&format!("line-{}", kind.unwrap_or_default()));
                let region = reading.region.unwrap_or_default();
                format!("{number} ✓ {region} {kind}")
            }
            _ => number.clone(),
        });
    }
    if let Some(label) = said.label {
        chips.push(w.say(work::label_key(label)));
    }
    let groups = said.groups.iter().filter_map(|no| book.groups.get(no));
    chips.extend(groups.map(|group| group.name.clone()));
    if let Some(key) = said.key {
        chips.push(w.with("key", "key", i64::from(key)));
    }
    if said.emergency {
        chips.push(w.say("emergency"));
    }
    chips.extend(said.note.clone());
    chips
}

/// The number as it was said, with the answer to the question about it.
fn number(typed: &str, choice: &str, region: &str) -> NumberDraft {
    let mut draft = NumberDraft {
        number: typed.to_owned(),
        keep: choice == "keep",
        ..NumberDraft::default()
    };
    if let Ok(Understood::TwoReadings { a, b }) = understand(typed, region) {
        let chosen = match choice {
            "a" => Some(a),
            "b" => Some(b),
            _ => None,
        };
        if let Some(reading) = chosen {
            draft.number = match &reading.post_dial {
                Some(post) if !reading.typed.contains(post.as_str()) => {
                    format!("{}{post}", reading.typed)
                }
                _ => reading.typed,
            };
            draft.keep = reading.keep;
        }
    }
    draft
}

fn draft(said: &Said, choice: &str, region: &str) -> FriendDraft {
    let numbers = said.number.iter().map(|typed| NumberDraft {
        label: said.label,
        ..number(typed, choice, region)
    });
    FriendDraft {
        name: said.name.clone().unwrap_or_default(),
        numbers: numbers.collect(),
        note: said.note.clone(),
        speed_dial: said.key,
        emergency: said.emergency,
        groups: said.groups.clone(),
        ..FriendDraft::default()
    }
}

/// What was said changes; the rest stays. A number takes the place of the first one, or of the one with its label.
fn patch(said: &Said, friend: &Friend, choice: &str, region: &str) -> FriendPatch {
    let mut numbers: Vec<NumberDraft> = FriendDraft::from(friend).numbers;
    for kept in &mut numbers {
        kept.keep = true;
    }
    let at = said
        .label
        .and_then(|label| numbers.iter().position(|n| n.label == Some(label)))
        .unwrap_or(0);
    let mut changed = false;
    if let Some(typed) = &said.number {
        changed = true;
        let new = number(typed, choice, region);
        match numbers.get_mut(at) {
            Some(old) => {
                *old = NumberDraft {
                    label: said.label.or(old.label),
                    no: old.no,
                    ..new
                };
            }
            None => numbers.push(NumberDraft {
                label: said.label,
                ..new
            }),
        }
    } else if let (Some(label), Some(first)) = (said.label, numbers.first_mut()) {
        changed = first.label != Some(label);
        first.label = Some(label);
    }
    let groups =
        (!said.groups.is_empty()).then(|| friend.groups.union(&said.groups).copied().collect());
    FriendPatch {
        name: said.name.clone(),
        numbers: changed.then_some(numbers),
        note: said.note.clone().map(Some),
        speed_dial: said.key.map(Some),
        emergency: said.emergency.then_some(true),
        groups,
        ..FriendPatch::default()
    }
}

/// A command by its word; one that nobody knows stays in the line.
async fn command(
    house: &House,
    agent: &Session,
    w: Words,
    c: &str,
    word: &str,
    line: String,
) -> Result<Response, Unavailable> {
    let there = |query: &str| Redirect::to(&format!("/desk/calls/{c}?{query}")).into_response();
    Ok(match word {
        "read" | "读" => there("mode=read"),
        "end" | "结束" => there("mode=end"),
        "keys" | "?" => there("mode=keys"),
        "send" | "发" => {
            let _ = house.control.send_in_call(c, agent).await;
            to(c)
        }
        _ => {
            let note = Note::wrong(w.with("desk-no-command", "word", word.to_owned()));
            return work::draw(house, agent, w, c, note.with_line(&line, "")).await;
        }
    })
}

/// The call's ten quiet minutes begin again.
pub(super) async fn touch(control: &Control, c: &str) -> Result<(), Unavailable> {
    match control.touch_call(c).await {
        Err(control::CallError::Store(error)) => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) async fn book_of(
    control: &Control,
    grant: &Grant,
) -> Result<Option<(Book, String)>, Unavailable> {
    let id = grant.subscriber();
    let region = control.store().subscriber(id).await?.map(|s| s.region);
    let book = control.store().book(id).await?;
    Ok(book.zip(region))
}

/// A number of a friend, grouped for the eye.
pub(super) fn numbers_of(friend: &Friend, region: &str) -> Vec<String> {
    friend.numbers.iter().map(|n| spaced(n, region)).collect()
}

/// A value for a query string.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
    }
    out
}

pub(super) fn friend_no(grant: &Grant, f: &str) -> Option<FriendNo> {
    let (subscriber, no) = parse_friend_id(f)?;
    (subscriber == grant.subscriber()).then_some(no)
}
