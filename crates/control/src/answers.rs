//! The first answer to a write with a key of its caller's, kept for a day (API.md, “Conventions”): whoever did not hear
//! it asks again with the same key and gets it again, and nothing is done twice.

use crate::{Control, locked};
use delivery::NodeId;
use identity::{Token, digest};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use store::{DocumentWrite, Job, Refused, StoreError};

/// How long an answer is kept, ms (DECISIONS.md, “retention”).
const KEPT: i64 = 24 * 3_600_000;
const KIND: &str = "answer";
/// No process has this number, or one in 2^64.
const NOBODY: u64 = 0;
/// How often others may come between reading and reserving.
const ATTEMPTS: u32 = 8;

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// A key that is ours until the answer is there.
#[derive(Debug, Clone)]
pub struct Reservation {
    key: String,
    kept: Kept,
}

/// What is known of a key.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Nobody asked before: act, then [`Control::keep_answer`] or [`Control::leave`].
    First(Reservation),
    /// This was the answer.
    Again(Answer),
    /// The first one is still being carried out.
    Running,
    /// The key came with another request before.
    Other,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    request: String,
    since: i64,
    process: u64,
    answer: Option<Answer>,
}

impl Reservation {
    /// An id of the request for the journal: an edit with it is made once, even when Kith was stopped before it answered.
    pub fn request(&self) -> String {
        format!("{}/{}", self.key, self.kept.since)
    }
}

impl Control {
    /// Reserves `key` of a token for the request that consists of these parts, unless it is known.
    ///
    /// # Errors
    /// The store's.
    pub async fn reserve(
        &self,
        token: &Token,
        key: &str,
        request: &[&[u8]],
    ) -> Result<Asked, StoreError> {
        let key = digest(&format!("{} {key}", token.id));
        let request = fingerprint(request);
        for _ in 0..ATTEMPTS {
            let document = self.store().document(KIND, &key).await?;
            let version = document.as_ref().map_or(0, |document| document.version);
            let now = self.now();
            let fresh = document.filter(|d| d.expires.is_none_or(|at| at > now));
            let known: Option<Kept> = fresh.and_then(|d| serde_json::from_str(&d.value).ok());
            let since = known.as_ref().map_or(now, |kept| kept.since);
            match known {
                Some(kept) if kept.request != request => return Ok(Asked::Other),
                Some(Kept {
                    answer: Some(answer),
                    ..
                }) => return Ok(Asked::Again(answer)),
                Some(kept) if kept.process == self.process() => return Ok(Asked::Running),
                Some(kept) if self.lives(kept.process).await? => return Ok(Asked::Running),
                // An earlier process was stopped before it answered: ours now, with the id that it had.
                Some(_) | None => {}
            }
            let kept = Kept {
                request: request.clone(),
                since,
                process: self.process(),
                answer: None,
            };
            match self.keep(&key, &kept, Some(version)).await {
                Err(StoreError::Refused(Refused::Stale)) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Asked::First(Reservation { key, kept })),
            }
        }
        Ok(Asked::Running)
    }

    /// Keeps the answer of a reservation.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep_answer(&self, of: Reservation, answer: Answer) -> Result<(), StoreError> {
        let kept = Kept {
            answer: Some(answer),
            ..of.kept
        };
        self.keep(&of.key, &kept, None).await
    }

    /// Gives a reservation up: whoever asks again is the first, under the same id, so that what was done all the same is
    /// not done again.
    ///
    /// # Errors
    /// The store's.
    pub async fn leave(&self, of: Reservation) -> Result<(), StoreError> {
        let kept = Kept {
            process: NOBODY,
            ..of.kept
        };
        self.keep(&of.key, &kept, None).await
    }

    async fn keep(&self, key: &str, kept: &Kept, expect: Option<u64>) -> Result<(), StoreError> {
        let write = DocumentWrite {
            expect,
            ..DocumentWrite::put(KIND, key, kept).until(kept.since + KEPT)
        };
        self.store().run(Job::Documents(vec![write])).await
    }

    /// Whether another node of this name is at work: its row alone says nothing, since nobody takes it away when a machine
    /// dies. If it was only asleep, what it does in the end carries the same id, and is not done again.
    async fn lives(&self, process: u64) -> Result<bool, StoreError> {
        let node = NodeId(process);
        let known = locked(self.0.owner.machine()).lives(node);
        if let Some(lives) = known {
            return Ok(lives);
        }
        // It may have begun since the last look.
        Ok(self.nodes().await?.iter().any(|other| other.node == node))
    }

    /// Tells this process from an earlier one, whose events and answers it did not see.
    pub fn process(&self) -> u64 {
        if let Some(node) = self.node() {
            return node.0;
        }
        static PROCESS: OnceLock<u64> = OnceLock::new();
        *PROCESS.get_or_init(|| self.random_u64())
    }
}

