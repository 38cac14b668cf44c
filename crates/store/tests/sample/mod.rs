//! What the tests of a store are made of.
#![allow(dead_code, clippy::unwrap_used)] // Each test takes what it needs.

use book::*;
use delivery::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::{DocumentWrite, EditJob, Job, SettleJob};
use terminals::{ChannelKind, EntryKey, Owner, Proof, SlotNo, SlotState};

pub const NOW: i64 = 1_790_000_000_000;
pub const A: SubscriberId = SubscriberId::new(7, 1);
pub const B: SubscriberId = SubscriberId::new(200, 2);

pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("kith-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn file(&self) -> PathBuf {
        self.0.join("kith.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn subscriber(id: SubscriberId) -> Subscriber {
    Subscriber {
        id,
        msisdn: "+447700900001".to_owned(),
        name: "Mary".to_owned(),
        language: Language::ZhHans,
        region: "GB".to_owned(),
    }
}

pub fn id(subscriber: SubscriberId, no: u32) -> TerminalId {
    TerminalId { subscriber, no }
}

pub fn terminal(of: SubscriberId, no: u32) -> Terminal {
    let msisdn = format!("+447700900{:03}", u32::from(of.slice()) + no);
    Terminal {
        iccid: Some(format!("894400000000{:03}{no:04}", of.slice())),
        card_profile: Some("usim".to_owned()),
        keys: vec![1, 2, 3],
        ..Terminal::new(id(of, no), ChannelKind::SimOta, msisdn, "phone".to_owned())
    }
}

pub fn mark(revision: u64) -> Due {
    Due {
        at: NOW + 8_000,
        ..Due::new(Revision(revision), NOW, Lane::Interactive)
    }
}

/// The edit that adds friend `expect + 1` to a book of `expect` friends, and makes terminal 1 due.
pub fn edit(of: SubscriberId, expect: u64, name: &str, request: Option<&str>) -> EditJob {
    let no = FriendNo(u32::try_from(expect).unwrap() + 1);
    let friend = Friend {
        no,
        name: name.to_owned(),
        added: Revision(expect + 1),
        ..Friend::default()
    };
    let mut book = Book::new(of);
    book.revision = Revision(expect + 1);
    book.next_friend = no.0 + 1;
    book.friends.insert(no, friend.clone());
    let body = ChangeBody {
        friend: Some(no),
        group: None,
        before: None,
        after: Some(Entry::Friend(friend)),
        key_from: None,
        forgotten: false,
    };
    EditJob {
        subscriber: of,
        expect: Revision(expect),
        changes: vec![Change {
            subscriber: of,
            revision: book.revision,
            at_ms: NOW,
            actor: Actor {
                kind: ActorKind::Owner,
                id: format!("actor{}", expect % 2),
                name: "Mary".to_owned(),
            },
            way: Way::Portal,
            call: None,
            sitting: u64::MAX - expect / 2,
            body,
        }],
        book,
        friends: vec![no],
        groups: vec![],
        due: vec![(id(of, 1), mark(expect + 1))],
        hold: None,
        request: request.map(str::to_owned),
        documents: vec![],
    }
}

pub fn add_friend(of: SubscriberId, expect: u64, name: &str, request: Option<&str>) -> Job {
    Job::Edit(Box::new(edit(of, expect, name, request)))
}

/// The job as one makes it that read its terminal just now.
pub async fn read_again(store: &store::Store, mut job: Job) -> Job {
    let terminal = match &mut job {
        Job::Settle(step) => Some(&mut step.terminal),
        Job::ChangeTerminal { terminal, .. } => Some(&mut **terminal),
        _ => None,
    };
    if let Some(terminal) = terminal
        && let Some(there) = store.terminal(terminal.id).await.unwrap()
    {
        terminal.version = there.terminal.version;
    }
    job
}

pub fn settle(of: SubscriberId, no: u32) -> SettleJob {
    SettleJob::of(terminal(of, no))
}

/// Shipment `n` of a subscriber to terminal 1, planned `n` ms after [`NOW`] was an hour old.
pub fn ship(of: SubscriberId, n: u64) -> Shipment {
    Shipment {
        id: ShipmentId(SubscriberId::new(of.slice(), n).0),
        terminal: id(of, 1),
        kind: ShipmentKind::Write,
        lane: Lane::Interactive,
        revision: Revision(n),
        state: ShipmentState::Queued,
        writes: vec![],
        packets: vec![],
        at: NOW - 1_000 + i64::try_from(n).unwrap(),
        gateway: None,
    }
}

pub fn proven(mut shipment: Shipment) -> Shipment {
    shipment.state = ShipmentState::Proven;
    shipment
}

pub fn part(of: SubscriberId, n: u64) -> PartRef {
    PartRef {
        shipment: ship(of, n).id,
        packet: 1,
        part: 1,
        sending: 1,
    }
}

pub const KEY: EntryKey = EntryKey {
    friend: FriendNo(1),
    number: NumberNo(2),
};

pub fn ours(slot: u16, content: &[u8]) -> (SlotNo, SlotState) {
    let state = SlotState {
        content: content.to_vec(),
        owner: Owner::Ours(KEY),
        proof: Proof::Applied,
        since: Some(NOW),
        doubt: true,
    };
    (SlotNo(slot), state)
}

pub fn placement(slot: u16) -> BTreeMap<EntryKey, SlotNo> {
    BTreeMap::from([(KEY, SlotNo(slot))])
}

pub fn hold(of: SubscriberId, no: u32, state: HoldState) -> Hold {
    Hold {
        subscriber: of,
        no,
        sitting: 3,
        reason: "12 friends of 20 would go".to_owned(),
        changes: vec![Revision(1)],
        released: vec![(FriendNo(1), Friend::default())],
        state,
        since: NOW + i64::from(no),
        decided: None,
    }
}

/// One that is written with rows of a subscriber.
#[allow(dead_code)]
pub fn text(key: &str, value: Option<&str>, expect: Option<u64>) -> DocumentWrite {
    DocumentWrite {
        kind: "mobile",
        ..document(key, value, expect)
    }
}

pub fn document(key: &str, value: Option<&str>, expect: Option<u64>) -> DocumentWrite {
    DocumentWrite {
        kind: "account",
        key: key.to_owned(),
        value: value.map(str::to_owned),
        index: Some("login".to_owned()),
        expires: None,
        expect,
        slice: None,
    }
}

/// A subscriber with a terminal.
pub async fn somebody(store: &store::Store, of: SubscriberId) {
    for job in [
        Job::CreateSubscriber(subscriber(of)),
        Job::AddTerminal(Box::new(terminal(of, 1))),
    ] {
        store.run(job).await.unwrap();
    }
}

/// More slow pages than there are readers: the leases are read all the same.
#[allow(dead_code)]
pub async fn slow_pages_keep_no_lease_waiting(store: &store::Store, readers: usize) {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let begun = std::sync::Arc::new(AtomicUsize::new(0));
    let mut pages = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..10 {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (store, end_too) = (store.clone(), end.clone());
        let begun = std::sync::Arc::clone(&begun);
        pages.push(tokio::spawn(async move {
            let _held = end_too;
            let waits = move |_: &dyn store::Reads| {
                begun.fetch_add(1, SeqCst);
                let _ = ended.recv();
                Ok(())
            };
            store.read(waits).await
        }));
        ends.push(end);
    }
    // Every reader that pages may take is taken.
    while begun.load(SeqCst) < readers {
        tokio::task::yield_now().await;
    }
    // Long before a fence closes; without a reader of its own this waits for the pages.
    for _ in 0..3 {
        let leases = async {
            let store = store.for_delivery();
            store.leases().await
        };
        let read = tokio::time::timeout(std::time::Duration::from_secs(8), leases).await;
        assert!(read.expect("the leases are read").unwrap().is_empty());
    }
    assert!(pages.iter().any(|page| !page.is_finished()));
    for end in ends {
        let _ = end.send(());
    }
    for page in pages {
        page.await.unwrap().unwrap();
    }
}
