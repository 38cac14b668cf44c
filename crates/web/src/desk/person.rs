//! One person opened at the desk: every field, and Delete, which asks with her name.

use super::edits::{book_of, friend_no, opened, refusal, touch};
use super::verify::to;
use super::work;
use crate::locale::Words;
use crate::page::Unavailable;
use crate::staff::{Agent, House};
use axum::extract::{Path, RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{Edit, Friend, FriendPatch, GroupNo, Label, NumberDraft, NumberNo};
use control::{EditError, EditOptions};
use std::collections::BTreeSet;

pub async fn change(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path((c, f)): Path<(String, String)>,
    RawForm(octets): RawForm,
) -> Result<Response, Unavailable> {
    let Some(grant) = opened(&house, &agent, &c).await? else {
        return Ok(to(&c));
    };
    let Some((book, _)) = book_of(&house.control, &grant).await? else {
        return Ok(to(&c));
    };
    let Some(friend) = friend_no(&grant, &f).and_then(|no| book.friends.get(&no)) else {
        return Ok(to(&c));
    };
    // Several fields of one name: pairs, in order.
    let fields: Vec<_> = form_urlencoded::parse(&octets).into_owned().collect();
    let edit = Edit::ChangeFriend {
        friend: friend.no,
        patch: patch(&fields, friend),
        // Saved once more after it was said, it is meant: the page was drawn from what is there now.
        based_on: seen(&fields),
    };
    match house
        .control
        .edit(&grant, edit, EditOptions::default())
        .await
    {
        Ok(_) => {
            touch(&house.control, &c).await?;
            Ok(Redirect::to(&format!("/desk/calls/{c}?chosen={f}")).into_response())
        }
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => {
            let note = refusal(w, &error).with_open(&f, fields);
            work::draw(&house, &agent, w, &c, note).await
        }
    }
}

pub async fn remove(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path((c, f)): Path<(String, String)>,
) -> Result<Response, Unavailable> {
    let Some(grant) = opened(&house, &agent, &c).await? else {
        return Ok(to(&c));
    };
    let Some(no) = friend_no(&grant, &f) else {
        return Ok(to(&c));
    };
    let edit = house
        .control
        .edit(&grant, Edit::RemoveFriend(no), EditOptions::default());
    match edit.await {
        Ok(_) => {
            touch(&house.control, &c).await?;
            Ok(to(&c))
        }
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => work::draw(&house, &agent, w, &c, refusal(w, &error)).await,
    }
}

/// The person as the form was drawn from.
fn seen(fields: &[(String, String)]) -> Option<Friend> {
    let found = fields.iter().find(|(key, _)| key == "seen");
    serde_json::from_str(&found?.1).ok()
}

/// Numbers come as `number`, `label`, `no` in turn; an emptied one goes.
fn patch(fields: &[(String, String)], friend: &Friend) -> FriendPatch {
    let one = |key: &str| {
        let found = fields.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let all = |key: &str| -> Vec<&str> {
        let found = fields.iter().filter(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str()).collect()
    };
    let (labels, nos) = (all("label"), all("no"));
    let keep = !one("keep").is_empty();
    let numbers = all("number")
        .into_iter()
        .enumerate()
        .filter_map(|(at, typed)| {
            if typed.trim().is_empty() {
                return None;
            }
            let no = nos.get(at).and_then(|no| no.parse().ok()).map(NumberNo);
            let known = friend.numbers.iter().find(|n| Some(n.no) == no);
            Some(NumberDraft {
                number: typed.to_owned(),
                label: labels.get(at).and_then(|word| label(word)),
                // What stands already was accepted before.
                keep: keep || known.is_some_and(|known| known.typed == typed),
                no,
            })
        });
    let text = |key: &str| Some(one(key)).filter(|text| !text.trim().is_empty());
    FriendPatch {
        name: Some(one("name")),
        sort_as: Some(text("sort_as")),
        numbers: Some(numbers.collect()),
        note: Some(text("note")),
        speed_dial: Some(one("key").parse().ok()),
        emergency: Some(!one("emergency").is_empty()),
        keep_off_phone: Some(!one("off").is_empty()),
        groups: Some(
            all("group")
                .iter()
                .filter_map(|no| no.parse().ok())
                .map(GroupNo)
                .collect::<BTreeSet<_>>(),
        ),
    }
}

pub(super) fn label(word: &str) -> Option<Label> {
    match word {
        "mobile" => Some(Label::Mobile),
        "home" => Some(Label::Home),
        "work" => Some(Label::Work),
        "other" => Some(Label::Other),
        _ => None,
    }
}
