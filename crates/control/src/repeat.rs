//! What a write with a request's id came to, written in its own commit: the same request again, even after Kith was
//! stopped in the middle of its answer, is told the same and changes nothing.

use crate::{Control, Edited};
use book::{FriendNo, GroupNo, Revision, SubscriberId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentWrite, Job, StoreError};

/// As long as the answer itself is kept.
const KEPT: i64 = 24 * 3_600_000;
const KIND: &str = "edit";
const MADE: &str = "made";

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
        let document = self.edit_of(subscriber, request).await?;
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

    /// Whether the edit of her book with this id was carried out before.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_done(
        &self,
        subscriber: SubscriberId,
        request: &str,
    ) -> Result<bool, StoreError> {
        Ok(self.edit_of(subscriber, request).await?.is_some())
    }

    /// It was written with her book.
    async fn edit_of(
        &self,
        subscriber: SubscriberId,
        request: &str,
    ) -> Result<Option<Document>, StoreError> {
        let store = self.store();
        store
            .document_beside(subscriber.slice(), KIND, request)
            .await
    }

    /// What `request` made before, when it was carried out.
    pub(crate) async fn made<T: DeserializeOwned>(
        &self,
        request: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        let Some(request) = request else {
            return Ok(None);
        };
        let document = self.store().document(MADE, request).await?;
        Ok(document.and_then(|document| serde_json::from_str(&document.value).ok()))
    }

    /// Makes a thing and remembers under the request's id which, in one commit.
    pub(crate) async fn make(
        &self,
        job: Job,
        request: Option<&str>,
        id: &impl Serialize,
    ) -> Result<(), StoreError> {
        let mut jobs = vec![job];
        let made = request.map(|request| self.made_document(request, id));
        jobs.extend(made.map(|made| Job::Documents(vec![made])));
        self.store().run_all(jobs).await.into_iter().collect()
    }

    /// The document that remembers what a request made.
    pub(crate) fn made_document(&self, request: &str, made: &impl Serialize) -> DocumentWrite {
        DocumentWrite::put(MADE, request, made).until(self.now() + KEPT)
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
