//! Campaigns by themselves: members are reached batch by batch, each batch recorded before its terminals are marked, and
//! what came of it is looked up afterwards. All that is kept in memory can be lost at any moment.

use crate::members::by_slice;
use crate::organisations::{CAMPAIGN, CARRIED, OPEN, Read, campaign_key, group_key};
use crate::{Control, Event, kill};
use book::{Revision, SubscriberId};
use delivery::{
    Campaign, CampaignNo, CampaignState, Carried, Due, Lane, Layer, Progress, Terminal,
};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Job, StoreError};

/// Campaigns that run at the same time.
const MOST: u32 = 10_000;
/// Members reached in one go.
const BATCH: u32 = 500;
/// Marks of one campaign that are not planned yet: no more are made, so that a pause holds back a moment's work only.
const AHEAD: u64 = 4_000;
/// How long the runner sleeps when it could go no further, and when there is nothing to do, ms.
const SOON: i64 = 50;
const IDLE: i64 = 1_000;
/// At most this share of the time is spent on looking how far members are: one part in so many.
const SHARE: i64 = 20;
/// The longest between two looks, ms.
const RARELY: i64 = 60_000;

/// Carries campaigns out. A new one takes up where another was stopped.
#[derive(Default)]
pub struct Runner {
    known: BTreeMap<CampaignNo, Known>,
}

/// What a runner remembers of a campaign to do no work twice.
#[derive(Default)]
struct Known {
    /// Members up to here are marked, though it is not recorded yet.
    marked: Option<SubscriberId>,
    /// All are marked: it is only looked at any more.
    all_marked: bool,
    /// When the pace lets the next ones go, ms UTC.
    next: i64,
    /// When the members are looked at again, ms UTC.
    look: i64,
    /// How long it was between the last two looks, ms.
    between: i64,
}

/// How far a campaign came in one step.
enum Reach {
    /// These are to be marked now.
    Batch(Vec<SubscriberId>),
    /// Nothing more can be done before this time, ms UTC.
    Wait(i64),
    /// Every member was reached.
    All,
}

