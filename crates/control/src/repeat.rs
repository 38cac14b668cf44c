//! What an edit with a request's id came to, written in the edit's own commit: the same request again, even after Kith
//! was stopped in the middle of its answer, is told the same and changes nothing.

use crate::{Control, Edited};
use book::{FriendNo, GroupNo, Revision, SubscriberId};
use serde::{Deserialize, Serialize};
use store::{DocumentWrite, StoreError};

/// As long as the answer itself is kept.
const KEPT: i64 = 24 * 3_600_000;
const KIND: &str = "edit";

#[derive(Serialize, Deserialize)]
struct Done {
    changes: Vec<Revision>,
    revision: Revision,
    friend: Option<FriendNo>,
    group: Option<GroupNo>,
    hold: Option<u32>,
}

impl Control {
    /// What `request` came to, when it was carried out before.
    pub(crate) async fn done_before(
        &self,
        subscriber: SubscriberId,
        request: Option<&str>,
    ) -> Result<Option<Edited>, StoreError> {
        let Some(request) = request else {
            return Ok(None);
        };
        let document = self.store().document(KIND, request).await?;
        let Some(done) = document.and_then(|d| serde_json::from_str::<Done>(&d.value).ok()) else {
            return Ok(None);
        };
        let mut changes = Vec::new();
        for revision in done.changes {
            changes.extend(self.store().change(subscriber, revision).await?);
        }
        Ok(Some(Edited {
            revision: done.revision,
            changes,
            friend: done.friend,
            group: done.group,
            hold: done.hold,
        }))
    }

    /// The document that remembers it.
    pub(crate) fn done(&self, request: &str, edited: &Edited) -> DocumentWrite {
        let done = Done {
            changes: edited.changes.iter().map(|c| c.revision).collect(),
            revision: edited.revision,
            friend: edited.friend,
            group: edited.group,
            hold: edited.hold,
        };
        DocumentWrite::put(KIND, request, &done).until(self.now() + KEPT)
    }
}
