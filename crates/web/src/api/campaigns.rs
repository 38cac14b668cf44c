//! `/campaigns`: a shared group's change on its way to its members.

use super::auth::Caller;
use super::ids;
use super::journal::By;
use super::openapi::{Reads, Writes};
use super::organisations::{FriendView, friend_view, group};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem, sentence};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::shared_group_id;
use control::{Control, Cost, Estimate, StepError};
use delivery::{Campaign, CampaignState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct View {
    id: String,
    /// Of which shared group.
    group: String,
    #[schema(schema_with = super::openapi::campaign_state)]
    state: CampaignState,
    /// The group's revision before.
    from_revision: u64,
    /// The one that it brings.
    to_revision: u64,
    /// The campaign that it takes back.
    undoes: Option<String>,
    /// Members reached a second at most.
    pace: Option<u32>,
    /// Members that it goes to.
    members: u64,
    /// Members reached.
    marked: u64,
    /// Members on all of whose terminals it is proven.
    proven: u64,
    /// Members with a terminal that a person must help.
    failed: u64,
    by: By,
    #[schema(format = DateTime)]
    at: Option<String>,
    #[schema(format = DateTime)]
    started: Option<String>,
    #[schema(format = DateTime)]
    ended: Option<String>,
}

/// What a campaign will come to; from a sample when `sampled` is less than `members`.
#[derive(Serialize, ToSchema)]
#[schema(as = Estimate)]
pub struct EstimateView {
    members: u64,
    /// Members that were planned for real.
    sampled: u64,
    terminals: u64,
    /// Short messages.
    messages: u64,
    /// Terminals that have no room for all of it.
    full: u64,
    /// Terminals that a person must help first.
    trouble: u64,
    /// Null when no gateway has a price.
    cost: Option<CostView>,
    /// At the pace asked for and the gateways'; null when nothing limits it.
    seconds: Option<u64>,
    /// What it brings, by friend.
    changes: Vec<Brought>,
    /// Why to look twice: much of the group would be removed or renumbered.
    brake: Option<String>,
}

/// From the cheapest to the dearest gateway.
#[derive(Serialize, ToSchema)]
#[schema(as = CostRange)]
pub struct CostView {
    /// Millionths of the currency.
    least_micros: u64,
    /// Millionths of the currency.
    most_micros: u64,
    /// ISO 4217.
    currency: String,
}

/// A friend before and after.
#[derive(Serialize, ToSchema)]
#[schema(as = Brought)]
pub struct Brought {
    before: Option<FriendView>,
    after: Option<FriendView>,
}

/// How to start.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignStart)]
pub struct Start {
    /// Members reached a second at most; absent: as fast as they can be planned.
    #[schema(minimum = 1)]
    pace: Option<u32>,
}

/// Campaigns, the newest first.
#[utoipa::path(get, path = "/campaigns", tag = "organisations", operation_id = "list_campaigns",
    params(("group" = Option<String>, Query, description = "Only of this shared group."), Paging),
    responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.organisations()?;
    let page = params.page(ids::campaign_cursor)?;
    let of = params.get("group").map(group).transpose()?;
    let found = control
        .campaigns(&grant, of, page.after, page.ask())
        .await?;
    let id = |campaign: &Campaign| ids::of_campaign(campaign.no);
    Ok(Json(page.list(found, id, |campaign| view(&campaign))))
}

/// A campaign.
#[utoipa::path(get, path = "/campaigns/{m}", tag = "organisations", operation_id = "show_campaign",
    responses((status = 200, body = View), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
) -> Result<Json<View>, Problem> {
    Ok(Json(view(&one(&control, &caller, &m).await?)))
}

/// What a campaign will come to: the second look before it starts. Nothing is sent.
#[utoipa::path(get, path = "/campaigns/{m}/estimate", tag = "organisations", operation_id = "estimate_campaign",
    params(("pace" = Option<u32>, Query, minimum = 1, description = "Members reached a second at most.")),
    responses((status = 200, body = EstimateView), Reads))]
pub async fn estimate(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
    params: Params,
) -> Result<Json<EstimateView>, Problem> {
    let campaign = one(&control, &caller, &m).await?;
    let pace = params.get("pace").map(|text| {
        let pace = text.parse().ok().filter(|pace| *pace > 0);
        pace.ok_or_else(|| Problem::wrong("pace", "A pace is a number of members a second."))
    });
    let estimate = control.estimate(&campaign, pace.transpose()?).await?;
    let brought = control.brought(&campaign).await?;
    let changes = brought.changes.iter().map(|body| Brought {
        before: body.friend_before().map(friend_view),
        after: body.friend_after().map(friend_view),
    });
    let brake = brought.brake.map(|brake| sentence(&brake.to_string()));
    Ok(Json(EstimateView {
        changes: changes.collect(),
        brake,
        ..estimate.into()
    }))
}