impl Control {
    /// Carries campaigns out until `stop` resolves.
    pub async fn run_campaigns(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut runner = Runner::default();
        loop {
            let step = async {
                // One node carries them out.
                match self.is_first() {
                    true => runner.step(self).await,
                    false => Ok(self.now() + IDLE),
                }
            };
            let wait = match step.await {
                Ok(next) => (next - self.now()).clamp(0, IDLE),
                Err(error) => {
                    tracing::error!(%error, "campaigns cannot go on; trying again");
                    IDLE
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            tokio::select! {
                () = &mut stop => break,
                () = self.0.campaigns.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

impl Runner {
    /// One batch of every campaign that runs, and a look at its members when it is time. Gives the time of the next
    /// step, ms UTC.
    ///
    /// # Errors
    /// The store's; the same step can be taken again.
    pub async fn step(&mut self, control: &Control) -> Result<i64, StoreError> {
        if !control.is_first() {
            // One of many nodes is enough; two would do no harm, and the work twice.
            self.known.clear();
            return Ok(control.now() + IDLE);
        }
        let open = control.store().documents(OPEN, None, MOST).await?;
        let keys: Vec<CampaignNo> = open
            .iter()
            .filter_map(|d| serde_json::from_str(&d.value).ok())
            .collect();
        self.known.retain(|no, _| keys.contains(no));
        let mut next = control.now() + IDLE;
        for no in keys {
            let known = self.known.entry(no).or_default();
            if known.all_marked && control.now() < known.look {
                next = next.min(known.look);
                continue;
            }
            let found: Option<Read<Campaign>> = control.find(CAMPAIGN, campaign_key(no)).await?;
            let Some(campaign) = found else { continue };
            known.all_marked = campaign.value.all_marked;
            match campaign.value.state {
                CampaignState::Running => {
                    next = next.min(known.run(control, campaign).await?);
                }
                CampaignState::Paused => {
                    let look = known.look_at(control, no, next).await?;
                    next = next.min(look);
                }
                _ => {}
            }
        }
        Ok(next)
    }
}

impl Known {
    async fn run(
        &mut self,
        control: &Control,
        campaign: Read<Campaign>,
    ) -> Result<i64, StoreError> {
        let no = campaign.value.no;
        let mut next = self.look.max(control.now());
        if campaign.value.all_marked {
            return self.look_at(control, no, next).await;
        }
        match self.reach(control, campaign).await? {
            Reach::Batch(members) => {
                kill::after("campaign-reached");
                self.mark(control, no, members).await?;
                kill::after("campaign-marked");
                next = self.next;
            }
            Reach::Wait(until) => next = until,
            Reach::All => {}
        }
        Ok(self.look_at(control, no, next).await?.min(next))
    }

    /// Takes the next members and records that they are reached.
    async fn reach(
        &mut self,
        control: &Control,
        mut campaign: Read<Campaign>,
    ) -> Result<Reach, StoreError> {
        let Campaign { no, group, .. } = campaign.value;
        let mut carried: Read<Carried> = control.look_up(CARRIED, group_key(group)).await?;
        let Some(layer) = carried.value.layer(no).cloned() else {
            // A newer one went over it to its end.
            campaign.value.all_marked = true;
            control.written(campaign.writes().into()).await?;
            return Ok(Reach::All);
        };
        if layer.marked != layer.reach && self.marked != layer.reach {
            // Taken up: whether these are marked is not known, so they are marked (again).
            let again = control.store();
            let again = again
                .members(group, layer.marked, layer.reach, u32::MAX)
                .await?;
            let again: Vec<_> = again.into_iter().map(|m| m.subscriber).collect();
            self.marked = layer.reach;
            if !again.is_empty() {
                return Ok(Reach::Batch(again));
            }
        }
        let now = control.now();
        if now < self.next {
            return Ok(Reach::Wait(self.next));
        }
        let ahead = control.store().open_marks(no.0).await?;
        let room = u32::try_from(AHEAD.saturating_sub(ahead)).unwrap_or(BATCH);
        let most = campaign.value.pace.unwrap_or(BATCH).min(BATCH).min(room);
        if most == 0 {
            return Ok(Reach::Wait(now + SOON));
        }
        let Layer { reach, until, .. } = layer;
        let members = control.store().members(group, reach, until, most).await?;
        let members: Vec<_> = members.into_iter().map(|m| m.subscriber).collect();
        let batch = u64::try_from(members.len()).unwrap_or(0);
        campaign.value.progress.marked += batch;
        let last = members.last().copied();
        match last {
            Some(last) => carried.value.advance(no, last),
            None => {
                carried.value.finish(no);
                campaign.value.all_marked = true;
            }
        }
        let mut writes: Vec<_> = campaign.writes().into();
        writes.push(carried.write(CARRIED, group_key(group)));
        if !control.written(writes).await? {
            // Somebody paused it, or changed the group: look again.
            return Ok(Reach::Wait(now));
        }
        self.next = match campaign.value.pace {
            Some(pace) => now + i64::try_from(batch * 1_000 / u64::from(pace)).unwrap_or(0),
            None => now,
        };
        control.emit(Event::Campaign {
            group,
            id: Some(no),
        });
        match last {
            Some(last) => {
                self.marked = Some(last);
                Ok(Reach::Batch(members))
            }
            None => Ok(Reach::All),
        }
    }

    /// Marks the terminals of members who were recorded as reached.
    async fn mark(
        &mut self,
        control: &Control,
        no: CampaignNo,
        members: Vec<SubscriberId>,
    ) -> Result<(), StoreError> {
        let now = control.now();
        let due = Due {
            shared: no.0,
            ..Due::new(Revision(0), now, Lane::Bulk)
        };
        let marked = self.mark_all(control, members, due).await;
        if marked.is_err() {
            self.marked = None;
        }
        marked?;
        control.wake();
        // Paused between the record and the marks: these wait, too.
        let now: Option<Read<Campaign>> = control.find(CAMPAIGN, campaign_key(no)).await?;
        if now.is_some_and(|read| read.value.state == CampaignState::Paused) {
            control.see_to_marks(no).await?;
        }
        Ok(())
    }

    async fn mark_all(
        &self,
        control: &Control,
        members: Vec<SubscriberId>,
        due: Due,
    ) -> Result<(), StoreError> {
        let theirs = control.store().standing(members).await?;
        let theirs = theirs.into_iter().flat_map(|(_, terminals)| terminals);
        let active = theirs.filter(|(terminal, _)| !terminal.retired);
        let by_slice = by_slice(active.map(|(terminal, _)| terminal.id), |id| {
            id.subscriber.slice()
        });
        let jobs = by_slice.into_values();
        let jobs = jobs.map(|terminals| Job::MarkShared { terminals, due });
        let done = control.store().run_all(jobs.collect()).await;
        done.into_iter().collect()
    }

    /// Looks how far the members are, now and then; the last proof ends the campaign.
    async fn look_at(
        &mut self,
        control: &Control,
        no: CampaignNo,
        next: i64,
    ) -> Result<i64, StoreError> {
        let began = control.now();
        if began < self.look {
            return Ok(self.look.max(next));
        }
        let found: Option<Read<Campaign>> = control.find(CAMPAIGN, campaign_key(no)).await?;
        let Some(mut campaign) = found.filter(|r| r.value.state.is_open()) else {
            return Ok(next);
        };
        // A pause or a resume that was broken off half-way, or a batch that was on its way.
        control.see_to_marks(no).await?;
        let before = campaign.value.progress;
        let progress = control.progress(&campaign.value).await?;
        campaign.value.progress = progress;
        let done = campaign.value.all_marked && campaign.value.open() == 0;
        if done {
            campaign.value.state = CampaignState::Done;
            campaign.value.ended = Some(control.now());
        }
        if done || progress != before {
            control.written(campaign.writes().into()).await?;
            control.emit(Event::Campaign {
                group: campaign.value.group,
                id: Some(no),
            });
        }
        let spent = control.now() - began;
        let moves = progress != before || !campaign.value.all_marked;
        // With phones that are off, hours may pass.
        let least = if moves { IDLE } else { 2 * self.between };
        self.between = least.max(spent * SHARE).clamp(IDLE, RARELY);
        self.look = control.now() + self.between;
        Ok(self.look.max(next))
    }
}

/// How a member stands.
enum Standing {
    Open,
    Failed,
    Proven,
}

fn standing(terminals: &[(Terminal, Option<Due>)]) -> Standing {
    let active = || terminals.iter().filter(|(terminal, _)| !terminal.retired);
    if active().any(|(terminal, _)| terminal.trouble.is_some()) {
        return Standing::Failed;
    }
    let waits = |(terminal, due): &(Terminal, Option<Due>)| {
        due.is_some() || terminal.in_flight.is_some() || terminal.next_try.is_some()
    };
    if active().any(waits) {
        Standing::Open
    } else {
        Standing::Proven
    }
}

impl Control {
    /// How far the members of a campaign are; those who have it proven are recorded.
    async fn progress(&self, campaign: &Campaign) -> Result<Progress, StoreError> {
        let Campaign {
            no,
            group,
            to,
            until,
            all_marked,
            ..
        } = *campaign;
        // Only whoever is marked for certain can have it: nothing due, nothing on its way means proven then.
        let marked = if all_marked {
            until
        } else {
            let carried: Option<Read<Carried>> = self.find(CARRIED, group_key(group)).await?;
            let layer = carried.and_then(|read| read.value.layer(no).cloned());
            let Some(marked) = layer.and_then(|layer| layer.marked) else {
                let (total, _) = self.store().member_counts(group, to, until).await?;
                return Ok(Progress {
                    total,
                    ..campaign.progress
                });
            };
            Some(marked)
        };
        let (mut failed, mut after) = (0, None);
        loop {
            let page = self.store().members(group, after, marked, 1_000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.subscriber);
            let open = page.iter().filter(|member| member.applied < to);
            let open: Vec<_> = open.map(|member| member.subscriber).collect();
            if open.is_empty() {
                continue;
            }
            let mut proven = Vec::new();
            for (member, terminals) in self.store().standing(open).await? {
                match standing(&terminals) {
                    Standing::Proven => proven.push(member),
                    Standing::Failed => failed += 1,
                    Standing::Open => {}
                }
            }
            let jobs = by_slice(proven, |id| id.slice()).into_values();
            let jobs = jobs.map(|members| Job::Applied {
                group,
                revision: to,
                members,
            });
            for done in self.store().run_all(jobs.collect()).await {
                done?;
            }
        }
        let (total, proven) = self.store().member_counts(group, to, until).await?;
        Ok(Progress {
            total,
            marked: if all_marked {
                total
            } else {
                campaign.progress.marked.min(total)
            },
            proven,
            failed,
        })
    }
}
