//! A subscriber who leaves: her terminals are emptied first where the channel can, then everything of hers is gone
//! (DECISIONS.md, “deleting a subscriber”).

use crate::{Control, Event, ProvisionError, TerminalPatch, TerminalState};
use book::{Revision, Subscriber, SubscriberId};
use delivery::Terminal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{DocumentWrite, Job, StoreError};
use terminals::Content;

const KIND: &str = "leaving";
/// How long her terminals are waited for, ms.
const PATIENCE: i64 = 7 * 86_400_000;
/// How many are looked at together.
const PAGE: u32 = 100;

#[derive(Serialize, Deserialize)]
struct Leaving {
    subscriber: SubscriberId,
    since: i64,
}

impl Control {
    /// Takes leave of a subscriber if she is as the caller saw her. Gives whether she is gone already; else her terminals
    /// are being emptied, and she goes when they are, or after seven days.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn delete_subscriber(
        &self,
        id: SubscriberId,
        as_seen: impl FnOnce(&Subscriber, Revision) -> bool,
    ) -> Result<bool, ProvisionError> {
        self.changeable(id, as_seen).await?;
        let since = self.leaving(id).await?;
        let leaving = Leaving {
            subscriber: id,
            since: since.unwrap_or_else(|| self.now()),
        };
        let write = DocumentWrite::put(KIND, id.0.to_string(), &leaving);
        self.store().run(Job::Documents(vec![write])).await?;
        match self.see_off(&leaving).await {
            // The engine was quicker.
            Err(ProvisionError::NotFound) => Ok(true),
            done => done,
        }
    }

    /// Since when a subscriber has been leaving, ms UTC.
    ///
    /// # Errors
    /// The store's.
    pub async fn leaving(&self, id: SubscriberId) -> Result<Option<i64>, StoreError> {
        let document = self.store().document(KIND, &id.0.to_string()).await?;
        let leaving: Option<Leaving> = document.and_then(|d| serde_json::from_str(&d.value).ok());
        Ok(leaving.map(|leaving| leaving.since))
    }

    /// Sees off everybody whose terminals are empty, or were waited for long enough.
    pub(crate) async fn see_all_off(&self) -> Result<(), StoreError> {
        for document in self.store().documents(KIND, None, PAGE).await? {
            let Ok(leaving) = serde_json::from_str(&document.value) else {
                continue;
            };
            match self.see_off(&leaving).await {
                Ok(_) | Err(ProvisionError::NotFound) => {}
                Err(ProvisionError::Store(error)) => return Err(error),
                Err(error) => tracing::warn!(%error, "a subscriber cannot be seen off yet"),
            }
        }
        Ok(())
    }

    /// Goes on with a departure, whoever began it and wherever it was broken off: gives whether she is gone.
    async fn see_off(&self, leaving: &Leaving) -> Result<bool, ProvisionError> {
        let id = leaving.subscriber;
        let patient = self.now() < leaving.since.saturating_add(PATIENCE);
        let mut empty = true;
        for full in self.store().terminals_of(id).await? {
            if !full.terminal.retired && patient {
                empty &= self.emptied(full.terminal).await?;
            }
        }
        if !empty {
            return Ok(false);
        }
        let key = id.0.to_string();
        let jobs = vec![
            Job::DeleteSubscriber(id),
            Job::Documents(vec![
                DocumentWrite::remove("pin", &key),
                DocumentWrite::remove(KIND, &key),
            ]),
        ];
        for done in self.store().run_all(jobs).await {
            match done {
                // Somebody saw her off at the same moment.
                Ok(()) | Err(StoreError::Refused(store::Refused::Missing)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.emit(Event::Change {
            subscriber: id,
            revision: Revision(0),
        });
        Ok(true)
    }

    /// Whether nothing of Kith's is on a terminal any more, as far as its channel can take it away; sees to it that it
    /// will be.
    async fn emptied(&self, terminal: Terminal) -> Result<bool, ProvisionError> {
        let id = terminal.id;
        if !terminal.channel.can_remove() {
            self.retire(id, |_| true).await?;
            return Ok(true);
        }
        let nobody = Content::Groups(BTreeSet::new());
        if terminal.content != nobody {
            let patch = TerminalPatch {
                card: None,
                content: Some(nobody),
            };
            self.change_terminal(id, patch, |_| true).await?;
        }
        let view = self.terminal_view(id).await?;
        Ok(view.is_none_or(|view| view.state == TerminalState::InSync))
    }
}
