//! Campaigns by hand: look, start, pause, resume, take back. What they do by themselves is in `run`.

mod estimate;
mod run;

pub(crate) use estimate::Last;
pub use estimate::{Cost, Estimate};
pub use run::Runner;

use crate::members::by_slice;
use crate::organisations::{
    ATTEMPTS, CAMPAIGN, CARRIED, Read, SharedState, campaign_key, group_key,
};
use crate::{Control, EditError, Event};
use book::{ChangeBody, GroupNo, shared};
use delivery::{Campaign, CampaignNo, CampaignState, Carried, Due, Progress, Step};
use identity::OrganisationGrant;
use store::{DocumentWrite, Job, StoreError};

/// Marks that are held back, or let go, in one commit.
const MARKS: u32 = 1_000;

/// Why a campaign's step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// As an edit.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Not in this state.
    #[error("a campaign that is {} cannot do this: look at it again", .0.as_str())]
    State(CampaignState),
    /// A newer change of the group was started, or waits to be.
    #[error("the group was changed again since: take the newer change back first")]
    NotNewest,
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Edit(error.into())
    }
}

/// What a campaign brings, with the reason to look twice if it is much (rule 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// By friend, before and after.
    pub changes: Vec<ChangeBody>,
    /// What the brake says of it.
    pub brake: Option<book::BrakeReason>,
}

impl Control {
    /// A campaign.
    ///
    /// # Errors
    /// The store's.
    pub async fn campaign(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
    ) -> Result<Option<Campaign>, StoreError> {
        Ok(self.campaign_read(grant, no).await?.map(|read| read.value))
    }

    pub(crate) async fn campaign_read(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
    ) -> Result<Option<Read<Campaign>>, StoreError> {
        let found: Option<Read<Campaign>> = self.find(CAMPAIGN, campaign_key(no)).await?;
        let Some(found) = found else { return Ok(None) };
        let state = self.shared_state(grant, found.value.group).await?;
        Ok(state.map(|_| found))
    }

