//! Campaigns: what runs, what it brings, what it will come to, and the plain words to start, hold back and take back.

use super::{Frame, count};
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{ChangeBody, Friend, Organisation, organisation_id, shared_group_id};
use control::{Control, EditError, Estimate, StepError};
use delivery::{Campaign, CampaignNo, CampaignState, Step};
use identity::OrganisationGrant;
use serde::Deserialize;

/// Campaigns of a page.
const PAGE: u32 = 50;
/// Organisations of a page: there are few.
const ORGANISATIONS: u32 = 200;

#[derive(Template)]
#[template(path = "console/campaigns.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    organisations: Vec<(String, String, String)>,
    error: Option<String>,
    typed: String,
}

/// A campaign as the list and its page show it.
struct Row {
    id: String,
    state: &'static str,
    icon: &'static str,
    word: String,
    group: String,
    group_id: String,
    organisation: String,
    what: String,
    /// Proven, on the way, failed, of how many; for the bar and in words.
    bar: Bar,
    said: String,
    at: String,
    by: String,
}

/// A bar of 100 × 8: where each part ends.
struct Bar {
    shown: bool,
    proven: u64,
    failed: u64,
    marked: u64,
}

#[derive(Template)]
#[template(path = "console/campaign.html")]
struct Page {
    f: Frame,
    row: Row,
    changes: Vec<Changed>,
    brake: Option<String>,
    facts: Vec<(String, String)>,
    estimate: Option<Vec<(String, String)>>,
    warnings: Vec<String>,
    start: Option<String>,
    pause: bool,
    resume: bool,
    cancel: Option<(String, String)>,
    undoes: Option<String>,
    error: Option<String>,
    pace: String,
}

/// A friend before and after.
pub(super) struct Changed {
    pub sign: &'static str,
    pub word: String,
    pub before: String,
    pub after: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    after: String,
    error: String,
    pace: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Word {
    step: String,
    pace: String,
}

pub async fn list(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let f = Frame::new(w, &admin, "campaigns");
    let Some(grant) = OrganisationGrant::of_console(&admin) else {
        return Ok(Redirect::to("/console").into_response());
    };
    draw(&house.control, &grant, f, &asked.after, None, String::new()).await
}

/// The list, with what was wrong with a new organisation.
pub(super) async fn draw(
    control: &Control,
    grant: &OrganisationGrant,
    f: Frame,
    after: &str,
    error: Option<String>,
    typed: String,
) -> Result<Response, Unavailable> {
    let w = f.w;
    let after = parse(after);
    let found = control.campaigns(grant, None, after, PAGE).await?;
    let full = found.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| id(last.no));
    let mut rows = Vec::new();
    for campaign in &found {
        rows.push(row(control, grant, w, campaign).await?);
    }
    let mut organisations = Vec::new();
    for organisation in control.organisations(grant, None, ORGANISATIONS).await? {
        let groups = control.shared_groups(grant, organisation.no).await?;
        organisations.push((
            organisation_id(organisation.no),
            organisation.name,
            w.with("organisation-groups", "count", count(groups.len())),
        ));
    }
    Ok(page(&List {
        f,
        rows,
        next,
        organisations,
        error,
        typed,
    }))
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(m): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let to_list = || Redirect::to("/console/campaigns").into_response();
    let (Some(grant), Some(no)) = (OrganisationGrant::of_console(&admin), parse(&m)) else {
        return Ok(to_list());
    };
    let Some(campaign) = control.campaign(&grant, no).await? else {
        return Ok(to_list());
    };
    let row = row(control, &grant, w, &campaign).await?;
    let brought = control.brought(&campaign).await?;
    let planned = campaign.state == CampaignState::Planned;
    let pace = asked.pace.trim().parse().ok().filter(|pace| *pace > 0);
    let estimate = match planned {
        true => Some(control.estimate(&campaign, pace).await?),
        false => None,
    };
    let mut f = Frame::new(w, &admin, "campaigns");
    f.title = w.with2(
        "campaign-title",
        ("group", row.group.clone()),
        ("organisation", row.organisation.clone()),
    );
    Ok(page(&Page {
        f,
        changes: brought.changes.iter().map(|c| changed(w, c)).collect(),
        brake: brought.brake.map(|brake| {
            w.with2(
                "campaign-brake",
                ("altered", count(brake.altered)),
                ("of", count(brake.of)),
            )
        }),
        facts: facts(w, &campaign),
        warnings: estimate
            .as_ref()
            .map(|e| warnings(w, e))
            .unwrap_or_default(),
        start: estimate
            .as_ref()
            .map(|e| w.with("campaign-start", "count", count(e.members))),
        estimate: estimate.as_ref().map(|e| estimated(w, e)),
        pause: campaign.may(Step::Pause),
        resume: campaign.may(Step::Resume),
        cancel: campaign.may(Step::Cancel).then(|| back(w, &campaign)),
        undoes: campaign.undoes.map(id),
        error: (!asked.error.is_empty()).then(|| w.say(wrong(&asked.error))),
        pace: pace.map(|pace: u32| pace.to_string()).unwrap_or_default(),
        row,
    }))
}

