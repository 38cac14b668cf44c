//! Organisations and their shared groups: friends by the same form as everywhere, members by their numbers or a file.

use super::campaigns;
use super::{Frame, count};
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{
    Friend, FriendDraft, FriendNo, FriendPatch, GroupNo, Language, NumberDraft, Organisation,
    OrganisationNo, organisation_id, parse_organisation_id, parse_shared_group_id,
    parse_subscriber_id, shared_group_id, subscriber_id,
};
use control::{Control, EditError, EditOptions, SharedEdit, SharedState};
use identity::OrganisationGrant;
use serde::Deserialize;
use store::StoreError;

/// Members of a page, and records of the journal.
const PAGE: u32 = 50;
const CHANGES: u32 = 20;

#[derive(Template)]
#[template(path = "console/organisation.html")]
struct OrganisationPage {
    f: Frame,
    id: String,
    name: String,
    region: String,
    zh: bool,
    groups: Vec<(String, String, String, bool)>,
    error: Option<String>,
    typed: String,
}

#[derive(Template)]
#[template(path = "console/shared.html")]
struct GroupPage {
    f: Frame,
    id: String,
    name: String,
    organisation: String,
    organisation_id: String,
    friends: Vec<FriendRow>,
    open: Option<FriendForm>,
    planned: Option<String>,
    newest: Option<String>,
    members: String,
    rows: Vec<MemberRow>,
    next: Option<String>,
    changes: Vec<(String, String, campaigns::Changed)>,
    error: Option<String>,
    joined: Vec<String>,
}

impl GroupPage {
    /// The form as it stands open, or an empty one.
    fn form(&self) -> FriendForm {
        self.open.clone().unwrap_or_default()
    }
}

struct FriendRow {
    no: u32,
    name: String,
    numbers: String,
}

/// A friend who is edited, or a new one with what was typed.
#[derive(Clone, Default)]
struct FriendForm {
    no: u32,
    name: String,
    number: String,
    second: String,
    note: String,
    saved: String,
}

