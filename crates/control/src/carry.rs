//! What shared groups bring to a member's book: joined when the book is read for planning and for the pages, copied into
//! nobody's. Contents are immutable by revision and read once; which revision a member carries is read each time.

use crate::locked;
use crate::organisations::{CARRIED, CONTENT, content_key, group_key};
use book::{Book, Friend, GroupNo, Revision, SubscriberId, shared};
use delivery::Carried;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Reads, StoreError};

/// Contents kept in memory. A national carrier's organisations change a few groups at a time.
const KEPT: usize = 256;

/// Contents of shared groups that were read before.
#[derive(Default)]
pub(crate) struct Contents(Mutex<BTreeMap<(GroupNo, Revision), Arc<Vec<Friend>>>>);

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

    /// Joins what a subscriber's shared groups bring to his book. `reads` must be the state in which his due mark was
    /// read, or a later one.
    pub(crate) fn join(&self, reads: &dyn Reads, book: &mut Book) -> Result<(), StoreError> {
        for (member, group) in reads.memberships(&[book.subscriber])? {
            let revision = revision_of(reads, group, member)?;
            shared::carry(book, self.of(reads, group, revision)?.iter());
        }
        Ok(())
    }
}

/// The revision of a group that a member carries now.
pub(crate) fn revision_of(
    reads: &dyn Reads,
    group: GroupNo,
    member: SubscriberId,
) -> Result<Revision, StoreError> {
    let carried = value::<Carried>(reads, CARRIED, &group_key(group))?;
    Ok(carried.unwrap_or_default().of(member))
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
