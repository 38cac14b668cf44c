//! The read-back (F8): only what changed in this call, one line at a time, the caller's yes or no to each.

use crate::page::Unavailable;
use crate::staff::{Agent, House};
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{Change, Language, Revision, spoken};
use control::CallError;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Answer {
    yes: String,
    friend: String,
}

pub async fn answer(
    State(house): State<House>,
    Agent(agent): Agent,
    Path((c, revision)): Path<(String, u64)>,
    Form(answer): Form<Answer>,
) -> Result<Response, Unavailable> {
    let yes = answer.yes == "1";
    let noted = house.control.read_back(&c, &agent, Revision(revision), yes);
    match noted.await {
        Err(CallError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Redirect::to("/desk").into_response()),
        // The next line; or, when she said no, back to the line with the entry open.
        Ok(_) if yes => Ok(Redirect::to(&format!("/desk/calls/{c}?mode=read")).into_response()),
        Ok(_) => {
            let to = format!("/desk/calls/{c}?open={}", answer.friend);
            Ok(Redirect::to(&to).into_response())
        }
    }
}

/// What the agent reads: the name, then the number in spoken groups. A removal is said as such by the page.
pub fn aloud(change: &Change, region: &str, language: Language) -> String {
    let friend = change.body.friend_after().or(change.body.friend_before());
    let Some(friend) = friend else {
        return String::new();
    };
    let (between, comma) = match language {
        Language::En => (": ", ", "),
        Language::ZhHans => ("，", "，"),
    };
    let numbers = friend.numbers.iter();
    let said: Vec<_> = numbers
        .map(|number| spoken(number, region, language).join(comma))
        .collect();
    format!("{}{between}{}", friend.name, said.join("; "))
}