/// Starts a planned campaign.
#[utoipa::path(post, path = "/campaigns/{m}/start", tag = "organisations", operation_id = "start_campaign",
    request_body = Option<Start>, responses((status = 200, body = View), Writes))]
pub async fn start(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
    start: Option<Body<Start>>,
) -> Result<Json<View>, Problem> {
    let grant = caller.organisations()?;
    let pace = start.and_then(|Body(start)| start.pace);
    if pace == Some(0) {
        return Err(Problem::wrong("pace", "A pace is at least 1 a second."));
    }
    let started = control.start_campaign(&grant, ids::campaign(&m)?, pace);
    Ok(Json(view(&started.await?)))
}

/// Holds a running campaign back: nobody more is reached, and what is not planned yet waits.
#[utoipa::path(post, path = "/campaigns/{m}/pause", tag = "organisations", operation_id = "pause_campaign",
    responses((status = 200, body = View), Writes))]
pub async fn pause(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
) -> Result<Json<View>, Problem> {
    let grant = caller.organisations()?;
    let paused = control.pause_campaign(&grant, ids::campaign(&m)?);
    Ok(Json(view(&paused.await?)))
}

/// Goes on where a pause stopped.
#[utoipa::path(post, path = "/campaigns/{m}/resume", tag = "organisations", operation_id = "resume_campaign",
    responses((status = 200, body = View), Writes))]
pub async fn resume(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
) -> Result<Json<View>, Problem> {
    let grant = caller.organisations()?;
    let resumed = control.resume_campaign(&grant, ids::campaign(&m)?);
    Ok(Json(view(&resumed.await?)))
}

/// Takes a campaign back: the group is as it was before it, and whom it reached gets that. Gives the campaign that brings
/// it there, or the cancelled one when nobody was reached.
#[utoipa::path(post, path = "/campaigns/{m}/cancel", tag = "organisations", operation_id = "cancel_campaign",
    responses((status = 200, body = View), Writes))]
pub async fn cancel(
    State(control): State<Control>,
    caller: Caller,
    Path(m): Path<String>,
) -> Result<Json<View>, Problem> {
    let grant = caller.organisations()?;
    let cancelled = control.cancel_campaign(&grant, ids::campaign(&m)?);
    Ok(Json(view(&cancelled.await?)))
}

async fn one(control: &Control, caller: &Caller, m: &str) -> Result<Campaign, Problem> {
    let grant = caller.organisations()?;
    let found = control.campaign(&grant, ids::campaign(m)?).await?;
    found.ok_or_else(Problem::not_found)
}

fn view(campaign: &Campaign) -> View {
    let started = campaign.started.as_ref().map(|(_, at)| *at);
    View {
        id: ids::of_campaign(campaign.no),
        group: shared_group_id(campaign.group),
        state: campaign.state,
        from_revision: campaign.from.0,
        to_revision: campaign.to.0,
        undoes: campaign.undoes.map(ids::of_campaign),
        pace: campaign.pace,
        members: campaign.progress.total,
        marked: campaign.progress.marked,
        proven: campaign.progress.proven,
        failed: campaign.progress.failed,
        by: By::from(&campaign.by),
        at: ids::instant(campaign.at),
        started: started.and_then(ids::instant),
        ended: campaign.ended.and_then(ids::instant),
    }
}

impl From<Estimate> for EstimateView {
    fn from(estimate: Estimate) -> Self {
        Self {
            members: estimate.members,
            sampled: estimate.sampled,
            terminals: estimate.terminals,
            messages: estimate.messages,
            full: estimate.full,
            trouble: estimate.trouble,
            cost: estimate.cost.map(CostView::from),
            seconds: estimate.seconds,
            changes: Vec::new(),
            brake: None,
        }
    }
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> Self {
        Self {
            least_micros: cost.least,
            most_micros: cost.most,
            currency: cost.currency,
        }
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Edit(error) => error.into(),
            StepError::State(_) | StepError::NotNewest => {
                let detail = sentence(&error.to_string());
                Self::new(StatusCode::CONFLICT, "not now", detail)
            }
        }
    }
}
