//! What is not kept any longer goes (DECISIONS.md, “retention”): finished shipments, the beginnings of journals, texts of
//! entries that were deleted. Slice after slice, a page at a look, so slowly that nobody notices.

mod clock;

use crate::owner::{Held, Holdings};
use crate::{Control, Retention};
use book::SubscriberId;
use delivery::{ShipmentId, Slices};
use std::collections::BTreeMap;
use store::{Deletion, DocumentWrite, Forget, ForgetJob, Job, Reads, Refused, StoreError};

/// Shipments, records or books of a page.
const PAGE: u32 = 200;
/// Pages of a look at most, and the time after which there is no other, ms: a hundredth of what is between two looks.
const PAGES: usize = 16;
const ENOUGH: u64 = 10;
/// Between two rounds through a slice, ms.
const EVERY: i64 = 86_400_000;
/// And after one that failed, ms.
const AGAIN: i64 = 600_000;
/// While the clock is not believed, between two looks at it, ms.
const DOUBTS: u64 = 3_600_000;
/// After the start, ms: a node that was away has better things to do.
const FIRST: u64 = 3_600_000;
/// The kind of the documents that say before when a slice's finished shipments may be gone.
const KIND: &str = "shipments-gone";

impl Retention {
    /// DECISIONS.md.
    pub const USUAL: Self = Self::of(90, 24, 30);

    /// So many days, months and days.
    pub const fn of(shipment_days: u32, journal_months: u32, text_days: u32) -> Self {
        const DAY: i64 = 86_400_000;
        Self {
            shipments: shipment_days as i64 * DAY,
            // A year has 365 days and a quarter.
            journal: journal_months as i64 * (DAY * 1461 / 48),
            texts: text_days as i64 * DAY,
        }
    }
}

/// How far it is.
#[derive(Default)]
pub(crate) struct Forgetting {
    /// When it first looked, ms of the monotonic clock.
    began: Option<u64>,
    /// The last round through each kind of a slice.
    rounds: BTreeMap<(u8, usize), Round>,
    hand: Option<Hand>,
    /// It rests until then, ms of the monotonic clock.
    rests: u64,
}

/// A round that was begun.
struct Round {
    /// When, ms UTC.
    began: i64,
    /// The next is due so much later, ms.
    next: i64,
}

/// What is in hand: one kind of one slice.
struct Hand {
    slice: u8,
    /// Which of [`KINDS`].
    kind: usize,
    /// When its round began, ms UTC: how old things are is measured from there.
    began: i64,
    /// Whether it is written down that shipments may be gone.
    told: bool,
    at: At,
}

/// Where a round begins. Each kind has its own: one that cannot be read keeps nothing else waiting.
const KINDS: [At; 3] = [At::Shipments(None), At::Journals(None), At::Texts(None)];

/// Behind what the next page begins.
#[derive(Clone, Copy)]
enum At {
    Shipments(Option<ShipmentId>),
    Journals(Option<SubscriberId>),
    Texts(Option<Deletion>),
}

/// A page: what goes, and where the next begins.
type Page = (Option<Forget>, Option<At>);

/// It works a hundredth of the time at most, ms of the monotonic clock.
fn rests_until(begun: u64, ended: u64) -> u64 {
    let took = ended.saturating_sub(begun);
    ended.saturating_add(took.saturating_mul(99))
}

impl Forgetting {
    /// The next round that is due in one of these slices, in order.
    fn next(&self, slices: Slices, now: i64) -> Option<(u8, usize)> {
        let due = |of: &(u8, usize)| {
            // A clock that was set back makes a new round, no endless wait.
            let over =
                |last: &Round| !(last.began..last.began.saturating_add(last.next)).contains(&now);
            self.rounds.get(of).is_none_or(over)
        };
        let kinds = |slice| (0..KINDS.len()).map(move |kind| (slice, kind));
        slices.iter().flat_map(kinds).find(due)
    }

    /// A round begins; if it fails, the next is not so long in coming.
    fn note(&mut self, of: (u8, usize), began: i64, failed: bool) {
        let next = if failed { AGAIN } else { EVERY };
        self.rounds.insert(of, Round { began, next });
    }
}

impl Control {
    /// The next pages, when it is time.
    pub(crate) async fn forget(
        &self,
        state: &mut Forgetting,
        holdings: &Holdings,
    ) -> Result<(), StoreError> {
        let (now, begun) = (self.now(), self.clocks().monotonic);
        let began = *state.began.get_or_insert(begun);
        if begun < state.rests.max(began.saturating_add(FIRST)) {
            return Ok(());
        }
        // A slice that was lost meanwhile is another's to go through, and is gone through anew if it comes back.
        let held = |slice| holdings.get(slice).is_some();
        state.rounds.retain(|(slice, _), _| held(*slice));
        state.hand = state.hand.take().filter(|hand| held(hand.slice));
        let mut done = Ok(true);
        let mut ended = begun;
        for _ in 0..PAGES {
            done = self.forget_next(state, holdings, now).await;
            ended = self.clocks().monotonic;
            if ended.saturating_sub(begun) >= ENOUGH || !matches!(done, Ok(true)) {
                break;
            }
        }
        state.rests = state.rests.max(rests_until(begun, ended));
        done.map(drop)
    }

