//! What shared groups bring to a member's book: joined when the book is read for planning and for the pages, copied into
//! nobody's. Contents are immutable by revision and read once; which revision a member carries is read each time.

use crate::locked;
use crate::organisations::{CARRIED, CONTENT, content_key, group_key};
use book::{Friend, GroupNo, Revision, shared};
use delivery::Carried;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex};
use store::{BookFull, Reads, StoreError};

/// Contents kept in memory. A national carrier's organisations change a few groups at a time.
const KEPT: usize = 256;

/// Contents of shared groups that were read before.
#[derive(Default)]
pub(crate) struct Contents(Mutex<Known>);

/// The friends of a group at a revision.
type Known = BTreeMap<(GroupNo, Revision), Arc<Vec<Friend>>>;

impl Contents {
    /// The friends of a group at a revision.
    pub(crate) fn of(
        &self,
        reads: &dyn Reads,
        group: GroupNo,
        revision: Revision,
    ) -> Result<Arc<Vec<Friend>>, StoreError> {
        if let Some(known) = locked(&self.0).get(&(group, revision)) {
            return Ok(Arc::clone(known));
        }
        let found = value::<Vec<Friend>>(reads, CONTENT, &content_key(group, revision))?;
        let friends = Arc::new(found.unwrap_or_default());
        let mut kept = locked(&self.0);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert((group, revision), Arc::clone(&friends));
        Ok(friends)
    }

    /// A store that failed over to an older copy gives revisions anew that it has forgotten.
    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }

    /// Joins what shared groups bring to these books. `reads` must be the state in which their due marks were read, or a
    /// later one.
    pub(crate) fn join<'a>(
        &self,
        reads: &dyn Reads,
        books: impl IntoIterator<Item = &'a mut BookFull>,
    ) -> Result<(), StoreError> {
        let mut known = BTreeMap::<GroupNo, Carried>::new();
        for full in books {
            let member = full.subscriber.id;
            for group in std::mem::take(&mut full.shared) {
                let carried = match known.entry(group) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let carried = value(reads, CARRIED, &group_key(group))?;
                        place.insert(carried.unwrap_or_default())
                    }
                };
                let friends = self.of(reads, group, carried.of(member))?;
                shared::carry(&mut full.book, friends.iter());
            }
        }
        Ok(())
    }
}

/// A document's value; one that this Kith cannot read is none, and said.
pub(crate) fn value<T: DeserializeOwned>(
    reads: &dyn Reads,
    kind: &str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    Ok(reads.document(kind, key)?.and_then(|document| {
        serde_json::from_str(&document.value)
            .inspect_err(|error| tracing::error!(%error, kind, key, "a document cannot be read"))
            .ok()
    }))
}
