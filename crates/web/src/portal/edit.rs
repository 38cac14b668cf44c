//! Adding and changing one person (SCREENS.md §5): two fields, one button, the rest behind “More”.

use super::guard::Owner;
use super::{Unavailable, other, page, page_with};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use book::{
    Edit, Friend, FriendDraft, FriendNo, FriendPatch, NumberDraft, NumberNo, parse_friend_id,
};
use control::{Control, EditError, EditOptions, Edited};
use identity::Grant;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "edit.html")]
struct Page {
    w: Words,
    other: &'static str,
    service: String,
    heading: String,
    action: String,
    delete: Option<String>,
    form: Person,
    error: Option<String>,
    field: &'static str,
}

/// What was typed, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Person {
    name: String,
    number: String,
    number_id: String,
    keep: String,
    key: String,
    emergency: String,
    note: String,
}

pub async fn blank(State(control): State<Control>, Owner(_): Owner, w: Words) -> Response {
    page(&draw(&control, w, None, Person::default()))
}

pub async fn add(
    State(control): State<Control>,
    Owner(grant): Owner,
    w: Words,
    Form(form): Form<Person>,
) -> Result<Response, Unavailable> {
    let draft = FriendDraft {
        name: form.name.clone(),
        numbers: numbers(&form, &[]),
        note: Some(form.note.clone()).filter(|note| !note.trim().is_empty()),
        speed_dial: form.key.parse().ok(),
        emergency: !form.emergency.is_empty(),
        ..FriendDraft::default()
    };
    let edit = control.edit(&grant, Edit::AddFriend(draft), EditOptions::default());
    answer(&control, w, None, form, edit.await)
}

pub async fn show(
    State(control): State<Control>,
    Owner(grant): Owner,
    w: Words,
    Path(f): Path<String>,
) -> Result<Response, Unavailable> {
    let Some(friend) = find(&control, &grant, &f).await? else {
        return Ok(Redirect::to("/").into_response());
    };
    let number = friend.numbers.first();
    let form = Person {
        name: friend.name.clone(),
        number: number.map(|n| n.typed.clone()).unwrap_or_default(),
        number_id: number.map(|n| n.no.0.to_string()).unwrap_or_default(),
        keep: String::new(),
        key: friend
            .speed_dial
            .map(|key| key.to_string())
            .unwrap_or_default(),
        emergency: if friend.emergency {
            "1".into()
        } else {
            String::new()
        },
        note: friend.note.clone().unwrap_or_default(),
    };
    Ok(page(&draw(&control, w, Some((&f, &friend.name)), form)))
}

pub async fn change(
    State(control): State<Control>,
    Owner(grant): Owner,
    w: Words,
    Path(f): Path<String>,
    Form(form): Form<Person>,
) -> Result<Response, Unavailable> {
    let Some(friend) = find(&control, &grant, &f).await? else {
        return Ok(Redirect::to("/").into_response());
    };
    let patch = FriendPatch {
        name: Some(form.name.clone()),
        numbers: Some(numbers(&form, &friend.numbers)),
        note: Some(Some(form.note.clone()).filter(|note| !note.trim().is_empty())),
        speed_dial: Some(form.key.parse().ok()),
        emergency: Some(!form.emergency.is_empty()),
        ..FriendPatch::default()
    };
    let edit = Edit::ChangeFriend {
        friend: friend.no,
        patch,
        based_on: None,
    };
    let edited = control.edit(&grant, edit, EditOptions::default()).await;
    answer(&control, w, Some((&f, &friend.name)), form, edited)
}

pub async fn remove(
    State(control): State<Control>,
    Owner(grant): Owner,
    Path(f): Path<String>,
) -> Result<Response, Unavailable> {
    let Some(no) = number_of(&grant, &f) else {
        return Ok(Redirect::to("/").into_response());
    };
    let edit = control.edit(&grant, Edit::RemoveFriend(no), EditOptions::default());
    match edit.await {
        Ok(edited) => Ok(done(&edited)),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Redirect::to("/").into_response()),
    }
}

/// The first number as typed now; the others stay as they are.
fn numbers(form: &Person, known: &[book::Number]) -> Vec<NumberDraft> {
    let first = NumberDraft {
        number: form.number.clone(),
        label: known.first().and_then(|number| number.label),
        keep: !form.keep.is_empty(),
        no: form.number_id.parse().ok().map(NumberNo),
    };
    let rest = known.iter().skip(1).map(|number| NumberDraft {
        number: number.typed.clone(),
        label: number.label,
        keep: true,
        no: Some(number.no),
    });
    std::iter::once(first).chain(rest).collect()
}

fn answer(
    control: &Control,
    w: Words,
    known: Option<(&str, &str)>,
    form: Person,
    edited: Result<Edited, EditError>,
) -> Result<Response, Unavailable> {
    let refusal = match edited {
        Ok(edited) => return Ok(done(&edited)),
        Err(EditError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let mut page = draw(control, w, known, form);
    if let EditError::Refused(refusal) = &refusal {
        let field = refusal.field().unwrap_or_default();
        page.field = if field.starts_with("numbers") {
            "number"
        } else {
            "name"
        };
    }
    page.error = Some(refusal.to_string());
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// Back to the list, where the last change can be undone.
fn done(edited: &Edited) -> Response {
    let to = match edited.changes.first() {
        Some(change) => format!("/?saved={}", change.revision.0),
        None => "/".to_owned(),
    };
    Redirect::to(&to).into_response()
}

fn draw(control: &Control, w: Words, known: Option<(&str, &str)>, form: Person) -> Page {
    Page {
        w,
        other: other(w),
        service: control.settings().service_number.clone(),
        heading: match known {
            Some((_, name)) => w.with("edit-title", "name", name.to_owned()),
            None => w.say("edit-title-new"),
        },
        action: match known {
            Some((f, _)) => format!("/people/{f}"),
            None => "/people/new".to_owned(),
        },
        delete: known.map(|(f, _)| format!("/people/{f}/delete")),
        form,
        error: None,
        field: "",
    }
}

fn number_of(grant: &Grant, f: &str) -> Option<FriendNo> {
    let (subscriber, no) = parse_friend_id(f)?;
    (subscriber == grant.subscriber()).then_some(no)
}

async fn find(control: &Control, grant: &Grant, f: &str) -> Result<Option<Friend>, Unavailable> {
    let Some(no) = number_of(grant, f) else {
        return Ok(None);
    };
    let book = control.store().book(grant.subscriber()).await?;
    Ok(book.and_then(|mut book| book.friends.remove(&no)))
}