struct MemberRow {
    id: String,
    name: String,
    msisdn: String,
    current: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    open: Option<u32>,
    after: String,
    joined: String,
    unknown: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Typed {
    what: String,
    no: u32,
    name: String,
    region: String,
    language: String,
    number: String,
    second: String,
    note: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Members {
    what: String,
    numbers: String,
    subscriber: String,
}

pub async fn add_organisation(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Form(typed): Form<Typed>,
) -> Result<Response, Unavailable> {
    let Some(grant) = OrganisationGrant::of_console(&admin) else {
        return Ok(to_list());
    };
    let control = &house.control;
    let language = Language::from_tag(&typed.language).unwrap_or(w.0);
    let region = match typed.region.trim() {
        region if region.len() == 2 => region,
        _ => "GB",
    };
    match control
        .add_organisation(&grant, &typed.name, language, region, None)
        .await
    {
        Ok(made) => Ok(to_organisation(made.no)),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => {
            let f = Frame::new(w, &admin, "campaigns");
            let error = Some(w.edit_error(&error));
            campaigns::draw(control, &grant, f, "", error, typed.name).await
        }
    }
}

pub async fn show_organisation(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(o): Path<String>,
) -> Result<Response, Unavailable> {
    let found = organisation(&house.control, &admin, &o).await?;
    let Some((grant, organisation)) = found else {
        return Ok(to_list());
    };
    let f = Frame::new(w, &admin, "campaigns");
    draw_organisation(&house.control, &grant, f, organisation, None, String::new()).await
}

/// Another name, or a new shared group.
pub async fn change_organisation(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(o): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let Some((grant, organisation)) = organisation(control, &admin, &o).await? else {
        return Ok(to_list());
    };
    let no = organisation.no;
    let done = if typed.what == "group" {
        let made = control.add_shared_group(&grant, no, &typed.name, None);
        made.await.map(|state| to_group(state.group.no))
    } else {
        let language = Language::from_tag(&typed.language);
        let changed = control.change_organisation(&grant, no, Some(&typed.name), language);
        changed.await.map(|_| to_organisation(no))
    };
    match done {
        Ok(response) => Ok(response),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => {
            let f = Frame::new(w, &admin, "campaigns");
            let error = Some(w.edit_error(&error));
            draw_organisation(control, &grant, f, organisation, error, typed.name).await
        }
    }
}

async fn draw_organisation(
    control: &Control,
    grant: &OrganisationGrant,
    mut f: Frame,
    organisation: Organisation,
    error: Option<String>,
    typed: String,
) -> Result<Response, Unavailable> {
    let mut groups = Vec::new();
    for state in control.shared_groups(grant, organisation.no).await? {
        let no = state.group.no;
        let members = control.store().member_counts(no, book::Revision(0), None);
        let (members, _) = members.await?;
        let friends = state.group.book.friends.len();
        let what = f.w.with2(
            "shared-size",
            ("friends", count(friends)),
            ("members", count(members)),
        );
        let name = state.group.name().to_owned();
        groups.push((shared_group_id(no), name, what, state.planned.is_some()));
    }
    f.title.clone_from(&organisation.name);
    Ok(page(&OrganisationPage {
        f,
        id: organisation_id(organisation.no),
        name: organisation.name,
        region: organisation.region,
        zh: organisation.language == Language::ZhHans,
        groups,
        error,
        typed,
    }))
}

pub async fn show_group(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(q): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let found = group(&house.control, &admin, &q).await?;
    let Some((grant, organisation, state)) = found else {
        return Ok(to_list());
    };
    let open = asked.open.and_then(|no| form_of(&state, FriendNo(no)));
    let f = Frame::new(w, &admin, "campaigns");
    let there = (organisation, state);
    draw_group(&house.control, &grant, f, there, open, &asked, None).await
}

/// A friend more, changed or gone; another name.
pub async fn change_group(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(q): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let Some((grant, organisation, state)) = group(control, &admin, &q).await? else {
        return Ok(to_list());
    };
    let no = FriendNo(typed.no);
    let edit = match typed.what.as_str() {
        "rename" => SharedEdit::Rename(typed.name.clone()),
        "remove" => SharedEdit::Remove(no),
        "change" => SharedEdit::Change(
            no,
            FriendPatch {
                name: Some(typed.name.clone()),
                numbers: Some(numbers(&typed, state.group.book.friends.get(&no))),
                note: Some(Some(typed.note.clone())),
                ..FriendPatch::default()
            },
        ),
        _ => SharedEdit::Add(FriendDraft {
            name: typed.name.clone(),
            numbers: numbers(&typed, None),
            note: Some(typed.note.clone()),
            ..FriendDraft::default()
        }),
    };
    let group = state.group.no;
    let edited = control.edit_shared_group(&grant, group, edit, EditOptions::default());
    match edited.await {
        Ok(_) => Ok(to_group(group)),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(error) => {
            let f = Frame::new(w, &admin, "campaigns");
            let error = Some(w.edit_error(&error));
            let saved = state.group.book.friends.get(&no);
            let form = FriendForm {
                no: typed.no,
                saved: saved.map(|f| f.name.clone()).unwrap_or_default(),
                name: typed.name,
                number: typed.number,
                second: typed.second,
                note: typed.note,
            };
            let form = (typed.what != "rename").then_some(form);
            let there = (organisation, state);
            draw_group(control, &grant, f, there, form, &Asked::default(), error).await
        }
    }
}

/// Numbers that join, one a line or as a file's column; one who leaves.
pub async fn members(
    State(house): State<House>,
    Admin(admin): Admin,
    Path(q): Path<String>,
    Form(typed): Form<Members>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let Some((grant, _, state)) = group(control, &admin, &q).await? else {
        return Ok(to_list());
    };
    let group = state.group.no;
    if typed.what == "leave" {
        let gone: Vec<_> = parse_subscriber_id(&typed.subscriber).into_iter().collect();
        let left = control.change_members(&grant, group, Vec::new(), gone);
        return match left.await {
            Err(EditError::Store(error)) => Err(error.into()),
            _ => Ok(to_group(group)),
        };
    }
    let numbers = members_of(&typed.numbers);
    match control.join_by_number(&grant, group, &numbers).await {
        Ok(joined) => {
            let unknown: Vec<_> = joined.unknown.iter().chain(&joined.several).collect();
            let mut said = String::new();
            for number in unknown.iter().take(20) {
                said.push_str(number);
                said.push(' ');
            }
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("joined", &joined.members.len().to_string())
                .append_pair("unknown", &said)
                .finish();
            let there = format!("/console/shared/{q}?{query}#members");
            Ok(Redirect::to(&there).into_response())
        }
        Err(EditError::Store(error)) => Err(error.into()),
        Err(_) => Ok(to_group(group)),
    }
}

/// The numbers in a text: of a list, of a file's columns, of vCards. What is no number is passed over.
fn members_of(text: &str) -> Vec<String> {
    let cells = text.split(['\n', '\r', ',', ';', '\t']);
    let cells = cells.map(|cell| {
        let cell = cell.trim().trim_matches('"').trim();
        // “TEL;TYPE=CELL:+44…” of a vCard.
        cell.rsplit(':').next().unwrap_or(cell).trim().to_owned()
    });
    let numbers = cells.filter(|cell| {
        let digits = cell.chars().filter(char::is_ascii_digit).count();
        let else_there = cell.chars().any(char::is_alphabetic);
        digits >= 5 && !else_there
    });
    numbers.collect()
}

async fn draw_group(
    control: &Control,
    grant: &OrganisationGrant,
    mut f: Frame,
    (organisation, state): (Organisation, SharedState),
    open: Option<FriendForm>,
    asked: &Asked,
    error: Option<String>,
) -> Result<Response, Unavailable> {
    let w = f.w;
    let group = &state.group;
    let no = group.no;
    let after = parse_subscriber_id(&asked.after);
    let found = control.members(grant, no, after, PAGE).await?;
    let full = found.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = found
        .last()
        .filter(|_| full)
        .map(|(s, _)| subscriber_id(s.id));
    let newest = match state.newest {
        Some(newest) => control.campaign(grant, newest).await?,
        None => None,
    };
    let to = newest.map_or(book::Revision(0), |campaign| campaign.to);
    let (total, _) = control.store().member_counts(no, to, None).await?;
    let changes = control.shared_changes(grant, no, None, CHANGES).await?;
    let mut joined = Vec::new();
    if let Ok(n) = asked.joined.parse::<i64>() {
        joined.push(w.with("shared-joined", "count", n));
    }
    if !asked.unknown.trim().is_empty() {
        let numbers = asked.unknown.trim().replace(' ', " · ");
        joined.push(w.with("shared-unknown", "numbers", numbers));
    }
    f.title = group.name().to_owned();
    Ok(page(&GroupPage {
        id: shared_group_id(no),
        name: group.name().to_owned(),
        organisation_id: organisation_id(organisation.no),
        organisation: organisation.name,
        friends: book::listed(&group.book)
            .into_iter()
            .map(|friend| FriendRow {
                no: friend.no.0,
                name: friend.name.clone(),
                numbers: friend
                    .numbers
                    .iter()
                    .map(book::Number::main)
                    .collect::<Vec<_>>()
                    .join(" · "),
            })
            .collect(),
        open,
        planned: state.planned.map(campaigns::id),
        newest: state.newest.map(campaigns::id),
        members: w.with("shared-members", "count", count(total)),
        rows: found
            .into_iter()
            .map(|(subscriber, member)| MemberRow {
                id: subscriber_id(subscriber.id),
                name: subscriber.name,
                msisdn: subscriber.msisdn,
                current: member.applied >= to && to.0 > 0,
            })
            .collect(),
        next,
        changes: changes
            .iter()
            .filter(|change| change.body.friend.is_some())
            .map(|change| {
                let changed = campaigns::changed(w, &change.body);
                (instant(change.at), change.actor.name.clone(), changed)
            })
            .collect(),
        error,
        joined,
        f,
    }))
}

fn form_of(state: &SharedState, no: FriendNo) -> Option<FriendForm> {
    let friend = state.group.book.friends.get(&no)?;
    let typed = |n: usize| friend.numbers.get(n).map(|n| n.typed.clone());
    Some(FriendForm {
        no: no.0,
        name: friend.name.clone(),
        number: typed(0).unwrap_or_default(),
        second: typed(1).unwrap_or_default(),
        note: friend.note.clone().unwrap_or_default(),
        saved: friend.name.clone(),
    })
}

/// The two numbers of the form, with their labels as they are; more than two stay as they are.
fn numbers(typed: &Typed, known: Option<&Friend>) -> Vec<NumberDraft> {
    let known: Vec<_> = known.map(FriendDraft::from).unwrap_or_default().numbers;
    let all = [&typed.number, &typed.second].into_iter().enumerate();
    let written = all.filter(|(at, number)| *at == 0 || !number.trim().is_empty());
    let written = written.map(|(at, number)| NumberDraft {
        number: number.clone(),
        label: known.get(at).and_then(|known| known.label),
        ..NumberDraft::default()
    });
    written.chain(known.iter().skip(2).cloned()).collect()
}

async fn organisation(
    control: &Control,
    admin: &identity::Session,
    o: &str,
) -> Result<Option<(OrganisationGrant, Organisation)>, StoreError> {
    let grant = OrganisationGrant::of_console(admin);
    let Some((grant, no)) = grant.zip(parse_organisation_id(o)) else {
        return Ok(None);
    };
    let found = control.organisation(&grant, no).await?;
    Ok(found.map(|organisation| (grant, organisation)))
}

async fn group(
    control: &Control,
    admin: &identity::Session,
    q: &str,
) -> Result<Option<(OrganisationGrant, Organisation, SharedState)>, StoreError> {
    let grant = OrganisationGrant::of_console(admin);
    let Some((grant, no)) = grant.zip(parse_shared_group_id(q)) else {
        return Ok(None);
    };
    let found = control.shared_group(&grant, no).await?;
    Ok(found.map(|(organisation, state)| (grant, organisation, state)))
}

fn to_list() -> Response {
    Redirect::to("/console/campaigns").into_response()
}

fn to_organisation(no: OrganisationNo) -> Response {
    Redirect::to(&format!("/console/organisations/{}", organisation_id(no))).into_response()
}

fn to_group(no: GroupNo) -> Response {
    Redirect::to(&format!("/console/shared/{}", shared_group_id(no))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_lists_columns_and_cards() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(members_of(text), expected, "{text:?}");
        };
        check(
            "07700 900101\n+44 7700 900102\n",
            &["07700 900101", "+44 7700 900102"],
        );
        check(
            "Name,Number\n\"Mum\",\"07700 900101\"\r\n",
            &["07700 900101"],
        );
        check(
            "BEGIN:VCARD\nFN:Mum\nTEL;TYPE=CELL:+447700900101\nEND:VCARD",
            &["+447700900101"],
        );
        check("Mum\n12\n\n", &[]);
    }
}