/// Start, pause, resume, take back.
pub async fn step(
    State(house): State<House>,
    Admin(admin): Admin,
    Path(m): Path<String>,
    Form(word): Form<Word>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let (Some(grant), Some(no)) = (OrganisationGrant::of_console(&admin), parse(&m)) else {
        return Ok(Redirect::to("/console/campaigns").into_response());
    };
    let pace = word.pace.trim().parse().ok();
    let done = match word.step.as_str() {
        "start" => control.start_campaign(&grant, no, pace).await,
        "pause" => control.pause_campaign(&grant, no).await,
        "resume" => control.resume_campaign(&grant, no).await,
        "cancel" => control.cancel_campaign(&grant, no).await,
        // Another pace, and what it comes to.
        _ => {
            let pace: Option<u32> = pace;
            let pace = pace.map(|pace| pace.to_string()).unwrap_or_default();
            let there = format!("/console/campaigns/{m}?pace={pace}");
            return Ok(Redirect::to(&there).into_response());
        }
    };
    let (no, error) = match done {
        Ok(campaign) => (campaign.no, ""),
        Err(StepError::Edit(EditError::Store(error))) => return Err(error.into()),
        Err(StepError::NotNewest) => (no, "?error=newest"),
        Err(_) => (no, "?error=state"),
    };
    Ok(Redirect::to(&format!("/console/campaigns/{}{error}", id(no))).into_response())
}

fn wrong(error: &str) -> &'static str {
    match error {
        "newest" => "campaign-not-newest",
        _ => "campaign-not-now",
    }
}

async fn row(
    control: &Control,
    grant: &OrganisationGrant,
    w: Words,
    campaign: &Campaign,
) -> Result<Row, store::StoreError> {
    let group = control.shared_group(grant, campaign.group).await?;
    let (organisation, group) = group.map_or_else(
        || (String::new(), String::new()),
        |(Organisation { name, .. }, state)| (name, state.group.name().to_owned()),
    );
    let brought = control.brought(campaign).await?;
    let progress = campaign.progress;
    let of = |n: u64| {
        n.saturating_mul(100)
            .checked_div(progress.total)
            .unwrap_or(0)
    };
    Ok(Row {
        id: id(campaign.no),
        state: campaign.state.as_str(),
        icon: icon(campaign),
        word: w.say(&format!("campaign-{}", campaign.state.as_str())),
        group,
        group_id: shared_group_id(campaign.group),
        organisation,
        what: what(w, &brought.changes),
        bar: Bar {
            shown: campaign.started.is_some() && progress.total > 0,
            proven: of(progress.proven),
            failed: of(progress.proven.saturating_add(progress.failed)),
            marked: of(progress.marked).max(of(progress.proven)),
        },
        said: said(w, campaign),
        at: instant(campaign.at),
        by: campaign.by.name.clone(),
    })
}

fn icon(campaign: &Campaign) -> &'static str {
    match campaign.state {
        CampaignState::Planned => "due",
        CampaignState::Running => "sending",
        CampaignState::Paused => "paused",
        CampaignState::Done if campaign.progress.failed > 0 => "trouble",
        CampaignState::Done => "on_terminal",
        CampaignState::Cancelled | CampaignState::Superseded => "left_out",
    }
}

/// How far it is, in words.
fn said(w: Words, campaign: &Campaign) -> String {
    let progress = campaign.progress;
    if campaign.state == CampaignState::Planned {
        return w.say("campaign-said-planned");
    }
    let mut said = vec![w.with2(
        "campaign-said-proven",
        ("proven", count(progress.proven)),
        ("total", count(progress.total)),
    )];
    let on_the_way = progress
        .marked
        .saturating_sub(progress.proven)
        .saturating_sub(progress.failed);
    let left = progress.total.saturating_sub(progress.marked);
    let parts = [
        ("campaign-said-way", on_the_way),
        ("campaign-said-left", left),
        ("campaign-said-failed", progress.failed),
    ];
    for (key, n) in parts {
        if n > 0 && (campaign.state.is_open() || key == "campaign-said-failed") {
            said.push(w.with(key, "count", count(n)));
        }
    }
    said.join(" · ")
}

