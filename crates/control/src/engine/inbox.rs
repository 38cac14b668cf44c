//! What arrived at a node that does not own it (ARCHITECTURE.md, “Many nodes”, protocol 7): stored under its slice before
//! the gateway is answered, taken in by the slice's owner, and only then removed. It may come twice, as from a gateway.

use super::gather::{Ack, Item};
use super::{BATCH, Engine};
use crate::Control;
use delivery::Event;
use std::collections::HashMap;
use store::{DocumentWrite, Job, StoreError};

/// What is in the inbox, and in this engine's hands.
#[derive(Default)]
pub(super) struct Inbox {
    /// When it last looked into it, ms UTC.
    looked: Option<i64>,
    /// What it has taken out and not removed yet, and when, ms UTC: that is not taken out twice.
    hand: HashMap<String, i64>,
    /// What is to be removed: it goes with the next commit.
    done: Vec<(u8, String)>,
}

impl Inbox {
    /// It is removed, or could not be stored: what is still there is taken out anew.
    pub(super) fn lay_down(&mut self, key: &str) {
        self.hand.remove(key);
    }

    /// Nothing is to be recorded about it.
    pub(super) fn is_done(&mut self, slice: u8, key: String) {
        self.done.push((slice, key));
    }

    /// The jobs that remove what is done, and its keys.
    pub(super) fn removals(&mut self) -> (Vec<Job>, Vec<String>) {
        let done = std::mem::take(&mut self.done).into_iter();
        let job = |(slice, key): (u8, String)| (Job::Documents(vec![removed(slice, &key)]), key);
        done.map(job).unzip()
    }
}

const KIND: &str = "inbox";
/// How long something may be in hand, ms: longer than any commit is waited for.
const HAND: i64 = 60_000;
/// How often it is looked into, when no other node says that there is something, ms.
pub(super) const LOOK: i64 = 200;
/// How long something waits for an owner, ms.
const KEPT: i64 = 7 * 86_400_000;

/// The job that leaves `event` for the owner of `slice`.
pub(super) fn leave(slice: u8, event: &Event, mark: u64, now: i64) -> Job {
    Job::Documents(vec![left(slice, event, mark, now)])
}

/// The write of it alone.
pub(crate) fn left(slice: u8, event: &Event, mark: u64, now: i64) -> DocumentWrite {
    let key = format!("{slice:02x}{mark:016x}");
    let write = DocumentWrite::put(KIND, key, event).until(now + KEPT);
    write.beside(slice)
}

/// The write that takes it away.
pub(super) fn removed(slice: u8, key: &str) -> DocumentWrite {
    DocumentWrite::remove(KIND, key.to_owned()).beside(slice)
}

impl Control {
    /// What other nodes left for this one.
    pub(super) async fn inbox(
        &self,
        engine: &mut Engine,
        now: i64,
    ) -> Result<Vec<Item>, StoreError> {
        let looked = engine.inbox.looked;
        let rested = looked.is_none_or(|at| !(at..at.saturating_add(LOOK)).contains(&now));
        if !self.0.owner.shared() || !(self.0.owner.told() || rested) {
            return Ok(Vec::new());
        }
        engine.inbox.looked = Some(now);
        let lately = |taken: &i64| (*taken..taken.saturating_add(HAND)).contains(&now);
        engine.inbox.hand.retain(|_, taken| lately(taken));
        let owned = engine.held.slices();
        let (mut items, mut taken, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let from = after.take();
            let page = self
                .own_store()
                .read(move |reads| reads.documents_within(KIND, &owned, from.as_deref(), BATCH));
            let page = page.await?;
            let Some(last) = page.last() else {
                engine
                    .inbox
                    .hand
                    .extend(taken.into_iter().map(|key| (key, now)));
                return Ok(items);
            };
            after = Some(last.key.clone());
            for document in page {
                let slice = document.key.get(..2);
                let slice = slice.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                let Some(slice) = slice.filter(|_| !engine.inbox.hand.contains_key(&document.key))
                else {
                    continue;
                };
                taken.push(document.key.clone());
                let ack = Ack::Inbox(slice, document.key);
                let item = match serde_json::from_str(&document.value) {
                    Ok(event) => Item::from(event),
                    Err(error) => {
                        tracing::error!(%error, "something in the inbox cannot be read");
                        None
                    }
                };
                let item = item.unwrap_or_else(Item::nothing);
                items.push(Item {
                    ack: Some(ack),
                    ..item
                });
            }
        }
    }
}
