//! After a restore, or a fail-over to an older copy, nothing is assumed: every terminal of the slices that this node owns
//! is made sure of, in the bulk lane, page by page.

use crate::Control;
use crate::owner::Holdings;
use delivery::{Due, Lane, Slices, TerminalId, after_restore};
use std::sync::Arc;
use store::{DocumentWrite, Job, StoreError, TerminalFull};

/// Terminals looked at in one go.
const PAGE: u32 = 1_000;
/// Slices gone through in one go, as long as there is nothing to be made sure of in them.
const SLICES: usize = 32;
/// The kind of the documents that say in which incarnation a slice was looked through.
const KIND: &str = "rechecked";

/// What is left to be looked through.
#[derive(Default)]
pub(crate) struct Recheck {
    /// What this node held at the last look. After a fail-over every slice is held at another epoch.
    held: Arc<Holdings>,
    /// Slices that are known to be looked through.
    done: Slices,
    /// The slice in hand: its incarnation, and the last terminal looked at.
    hand: Option<(u8, u64, Option<TerminalId>)>,
}

impl Recheck {
    /// What was lost meanwhile, and perhaps taken again, is looked through anew.
    fn notice(&mut self, held: Arc<Holdings>) {
        if Arc::ptr_eq(&self.held, &held) {
            return;
        }
        let changed = held.changed(&self.held);
        changed.iter().for_each(|slice| self.done.remove(slice));
        self.hand.take_if(|(slice, ..)| changed.contains(*slice));
        self.held = held;
    }
}

impl Control {
    /// The next page, with the empty ones before it: a small house is looked through in seconds.
    pub(crate) async fn recheck(&self, state: &mut Recheck) -> Result<(), StoreError> {
        state.notice(self.0.owner.holdings());
        let owned = state.held.slices();
        for _ in 0..SLICES {
            if !self.recheck_page(state, owned).await? {
                break;
            }
        }
        Ok(())
    }

    /// One page; whether nothing had to be done about it, and there are more.
    async fn recheck_page(&self, state: &mut Recheck, owned: Slices) -> Result<bool, StoreError> {
        let (slice, incarnation, last) = match state.hand.take() {
            Some(hand) => hand,
            None => match self.next_slice(state, owned).await? {
                Some((slice, incarnation)) => (slice, incarnation, None),
                None => return Ok(false),
            },
        };
        let after = last.unwrap_or(TerminalId {
            subscriber: book::SubscriberId::new(slice, 0),
            no: 0,
        });
        let (page, full) = self
            .store()
            .read(move |reads| {
                let mut page: Vec<_> = reads.terminals(Some(after), PAGE)?;
                page.retain(|(terminal, _)| terminal.id.subscriber.slice() == slice);
                let ids: Vec<_> = page.iter().map(|(terminal, _)| terminal.id).collect();
                Ok((ids.clone(), reads.terminals_full(&ids)?))
            })
            .await?;
        let now = self.now();
        let marks: Vec<_> = full
            .iter()
            .filter_map(|full| mark(full, incarnation, now))
            .collect();
        let idle = marks.is_empty();
        if !idle {
            let job = Job::MarkDue {
                marks,
                replace: false,
            };
            self.store().run(job).await?;
            self.wake();
        }
        match page.last() {
            Some(last) => state.hand = Some((slice, incarnation, Some(*last))),
            None => {
                let done = DocumentWrite::put(KIND, slice.to_string(), &incarnation);
                self.store().run(Job::Documents(vec![done])).await?;
                state.done.insert(slice);
            }
        }
        Ok(idle)
    }

    /// The next slice that was not looked through in the incarnation that it has now; none: all were.
    async fn next_slice(
        &self,
        state: &mut Recheck,
        owned: Slices,
    ) -> Result<Option<(u8, u64)>, StoreError> {
        let left: Slices = owned
            .iter()
            .filter(|slice| !state.done.contains(*slice))
            .collect();
        if left.is_empty() {
            return Ok(None);
        }
        let (incarnations, documents) = self
            .store()
            .read(move |reads| {
                Ok((
                    reads.incarnations(&left)?,
                    reads.documents(KIND, None, 256)?,
                ))
            })
            .await?;
        let known = |slice: u8| {
            let document = documents.iter().find(|d| d.key == slice.to_string())?;
            document.value.parse::<u64>().ok()
        };
        for (slice, incarnation) in incarnations {
            // A store that never was another copy has nothing to be made sure of.
            if incarnation <= 1 || known(slice) == Some(incarnation) {
                state.done.insert(slice);
            } else {
                return Ok(Some((slice, incarnation)));
            }
        }
        Ok(None)
    }
}

/// The mark of a terminal that must be made sure of, and is not due as it is: the check comes before whatever is due,
/// when it is planned, and a mark that a verified call holds back stays held back.
fn mark(full: &TerminalFull, incarnation: u64, now: i64) -> Option<(TerminalId, Due)> {
    let terminal = &full.terminal;
    if full.due.is_some() {
        return None;
    }
    after_restore(&mut terminal.clone(), &full.shadow, incarnation)?;
    Some((terminal.id, Due::new(terminal.planned, now, Lane::Bulk)))
}