/// What it brings in a few words: the first names, and how many more.
fn what(w: Words, changes: &[ChangeBody]) -> String {
    let one = |change: &ChangeBody| {
        let (key, friend) = match (change.friend_before(), change.friend_after()) {
            (None, Some(friend)) => ("campaign-adds", friend),
            (Some(friend), None) => ("campaign-removes", friend),
            (_, Some(friend)) => ("campaign-changes", friend),
            (None, None) => return String::new(),
        };
        w.with(key, "name", friend.name.clone())
    };
    let mut said: Vec<_> = changes.iter().take(2).map(one).collect();
    if changes.len() > 2 {
        said.push(w.with("campaign-more", "count", count(changes.len() - 2)));
    }
    said.join(" · ")
}

pub(super) fn changed(w: Words, change: &ChangeBody) -> Changed {
    let (before, after) = (change.friend_before(), change.friend_after());
    let (sign, word) = match (before, after) {
        (None, _) => ("+", "shared-added"),
        (_, None) => ("–", "shared-removed"),
        _ => ("~", "shared-changed"),
    };
    Changed {
        sign,
        word: w.say(word),
        before: before.map(line).unwrap_or_default(),
        after: after.map(line).unwrap_or_default(),
    }
}

/// A friend in one line.
pub(super) fn line(friend: &Friend) -> String {
    let numbers: Vec<_> = friend.numbers.iter().map(book::Number::main).collect();
    format!("{} {}", friend.name, numbers.join(" · "))
}

fn facts(w: Words, campaign: &Campaign) -> Vec<(String, String)> {
    let fact = |key: &str, value: Option<String>| value.map(|value| (w.say(key), value));
    let started = campaign.started.as_ref();
    let started = started.map(|(actor, at)| format!("{} · {}", instant(*at), actor.name));
    let planned = campaign.state == CampaignState::Planned;
    let pace = campaign.pace.map_or_else(
        || w.say("campaign-no-pace"),
        |pace| w.with("campaign-pace", "count", i64::from(pace)),
    );
    [
        fact(
            "campaign-made",
            Some(format!("{} · {}", instant(campaign.at), campaign.by.name)),
        ),
        fact("campaign-began", started),
        fact("campaign-ended", campaign.ended.map(instant)),
        fact("fact-pace", (!planned).then_some(pace)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What it will come to, before it starts.
fn estimated(w: Words, estimate: &Estimate) -> Vec<(String, String)> {
    let figure = |n: u64| {
        let n = count(n);
        if estimate.sampled < estimate.members {
            w.with("estimate-about", "count", n)
        } else {
            w.with("estimate-exact", "count", n)
        }
    };
    let mut rows = vec![
        (
            w.say("estimate-members"),
            w.with("estimate-exact", "count", count(estimate.members)),
        ),
        (w.say("estimate-phones"), figure(estimate.terminals)),
        (w.say("estimate-messages"), figure(estimate.messages)),
    ];
    let cost = estimate.cost.as_ref().map_or_else(
        || w.say("estimate-no-price"),
        |cost| {
            let money = |micros| money(micros, &cost.currency);
            if cost.least == cost.most {
                money(cost.most)
            } else {
                format!("{} – {}", money(cost.least), money(cost.most))
            }
        },
    );
    rows.push((w.say("estimate-cost"), cost));
    let time = estimate.seconds.map_or_else(
        || w.say("estimate-no-limit"),
        |seconds| match seconds {
            0..=90 => w.with("estimate-seconds", "count", count(seconds)),
            91..=5_400 => w.with("estimate-minutes", "count", count(seconds.div_ceil(60))),
            _ => w.with("estimate-hours", "count", count(seconds.div_ceil(3_600))),
        },
    );
    rows.push((w.say("estimate-time"), time));
    rows
}

fn money(micros: u64, currency: &str) -> String {
    let hundredths = micros.div_ceil(10_000);
    format!("{}.{:02} {currency}", hundredths / 100, hundredths % 100)
}

/// What must be known before it starts (rule 8).
fn warnings(w: Words, estimate: &Estimate) -> Vec<String> {
    let rows = [
        ("estimate-full", estimate.full),
        ("estimate-trouble", estimate.trouble),
    ];
    let mut said: Vec<_> = rows
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| w.with(key, "count", count(n)))
        .collect();
    if estimate.sampled < estimate.members {
        said.push(w.with("estimate-sample", "count", count(estimate.sampled)));
    }
    said
}

/// The button that takes it back, and what that means.
fn back(w: Words, campaign: &Campaign) -> (String, String) {
    if campaign.state == CampaignState::Planned {
        return (w.say("campaign-drop"), w.say("campaign-drop-hint"));
    }
    let reached = count(campaign.progress.marked);
    (
        w.with("campaign-back", "count", reached),
        w.say("campaign-back-hint"),
    )
}

pub(super) fn id(no: CampaignNo) -> String {
    book::encode('m', &no.0.to_be_bytes())
}

fn parse(id: &str) -> Option<CampaignNo> {
    let octets: [u8; 8] = book::decode('m', id)?.try_into().ok()?;
    Some(CampaignNo(u64::from_be_bytes(octets)))
}
