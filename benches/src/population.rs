//! Subscribers by the hundred thousand, each with a card, a book and a shadow that shows it: written as jobs.

use crate::crowd::{KIC, KID, KIND, PREFIX};
use book::{Book, Edit, FriendDraft, Language, Rules, Subscriber, SubscriberId};
use control::{Control, NewSubscriber, NewTerminal};
use delivery::{Terminal, TerminalId};
use std::collections::BTreeMap;
use store::{EditJob, Job, SettleJob, StoreError};
use terminals::{
    CardProfile, ChannelKind, Content, EntryKey, PlanInput, Proof, Shadow, SlotNo, SlotState,
    TerminalProfile, desired, plan,
};

/// The most there can be.
pub const MOST: u32 = 999_000;
/// Subscribers in one commit.
const TOGETHER: u32 = 100;

/// Subscriber `n`.
pub fn subscriber(n: u32) -> SubscriberId {
    SubscriberId::new(u8::try_from(n % 256).unwrap_or(0), u64::from(n) + 1)
}

/// Her only terminal.
pub fn terminal(n: u32) -> TerminalId {
    TerminalId {
        subscriber: subscriber(n),
        no: 1,
    }
}

/// What all have in common.
struct Pattern {
    book: Book,
    terminal: Terminal,
    slots: Vec<(SlotNo, SlotState)>,
    placement: BTreeMap<EntryKey, SlotNo>,
}

/// Takes in subscribers 0 … `count` − 1 with `friends` friends each, of whom the last `missing` are not on the card yet.
pub async fn settle(
    control: &Control,
    count: u32,
    friends: u32,
    missing: usize,
) -> Result<(), String> {
    let pattern = pattern(control, friends, missing).await?;
    let mut from = 0;
    while from < count.min(MOST) {
        let to = (from + TOGETHER).min(count).min(MOST);
        let jobs = (from..to).flat_map(|n| jobs(&pattern, n)).collect();
        let done: Result<Vec<()>, StoreError> =
            control.store().run_all(jobs).await.into_iter().collect();
        done.map_err(|why| why.to_string())?;
        from = to;
    }
    Ok(())
}

fn jobs(pattern: &Pattern, n: u32) -> [Job; 4] {
    let id = subscriber(n);
    let msisdn = format!("+{PREFIX}{n:06}");
    let book = Book {
        subscriber: id,
        ..pattern.book.clone()
    };
    let terminal = Terminal {
        id: terminal(n),
        msisdn: msisdn.clone(),
        iccid: Some(format!("8944770090{n:09}")),
        proven: book.revision,
        planned: book.revision,
        ..pattern.terminal.clone()
    };
    let subscriber = Subscriber {
        id,
        msisdn,
        name: format!("Owner {n}"),
        language: Language::En,
        region: "GB".into(),
    };
    let edit = EditJob {
        subscriber: id,
        expect: book::Revision(0),
        friends: book.friends.keys().copied().collect(),
        book,
        groups: Vec::new(),
        changes: Vec::new(),
        due: Vec::new(),
        hold: None,
        request: None,
        documents: Vec::new(),
    };
    let shown = SettleJob {
        slots: pattern.slots.clone(),
        placement: Some(pattern.placement.clone()),
        ..SettleJob::of(terminal.clone())
    };
    [
        Job::CreateSubscriber(subscriber),
        Job::Edit(Box::new(edit)),
        Job::AddTerminal(Box::new(terminal)),
        Job::Settle(Box::new(shown)),
    ]
}

async fn pattern(control: &Control, friends: u32, missing: usize) -> Result<Pattern, String> {
    let said = |why: &dyn std::fmt::Display| why.to_string();
    // One terminal is taken in as every terminal is; the others have its keys and profiles.
    let owner = control.create_subscriber(NewSubscriber {
        msisdn: format!("+{PREFIX}999"),
        name: "Pattern".into(),
        language: Language::En,
        region: Some("GB".into()),
    });
    let owner = owner.await.map_err(|why| said(&why))?;
    let terminal = control.add_terminal(NewTerminal {
        subscriber: owner.id,
        channel: ChannelKind::SimOta,
        msisdn: owner.msisdn,
        card_profile: Some(KIND.into()),
        iccid: Some("8944770090999999999".into()),
        keys: Some((KIC.into(), KID.into())),
        counter: None,
        in_use: false,
        terminal_profile: None,
    });
    let terminal = terminal.await.map_err(|why| said(&why))?;
    let mut book = Book::new(owner.id);
    for n in 0..friends {
        let number = format!("+1212555{:04}", 100 + n);
        let draft = FriendDraft::new(&format!("Friend {n:02}"), &number);
        let outcome = book::apply(&book, &Edit::AddFriend(draft), &Rules::new("GB"));
        book = outcome.map_err(|why| said(&why))?.book;
    }
    let card = CardProfile::builtin(KIND).ok_or("there is no such card profile.")?;
    let phone = TerminalProfile::builtin(&terminal.terminal_profile);
    let phone = phone.ok_or("there is no such terminal profile.")?;
    let desired = desired(&book, &phone, &Content::All, Language::En, "GB");
    let plan = plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(&card),
        terminal: &phone,
        desired: &desired,
        shadow: &Shadow::default(),
        placement: &BTreeMap::new(),
        freed: &[],
        everything: false,
    });
    let plan = plan.map_err(|why| said(&why))?;
    let mut shadow = Shadow::default();
    let there = plan.writes.len().saturating_sub(missing);
    for write in plan.writes.iter().take(there) {
        shadow.apply(write, Proof::Applied, 0);
    }
    Ok(Pattern {
        book,
        terminal,
        slots: shadow.slots.into_iter().collect(),
        placement: plan.placement,
    })
}