    /// Campaigns, the newest first: of one group, or a page of all.
    ///
    /// # Errors
    /// The store's.
    pub async fn campaigns(
        &self,
        grant: &OrganisationGrant,
        group: Option<GroupNo>,
        after: Option<CampaignNo>,
        limit: u32,
    ) -> Result<Vec<Campaign>, StoreError> {
        let store = self.store();
        let found = match group {
            Some(group) => {
                store
                    .documents_by_index(CAMPAIGN, &group_key(group))
                    .await?
            }
            None => {
                let after = after.map(campaign_key);
                store.documents(CAMPAIGN, after.as_deref(), limit).await?
            }
        };
        let all = found
            .iter()
            .filter_map(|d| serde_json::from_str::<Campaign>(&d.value).ok());
        let mut campaigns = Vec::new();
        for campaign in all.filter(|c| after.is_none_or(|after| c.no < after)) {
            let theirs = self.shared_state(grant, campaign.group).await?.is_some();
            if theirs && campaigns.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
                campaigns.push(campaign);
            }
        }
        Ok(campaigns)
    }

    /// What a campaign brings: the group before and after.
    ///
    /// # Errors
    /// The store's.
    pub async fn brought(&self, campaign: &Campaign) -> Result<Brought, StoreError> {
        let before = self.content(campaign.group, campaign.from).await?;
        let after = self.content(campaign.group, campaign.to).await?;
        let changes = shared::between(before.iter(), after.iter());
        let brake = book::brake(&changes, before.len());
        Ok(Brought { changes, brake })
    }

    /// Starts a planned campaign: its members are reached from now on, at most `pace` a second. One of the same group
    /// that still runs goes no further: this one brings its members the newer content.
    ///
    /// # Errors
    /// [`StepError`]; nothing was changed then.
    pub async fn start_campaign(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
        pace: Option<u32>,
    ) -> Result<Campaign, StepError> {
        for _ in 0..ATTEMPTS {
            let (mut campaign, mut state) = self.take_step(grant, no, Step::Start).await?;
            let mut carried: Read<Carried> = self
                .look_up(CARRIED, group_key(campaign.value.group))
                .await?;
            let mut writes = self.supersede(&state.value).await?;
            let Campaign { group, to, .. } = campaign.value;
            let (total, _) = self.store().member_counts(group, to, None).await?;
            let now = self.now();
            campaign.value.state = CampaignState::Running;
            campaign.value.started = Some((grant.actor().clone(), now));
            campaign.value.pace = pace.filter(|pace| *pace > 0);
            campaign.value.progress.total = total;
            carried.value.begin(no, to, None);
            state.value.planned = None;
            state.value.newest = Some(no);
            writes.extend(campaign.writes());
            writes.push(carried.write(CARRIED, group_key(group)));
            writes.push(self.group_write(&state));
            if self.written(writes).await? {
                return Ok(self.stepped(campaign.value));
            }
        }
        Err(EditError::Stale.into())
    }

    /// Holds a running campaign back: nobody more is reached, and what was marked and is not planned yet waits.
    ///
    /// # Errors
    /// [`StepError`].
    pub async fn pause_campaign(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
    ) -> Result<Campaign, StepError> {
        let campaign = self
            .move_to(grant, no, Step::Pause, CampaignState::Paused)
            .await?;
        self.see_to_marks(no).await?;
        Ok(self.stepped(campaign))
    }

    /// Goes on where a pause stopped.
    ///
    /// # Errors
    /// [`StepError`].
    pub async fn resume_campaign(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
    ) -> Result<Campaign, StepError> {
        let campaign = self
            .move_to(grant, no, Step::Resume, CampaignState::Running)
            .await?;
        self.see_to_marks(no).await?;
        Ok(self.stepped(campaign))
    }

    /// Takes a campaign back: the group is as it was before it, as a new change, and those whom it reached get that. The
    /// campaign that brings it to them is the answer; the cancelled one itself when nobody was reached.
    ///
    /// # Errors
    /// [`StepError`]; nothing was changed then.
    pub async fn cancel_campaign(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
    ) -> Result<Campaign, StepError> {
        for _ in 0..ATTEMPTS {
            let (mut campaign, mut state) = self.take_step(grant, no, Step::Cancel).await?;
            let planned = campaign.value.state == CampaignState::Planned;
            let newest = if planned {
                state.value.planned
            } else {
                state.value.planned.or(state.value.newest)
            };
            if newest != Some(no) {
                return Err(StepError::NotNewest);
            }
            let Campaign {
                group, from, to, ..
            } = campaign.value;
            let there = self.content(group, from).await?;
            let book = &mut state.value.group.book;
            let bodies = shared::between(book.friends.values(), there.iter());
            book.friends = there.iter().map(|f| (f.no, f.clone())).collect();
            book.revision.0 += u64::try_from(bodies.len()).unwrap_or(1).max(1);
            let back_to = book.revision;
            let mut writes = self.journal_shared(grant, &state.value.group, &bodies);
            let now = self.now();
            let started = campaign.value.started.is_some();
            campaign.value.state = CampaignState::Cancelled;
            campaign.value.ended = Some(now);
            let mut answer = campaign.value.clone();
            if planned {
                state.value.planned = None;
            } else if started {
                let mut carried: Read<Carried> = self.look_up(CARRIED, group_key(group)).await?;
                if let Some(until) = carried.value.way_back(no) {
                    let (back, given) = self.draw_campaign().await?;
                    let (total, _) = self.store().member_counts(group, back_to, until).await?;
                    let actor = grant.actor().clone();
                    answer = Campaign {
                        no: back,
                        group,
                        from: to,
                        to: back_to,
                        until,
                        undoes: Some(no),
                        state: CampaignState::Running,
                        all_marked: false,
                        pace: campaign.value.pace,
                        progress: Progress {
                            total,
                            ..Progress::default()
                        },
                        by: actor.clone(),
                        at: now,
                        started: Some((actor, now)),
                        ended: None,
                    };
                    carried.value.begin(back, back_to, until);
                    state.value.newest = Some(back);
                    let back = Read {
                        value: answer.clone(),
                        version: 0,
                    };
                    writes.extend(back.writes());
                    writes.push(given);
                }
                writes.push(carried.write(CARRIED, group_key(group)));
            }
            writes.extend(campaign.writes());
            writes.push(self.group_write(&state));
            if self.written(writes).await? {
                return Ok(self.stepped(answer));
            }
        }
        Err(EditError::Stale.into())
    }

    /// The campaign and its group, if the step may be taken.
    async fn take_step(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
        step: Step,
    ) -> Result<(Read<Campaign>, Read<SharedState>), StepError> {
        let found = self.campaign_read(grant, no).await?;
        let campaign = found.ok_or(EditError::NotFound)?;
        if !campaign.value.may(step) {
            return Err(StepError::State(campaign.value.state));
        }
        let state = self.shared_state(grant, campaign.value.group).await?;
        Ok((campaign, state.ok_or(EditError::NotFound)?))
    }

    async fn move_to(
        &self,
        grant: &OrganisationGrant,
        no: CampaignNo,
        step: Step,
        to: CampaignState,
    ) -> Result<Campaign, StepError> {
        for _ in 0..ATTEMPTS {
            let (mut campaign, _) = self.take_step(grant, no, step).await?;
            campaign.value.state = to;
            if self.written(campaign.writes().into()).await? {
                return Ok(campaign.value);
            }
        }
        Err(EditError::Stale.into())
    }

    /// The campaign that was started before, if it is still open, goes no further.
    async fn supersede(&self, state: &SharedState) -> Result<Vec<DocumentWrite>, StoreError> {
        let Some(newest) = state.newest else {
            return Ok(Vec::new());
        };
        let found: Option<Read<Campaign>> = self.find(CAMPAIGN, campaign_key(newest)).await?;
        let open = found.filter(|read| read.value.state.is_open());
        Ok(open.map_or_else(Vec::new, |mut read| {
            read.value.state = CampaignState::Superseded;
            read.value.ended = Some(self.now());
            read.writes().into()
        }))
    }

    /// What a campaign marked and is not planned yet waits while it is paused, and goes while it runs. Its state is read
    /// again afterwards: whoever paused or resumed it meanwhile may have been done before these marks were.
    pub(crate) async fn see_to_marks(&self, no: CampaignNo) -> Result<(), StoreError> {
        let mut seen = None;
        for _ in 0..ATTEMPTS {
            let found: Option<Read<Campaign>> = self.find(CAMPAIGN, campaign_key(no)).await?;
            let state = found.map(|read| read.value.state);
            if state == seen {
                return Ok(());
            }
            match state {
                Some(CampaignState::Paused) => self.hold_marks(no, Due::PAUSED).await?,
                Some(CampaignState::Running) => self.hold_marks(no, self.now()).await?,
                // The one that goes over it marks everybody anew.
                _ => return Ok(()),
            }
            seen = state;
        }
        // Somebody plays with it: the runner sees to it at its next look.
        Ok(())
    }

    /// What a campaign marked and is not planned yet waits ([`Due::PAUSED`]), or goes at `at`.
    async fn hold_marks(&self, no: CampaignNo, at: i64) -> Result<(), StoreError> {
        loop {
            let paused = at != Due::PAUSED;
            let found = self.store().shared_marks(no.0, paused, MARKS).await?;
            if found.is_empty() {
                return Ok(());
            }
            let jobs = by_slice(found, |id| id.subscriber.slice());
            let jobs = jobs.into_values().map(|terminals| Job::HoldMarks {
                terminals,
                shared: no.0,
                at,
            });
            for done in self.store().run_all(jobs.collect()).await {
                done?;
            }
        }
    }

    fn stepped(&self, campaign: Campaign) -> Campaign {
        self.emit(Event::Campaign {
            group: campaign.group,
            id: Some(campaign.no),
        });
        self.0.campaigns.notify_one();
        self.wake();
        campaign
    }
}