    /// The next page; whether there was one to look at.
    async fn forget_next(
        &self,
        state: &mut Forgetting,
        holdings: &Holdings,
        now: i64,
    ) -> Result<bool, StoreError> {
        let hand = match state.hand.take() {
            Some(hand) => hand,
            None => {
                let Some((slice, kind)) = state.next(holdings.slices(), now) else {
                    return Ok(false);
                };
                if !self.clock_is_believed(now).await? {
                    state.rests = self.clocks().monotonic.saturating_add(DOUBTS);
                    return Ok(false);
                }
                state.note((slice, kind), now, false);
                Hand {
                    slice,
                    kind,
                    began: now,
                    told: false,
                    at: KINDS[kind],
                }
            }
        };
        let of = (hand.slice, hand.kind);
        if let Some(held) = holdings.get(hand.slice) {
            let page = self.forget_page(hand, held).await;
            if page.is_err() {
                state.note(of, now, true);
            }
            state.hand = page?;
        }
        Ok(true)
    }

    /// One page; what is in hand then.
    async fn forget_page(&self, mut hand: Hand, held: &Held) -> Result<Option<Hand>, StoreError> {
        let (slice, at, began) = (hand.slice, hand.at, hand.began);
        let keep = self.settings().retention;
        let page = self
            .store()
            .read(move |reads| page(reads, slice, at, began, keep));
        let (what, next) = page.await?;
        if let Some(what) = what {
            if matches!(what, Forget::Shipments { .. }) && !hand.told {
                self.shipments_go(slice, began.saturating_sub(keep.shipments))
                    .await?;
                hand.told = true;
            }
            let epoch = held.epoch;
            let job = Job::Forget(Box::new(ForgetJob { slice, epoch, what }));
            match self.store().run(job).await {
                Err(StoreError::Refused(Refused::NotOwner)) => {
                    self.not_owner(slice, epoch);
                    return Ok(None);
                }
                done => done?,
            }
        }
        Ok(next.map(|at| Hand { at, ..hand }))
    }

    /// Writes down, before it is so, that a slice's finished shipments from before `before` may be gone: the audit must not
    /// miss them.
    async fn shipments_go(&self, slice: u8, before: i64) -> Result<(), StoreError> {
        let known = self.store().read(move |reads| gone_before(reads, slice));
        let before = known.await?.map_or(before, |known| known.max(before));
        let write = DocumentWrite::put(KIND, key(slice), &before);
        self.store().run(Job::Documents(vec![write])).await
    }
}

fn key(slice: u8) -> String {
    format!("{slice:02x}")
}

/// Before when a slice's finished shipments may be gone, ms UTC; none when all are there.
pub(crate) fn gone_before(reads: &dyn Reads, slice: u8) -> Result<Option<i64>, StoreError> {
    let document = reads.document(KIND, &key(slice))?;
    Ok(document.and_then(|document| document.value.parse().ok()))
}

fn page(
    reads: &dyn Reads,
    slice: u8,
    at: At,
    began: i64,
    keep: Retention,
) -> Result<Page, StoreError> {
    Ok(match at {
        At::Shipments(after) => {
            let before = began.saturating_sub(keep.shipments);
            let page = reads.finished(slice, after, before, PAGE)?;
            let ids = page.rows;
            let what = (!ids.is_empty()).then_some(Forget::Shipments { ids, before });
            (what, page.next.map(|at| At::Shipments(Some(at))))
        }
        At::Journals(after) => {
            let page =
                reads.old_journals(slice, after, began.saturating_sub(keep.journal), PAGE)?;
            let what = (!page.rows.is_empty()).then_some(Forget::Journals(page.rows));
            (what, page.next.map(|at| At::Journals(Some(at))))
        }
        At::Texts(after) => {
            let found = reads.old_text(slice, after, began.saturating_sub(keep.texts))?;
            match found {
                None => (None, None),
                Some((deletion, texts)) => {
                    // More records than go at once: the same deletion comes again.
                    let more = texts.as_ref().is_some_and(|texts| texts.done.is_none());
                    let next = if more { after } else { Some(deletion) };
                    (texts.map(Forget::Texts), Some(At::Texts(next)))
                }
            }
        }
    })
}

#[cfg(test)]
mod tests;
