//! Groups: a list, and a page a group with its members as check boxes.

use super::edit::done;
use super::person::group as number_of;
use super::{Frame, Owner, Unavailable, page_with, refused};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use book::{Book, Edit, FriendNo, GroupNo, friend_id, group_id, listed, parse_friend_id};
use control::{Control, EditError, EditOptions};
use identity::Grant;
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "groups.html")]
struct Groups {
    f: Frame,
    groups: Vec<Line>,
    /// What was typed for a new one.
    name: String,
    error: Option<String>,
}

struct Line {
    id: String,
    name: String,
    count: String,
}

#[derive(Template)]
#[template(path = "group.html")]
struct Page {
    f: Frame,
    id: String,
    /// Its name as it is; `name` is what was typed.
    heading: String,
    name: String,
    people: Vec<Member>,
    error: Option<String>,
}

struct Member {
    id: String,
    name: String,
    inside: bool,
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    list(&control, &grant, f, String::new(), None).await
}

pub async fn add(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Unavailable> {
    let (name, _) = typed(pairs, &grant);
    let edit = Edit::AddGroup {
        name: name.clone(),
        friends: BTreeSet::new(),
    };
    let edited = control.edit(&grant, edit, EditOptions::default());
    match edited.await {
        // On to its members.
        Ok(edited) => {
            let group = edited.group.map(|no| group_id(grant.subscriber(), no));
            let to = format!("/groups/{}", group.unwrap_or_default());
            Ok(Redirect::to(&to).into_response())
        }
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => list(&control, &grant, f, name, Some(error)).await,
    }
}

pub async fn open(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Path(id): Path<String>,
) -> Result<Response, Unavailable> {
    let Some((book, no)) = find(&control, &grant, &id).await? else {
        return refused(f, "lost", EditError::NotFound);
    };
    let inside = book.members(no);
    let name = book.groups.get(&no).map(|group| group.name.clone());
    let name = name.unwrap_or_default();
    Ok(draw(f, &book, no, name, &inside, None))
}

pub async fn change(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Unavailable> {
    let Some((book, no)) = find(&control, &grant, &id).await? else {
        return refused(f, "lost", EditError::NotFound);
    };
    let (name, inside) = typed(pairs, &grant);
    let edit = Edit::ChangeGroup {
        group: no,
        name: Some(name.clone()),
        friends: Some(inside.clone()),
    };
    let edited = control.edit(&grant, edit, EditOptions::default());
    match edited.await {
        Ok(edited) => Ok(done(&edited)),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => Ok(draw(f, &book, no, name, &inside, Some(error))),
    }
}

pub async fn remove(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Path(id): Path<String>,
) -> Result<Response, Unavailable> {
    let Some(no) = number_of(grant.subscriber(), &id) else {
        return refused(f, "lost", EditError::NotFound);
    };
    let edit = control.edit(&grant, Edit::RemoveGroup(no), EditOptions::default());
    match edit.await {
        Ok(edited) => Ok(done(&edited)),
        Err(error) => refused(f, "delete-refused", error),
    }
}

/// Name and members as typed.
fn typed(pairs: Vec<(String, String)>, grant: &Grant) -> (String, BTreeSet<FriendNo>) {
    let (mut name, mut inside) = (String::new(), BTreeSet::new());
    for (key, value) in pairs {
        match key.as_str() {
            "name" => name = value,
            "friend" => {
                let friend = parse_friend_id(&value);
                let own = friend.filter(|(owner, _)| *owner == grant.subscriber());
                inside.extend(own.map(|(_, no)| no));
            }
            _ => {}
        }
    }
    (name, inside)
}

async fn find(
    control: &Control,
    grant: &Grant,
    id: &str,
) -> Result<Option<(Book, GroupNo)>, Unavailable> {
    let book = control.store().book(grant.subscriber()).await?;
    let no = number_of(grant.subscriber(), id);
    let found = book.zip(no);
    Ok(found.filter(|(book, no)| book.groups.contains_key(no)))
}

fn draw(
    f: Frame,
    book: &Book,
    no: GroupNo,
    name: String,
    inside: &BTreeSet<FriendNo>,
    error: Option<EditError>,
) -> Response {
    let people = listed(book).into_iter().map(|friend| Member {
        id: friend_id(book.subscriber, friend.no),
        name: friend.name.clone(),
        inside: inside.contains(&friend.no),
    });
    let heading = book.groups.get(&no).map(|group| group.name.clone());
    let page = Page {
        id: group_id(book.subscriber, no),
        heading: heading.unwrap_or_default(),
        name,
        people: people.collect(),
        error: error.as_ref().map(|error| f.w.edit_error(error)),
        f,
    };
    page_with(status(&page.error), &page)
}

async fn list(
    control: &Control,
    grant: &Grant,
    f: Frame,
    name: String,
    error: Option<EditError>,
) -> Result<Response, Unavailable> {
    let Some(book) = control.store().book(grant.subscriber()).await? else {
        return refused(f, "lost", EditError::NotFound);
    };
    let groups = book.groups.values().map(|group| {
        let count = i64::try_from(book.members(group.no).len()).unwrap_or(i64::MAX);
        Line {
            id: group_id(book.subscriber, group.no),
            name: group.name.clone(),
            count: f.w.with("people", "count", count),
        }
    });
    let page = Groups {
        groups: groups.collect(),
        name,
        error: error.as_ref().map(|error| f.w.edit_error(error)),
        f,
    };
    Ok(page_with(status(&page.error), &page))
}

fn status(error: &Option<String>) -> StatusCode {
    match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    }
}
