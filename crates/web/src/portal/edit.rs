//! Adding and changing one person (SCREENS.md §5): two fields, one button, the rest behind “More”.

use super::editor::{Editor, number_of};
use super::person::Person;
use super::rows::teller;
use super::{Frame, Owner, Unavailable, page, refused, sorry};
use crate::states::Said;
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use book::{Edit, Friend, FriendDraft};
use control::{Control, EditError, EditOptions, Edited};

pub async fn blank(
    State(control): State<Control>,
    owner: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    let editor = match Editor::open(&control, owner).await? {
        Some(editor) => editor,
        None => return Ok(gone(f)),
    };
    Ok(page(&editor.draw(f, None, Person::blank())))
}

pub async fn show(
    State(control): State<Control>,
    owner: Owner,
    f: Frame,
    Path(id): Path<String>,
) -> Result<Response, Unavailable> {
    let editor = Editor::open(&control, owner).await?;
    let Some((editor, friend)) = editor.and_then(|editor| editor.find(&id)) else {
        return Ok(gone(f));
    };
    let person = Person::of(editor.subscriber(), &friend);
    Ok(page(&editor.draw(f, Some(&friend), person)))
}

pub async fn add(
    State(control): State<Control>,
    owner: Owner,
    f: Frame,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Unavailable> {
    let Some(editor) = Editor::open(&control, owner).await? else {
        return Ok(gone(f));
    };
    let person = Person::read(pairs);
    let draft = person.draft(editor.subscriber(), &[]);
    let edit = edit_of(None, &person, draft.clone());
    editor.save(&control, f, None, person, &draft, edit).await
}

pub async fn change(
    State(control): State<Control>,
    owner: Owner,
    f: Frame,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Unavailable> {
    let editor = Editor::open(&control, owner).await?;
    let Some((editor, friend)) = editor.and_then(|editor| editor.find(&id)) else {
        return Ok(gone(f));
    };
    let person = Person::read(pairs);
    let draft = person.draft(editor.subscriber(), &friend.numbers);
    let edit = edit_of(Some(&friend), &person, draft.clone());
    let own = Some(&friend);
    editor.save(&control, f, own, person, &draft, edit).await
}

pub async fn remove(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Path(id): Path<String>,
) -> Result<Response, Unavailable> {
    let Some(no) = number_of(grant.subscriber(), &id) else {
        return Ok(gone(f));
    };
    let edit = control.edit(&grant, Edit::RemoveFriend(no), EditOptions::default());
    match edit.await {
        Ok(edited) => Ok(done(&edited)),
        Err(error) => refused(f, "delete-refused", error),
    }
}

/// Back to the list, where the last change can be undone.
pub fn done(edited: &Edited) -> Response {
    let to = match edited.changes.first() {
        Some(change) => format!("/?saved={}", change.revision.0),
        None => "/".to_owned(),
    };
    Redirect::to(&to).into_response()
}

fn gone(f: Frame) -> Response {
    let (heading, sentence) = (f.w.say("lost"), f.w.say("no-friend"));
    sorry(f, StatusCode::NOT_FOUND, heading, sentence)
}

fn edit_of(own: Option<&Friend>, person: &Person, draft: FriendDraft) -> Edit {
    match own {
        None => Edit::AddFriend(draft),
        Some(friend) => Edit::ChangeFriend {
            friend: friend.no,
            patch: draft.into_patch(),
            based_on: serde_json::from_str(&person.seen).ok(),
        },
    }
}

/// What is being typed, as the phone would show it.
#[derive(Template)]
#[template(path = "preview.html")]
struct Shown {
    f: Frame,
    /// Name, number, whether the name is cut.
    lines: Vec<(String, String, bool)>,
    apart: Vec<Said>,
    capacity: Option<String>,
}

pub async fn preview(
    State(control): State<Control>,
    owner: Owner,
    f: Frame,
    id: Option<Path<String>>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Unavailable> {
    let editor = Editor::open(&control, owner).await?;
    let found = match (editor, id) {
        (Some(editor), None) => Some((editor, None)),
        (Some(editor), Some(Path(id))) => editor.find(&id).map(|(e, friend)| (e, Some(friend))),
        (None, _) => None,
    };
    let Some((editor, friend)) = found else {
        return Ok(gone(f));
    };
    let person = Person::read(pairs);
    let known = friend.as_ref().map(|friend| friend.numbers.as_slice());
    let mut draft = person.draft(editor.subscriber(), known.unwrap_or_default());
    // Questions are asked when it is saved.
    draft
        .numbers
        .iter_mut()
        .for_each(|number| number.keep = true);
    let edit = edit_of(friend.as_ref(), &Person::default(), draft);
    let preview = match control.preview(&editor.grant, &edit).await {
        Ok(preview) => preview,
        Err(EditError::Store(error)) => return Err(error.into()),
        // Half a number is no mistake yet.
        Err(_) => return Ok(StatusCode::NO_CONTENT.into_response()),
    };
    let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(page(&Shown {
        lines: preview.shown,
        apart: preview
            .left_out
            .iter()
            .map(|reason| teller(&f).left_out(Some(reason)))
            .collect(),
        capacity: preview.room.map(|(used, of)| {
            f.w.with2("capacity", ("used", count(used)), ("of", i64::from(of)))
        }),
        f,
    }))
}
