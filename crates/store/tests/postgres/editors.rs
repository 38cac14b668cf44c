//! People who edit their books without a pause, each her own.

use crate::sample::*;
use crate::{LIMIT, until};
use book::SubscriberId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Instant;
use store::{Refused, Store, StoreError};
use tokio::task::JoinHandle;

const EDITORS: u64 = 8;

/// Editors at work.
pub struct Editors {
    store: Store,
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    work: Vec<JoinHandle<Done>>,
}

/// What an editor was promised.
struct Done {
    of: SubscriberId,
    edits: u64,
    told: Told,
}

/// How often editors were told to come back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// That nobody knows whether it was done.
    pub unknown: u64,
    /// That nothing was changed, and nobody answers.
    pub away: u64,
    /// That nothing was changed, for want of room.
    pub full: u64,
}

impl Editors {
    pub async fn start(store: &Store) -> Self {
        let (answered, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut work = Vec::new();
        for n in 0..EDITORS {
            // Slices far apart.
            let of = SubscriberId::new(u8::try_from(n * 31).unwrap(), n + 1);
            somebody(store, of).await;
            let (store, answered, stop) = (store.clone(), Arc::clone(&answered), Arc::clone(&stop));
            work.push(tokio::spawn(edit(store, of, answered, stop)));
        }
        Self {
            store: store.clone(),
            answered,
            stop,
            work,
        }
    }

    /// Waits for so many more answers.
    pub async fn answers(&self, more: u64) {
        let target = self.answered.load(SeqCst) + more;
        until("more answers", async || {
            self.answered.load(SeqCst) >= target
        })
        .await;
    }

    /// Whose book it is that one of them edits.
    #[allow(dead_code)] // Not every test reads meanwhile.
    pub fn one(&self) -> SubscriberId {
        SubscriberId::new(0, 1)
    }

    /// Every answered edit is there, once; what editors were told meanwhile.
    pub async fn finish(self) -> Told {
        self.stop.store(true, SeqCst);
        let mut all = Told::default();
        for work in self.work {
            let done = work.await.unwrap();
            let book = self.store.book(done.of).await.unwrap().unwrap();
            assert_eq!(book.revision.0, done.edits);
            assert_eq!(book.friends.len() as u64, done.edits);
            let changes = self.store.changes(done.of, None, 100_000).await.unwrap();
            assert_eq!(changes.len() as u64, done.edits);
            let due = self
                .store
                .terminal(id(done.of, 1))
                .await
                .unwrap()
                .unwrap()
                .due;
            assert_eq!(due.map(|due| due.revision), Some(book.revision), "rule 1");
            all.unknown += done.told.unknown;
            all.away += done.told.away;
            all.full += done.told.full;
        }
        println!("{} answers, {all:?}", self.answered.load(SeqCst));
        all
    }
}

/// Adds friends one after the other; what is not known is asked again under the same request.
async fn edit(
    store: Store,
    of: SubscriberId,
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Done {
    let mut done = Done {
        of,
        edits: 0,
        told: Told::default(),
    };
    while !stop.load(SeqCst) {
        let job = add_friend(
            of,
            done.edits,
            "Ann",
            Some(&format!("{}-{}", of.0, done.edits)),
        );
        let (began, mut unknown) = (Instant::now(), false);
        loop {
            assert!(began.elapsed() < LIMIT, "nothing is answered any more");
            match store.run(job.clone()).await {
                Ok(()) => break,
                // Only who was told that nobody knows may find it done.
                Err(StoreError::Refused(Refused::Repeated)) if unknown => break,
                Err(StoreError::Unknown { .. }) => {
                    unknown = true;
                    done.told.unknown += 1;
                }
                Err(StoreError::Away { .. }) => done.told.away += 1,
                Err(StoreError::Full { .. }) => done.told.full += 1,
                Err(error) => panic!("{of:?} {}: {error}", done.edits),
            }
        }
        done.edits += 1;
        answered.fetch_add(1, SeqCst);
    }
    done
}