/// Each part with its length, so that no two requests look alike.
fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, testing};
    use identity::Scope;

    fn control() -> Control {
        testing::house(Settings {
            policy: delivery::Policy::DEMO,
            ..Settings::default()
        })
    }

    fn token(id: &str) -> Token {
        Token {
            id: id.to_owned(),
            name: id.to_owned(),
            scopes: Scope::ALL.into_iter().collect(),
        }
    }

    fn answer() -> Answer {
        Answer {
            status: 201,
            headers: vec![("etag".into(), "\"1\"".into())],
            body: "{}".into(),
        }
    }

    #[tokio::test]
    async fn a_key_is_answered_once_and_belongs_to_its_token_and_request() {
        let control = control();
        let (a, b) = (token("a"), token("b"));
        let Asked::First(mine) = control.reserve(&a, "k", &[b"x"]).await.unwrap() else {
            panic!("it is new");
        };
        let running = control.reserve(&a, "k", &[b"x"]).await.unwrap();
        assert!(matches!(running, Asked::Running), "{running:?}");
        control.keep_answer(mine, answer()).await.unwrap();
        let again = control.reserve(&a, "k", &[b"x"]).await.unwrap();
        assert!(
            matches!(&again, Asked::Again(a) if *a == answer()),
            "{again:?}"
        );
        let other = control.reserve(&a, "k", &[b"y"]).await.unwrap();
        assert!(matches!(other, Asked::Other), "{other:?}");
        let theirs = control.reserve(&b, "k", &[b"y"]).await.unwrap();
        assert!(matches!(theirs, Asked::First(_)), "{theirs:?}");
    }

    #[tokio::test]
    async fn what_was_left_is_carried_out_under_the_same_id() {
        let control = control();
        let a = token("a");
        for key in ["given up", "by an earlier process"] {
            let Asked::First(mine) = control.reserve(&a, key, &[b"x"]).await.unwrap() else {
                panic!("it is new");
            };
            let request = mine.request();
            if key == "given up" {
                control.leave(mine).await.unwrap();
            } else {
                let kept = Kept {
                    process: 1,
                    ..mine.kept.clone()
                };
                control.keep(&mine.key, &kept, None).await.unwrap();
            }
            let Asked::First(again) = control.reserve(&a, key, &[b"x"]).await.unwrap() else {
                panic!("{key}: it can be taken");
            };
            // The journal knows whether it was carried out: by the same id.
            assert_eq!(again.request(), request, "{key}");
        }
    }

    #[tokio::test]
    async fn what_was_made_before_the_answer_was_kept_is_not_made_again() {
        let control = control();
        let new = crate::NewSubscriber {
            msisdn: "+447700900101".into(),
            name: "Mum".into(),
            language: book::Language::En,
            region: None,
        };
        let first = control.create_subscriber_once(new.clone(), Some("k/1"));
        let first = first.await.unwrap();
        let again = control.create_subscriber_once(new.clone(), Some("k/1"));
        assert_eq!(again.await.unwrap(), first);
        let other = control.create_subscriber_once(new, Some("k/2"));
        assert_ne!(other.await.unwrap().id, first.id);

        let grant = identity::Grant::of_job(identity::JobKind::Sample, first.id);
        let edit = book::Edit::AddFriend(book::FriendDraft::new("Mei", "07700 900123"));
        let options = crate::EditOptions {
            request: Some("k/3".into()),
            if_revision: None,
        };
        let made = control.edit(&grant, edit.clone(), options.clone()).await;
        let made = made.unwrap();
        let again = control.edit(&grant, edit, options).await.unwrap();
        assert_eq!((again.friend, again.revision), (made.friend, made.revision));
        assert_eq!(again.changes, made.changes);
        let book = control.store().book(first.id).await.unwrap().unwrap();
        assert_eq!(book.friends.len(), 1);
    }
}
