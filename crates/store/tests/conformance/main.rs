//! What every store must do, as functions over a [`Store`], so that each kind of database runs the same.
#![allow(clippy::unwrap_used)]

#[path = "../sample/mod.rs"]
mod sample;

mod books;
mod campaigns;
mod card_past;
mod delivery_steps;
mod due;
mod forgetting;
mod upkeep;

use book::{FriendNo, Revision, SubscriberId};
use delivery::{Due, HoldState, Lane, Need, Notice, ShipmentState, TerminalId, Trouble};
use sample::*;
use store::{
    BasisOf, EditJob, Job, Refused, Schedule, Servers, SettleJob, ShipmentFilter, Store, StoreError,
};
use terminals::SlotNo;

/// Each function on a store in memory, on one in a file, on PostgreSQL, and on two databases of PostgreSQL.
macro_rules! on_every_store {
    ($($part:ident: $($name:ident)*;)*) => { $($(mod $name {
        #[tokio::test]
        async fn in_memory() {
            let store = store::Store::memory().unwrap();
            super::begin(&store).await;
            super::$part::$name(&store).await;
            store.close().await;
        }
        #[tokio::test]
        async fn on_postgres() {
            let store = super::postgres(stringify!($name));
            super::begin(&store).await;
            super::$part::$name(&store).await;
            store.close().await;
        }
        #[tokio::test]
        async fn on_two_servers() {
            let store = super::two_servers(stringify!($name));
            super::begin(&store).await;
            super::$part::$name(&store).await;
            store.close().await;
        }
        #[tokio::test]
        async fn in_a_file() {
            let folder = super::Folder::new(stringify!($name));
            let store = store::Store::open(&folder.file()).unwrap();
            super::begin(&store).await;
            super::$part::$name(&store).await;
            store.close().await;
        }
    })*)* };
}

on_every_store! {
    books: subscribers edits requests journals deleting;
    due: addresses cards due_marks clearing next_things;
    delivery_steps: settling flights needs counters placements shipments holds;
    card_past: cards_that_leave;
    upkeep: documents documents_of_slices expiring groups closing;
    campaigns: members_of_groups what_members_have campaign_marks holding_back;
    forgetting: old_shipments leafing late_proofs old_journals old_texts;
}

fn database(name: &str) -> String {
    pgbox::shared().unwrap().database(name).unwrap()
}

fn postgres(name: &str) -> Store {
    Store::connect(&Servers::one(database(name))).unwrap()
}

/// Subscriber A lies at home, B on the other.
fn two_servers(name: &str) -> Store {
    let others = vec![(
        database(&format!("{name}_other")),
        [B.slice()].into_iter().collect(),
    )];
    let home = database(&format!("{name}_home"));
    Store::connect(&Servers { home, others }).unwrap()
}

/// Two subscribers with a terminal each.
async fn begin(store: &Store) {
    for id in [A, B] {
        ok(store, Job::CreateSubscriber(subscriber(id))).await;
        ok(store, Job::AddTerminal(Box::new(terminal(id, 1)))).await;
    }
}

#[track_caller]
fn refused(result: Result<(), StoreError>) -> Refused {
    match result.unwrap_err() {
        StoreError::Refused(refused) => refused,
        e => panic!("not a refusal: {e}"),
    }
}

async fn ok(store: &Store, job: Job) {
    store.run(read_again(store, job).await).await.unwrap();
}

async fn refuse(store: &Store, job: Job, why: Refused) {
    let job = read_again(store, job).await;
    assert_eq!(refused(store.run(job).await), why);
}

fn change(terminal: delivery::Terminal, blank: bool) -> Job {
    Job::ChangeTerminal {
        terminal: Box::new(terminal),
        blank,
        due: None,
    }
}

fn step(job: SettleJob) -> Job {
    Job::Settle(Box::new(job))
}

fn marks(id: TerminalId, due: Due, replace: bool) -> Job {
    Job::MarkDue {
        marks: vec![(id, due)],
        replace,
    }
}

async fn due_of(store: &Store, id: TerminalId) -> Option<Due> {
    store.terminal(id).await.unwrap().unwrap().due
}

const NOBODY: SubscriberId = SubscriberId::new(9, 9);
