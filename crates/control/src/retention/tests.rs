//! What fails keeps nothing else waiting.

use super::*;
use crate::EditOptions;
use crate::testing::{Clock, house_over, owner};
use book::{Edit, FriendDraft, FriendNo, Language, Subscriber};
use delivery::{Hold, HoldState};
use identity::{Grant, JobKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use store::{Fate, Store};

#[test]
fn what_fails_keeps_nothing_else_waiting_and_comes_again_soon() {
    let mut state = Forgetting::default();
    let two: Slices = [3, 9].into_iter().collect();
    let mut round = |now| {
        let next = state.next(two, now)?;
        // Slice 3's journals cannot be read.
        state.note(next, now, next == (3, 1));
        Some(next)
    };
    let all = [(3, 0), (3, 1), (3, 2), (9, 0), (9, 1), (9, 2)];
    for of in all {
        assert_eq!(round(5_000), Some(of));
    }
    assert_eq!(round(5_000), None);
    assert_eq!(round(5_000 + AGAIN - 1), None);
    assert_eq!(round(5_000 + AGAIN), Some((3, 1)));
    assert_eq!(round(5_000 + AGAIN), None);
    assert_eq!(round(5_000 + EVERY), Some((3, 0)));
    // A clock that was set back.
    assert_eq!(round(4_999), Some((3, 0)));
}

#[tokio::test]
async fn after_an_outage_the_rounds_of_the_day_go_on() {
    let clock = Clock::default();
    let away = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&away);
    let store = Store::memory()
        .unwrap()
        .judged(move || match cut.load(SeqCst) {
            true => Fate::Lost,
            false => Fate::Heard,
        });
    let control = house_over(clock.clone(), store);
    let id = owner(&control, 100).await;
    let grant = Grant::of_job(JobKind::Sample, id);
    let friend = Edit::AddFriend(FriendDraft::new("Mei", "07700 900123"));
    let added = control.edit(&grant, friend, EditOptions::default());
    added.await.unwrap();
    let journal = async || {
        let changes = control.store().changes(id, None, 9).await;
        changes.unwrap().len()
    };
    let look = async || {
        clock.pass(1_001);
        control.look_after().await
    };
    // It is two years later when the server starts.
    clock.pass(Retention::USUAL.journal);
    look().await.unwrap();
    clock.pass(FIRST.cast_signed());
    away.store(true, SeqCst);
    // Longer than it takes to begin a round with each kind of each slice.
    for _ in 0..800 {
        assert!(look().await.is_err());
    }
    away.store(false, SeqCst);
    assert_eq!(journal().await, 1);
    for _ in 0..AGAIN / 1_000 + 100 {
        look().await.unwrap();
    }
    assert_eq!(journal().await, 0);
}

#[test]
fn it_works_a_hundredth_of_the_time_at_most() {
    assert_eq!(rests_until(1_000, 1_000), 1_000);
    assert_eq!(rests_until(1_000, 1_030), 1_000 + 100 * 30);
    assert_eq!(rests_until(7, u64::MAX), u64::MAX);
}

#[test]
fn what_is_usual_is_what_was_decided() {
    let day = 86_400_000;
    let usual = Retention::USUAL;
    assert_eq!((usual.shipments, usual.texts), (90 * day, 30 * day));
    assert_eq!(usual.journal, 730 * day + day / 2);
}

/// Subscriber `n` of a slice and her friend, who was added and perhaps removed.
async fn subscriber(control: &Control, slice: u8, n: u64, removed: bool) -> SubscriberId {
    let id = SubscriberId::new(slice, n);
    let new = Subscriber {
        id,
        msisdn: format!("+44770090010{n}"),
        name: format!("Owner {n}"),
        language: Language::En,
        region: "GB".into(),
    };
    control
        .store()
        .run(Job::CreateSubscriber(new))
        .await
        .unwrap();
    let grant = Grant::of_job(JobKind::Sample, id);
    let friend = FriendDraft::new("Plumber", "07700 900123");
    let removal = removed.then_some(Edit::RemoveFriend(FriendNo(1)));
    for edit in [Edit::AddFriend(friend)].into_iter().chain(removal) {
        let edited = control.edit(&grant, edit, EditOptions::default());
        edited.await.unwrap();
    }
    id
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_and_is_looked_at_again_on_the_same_day() {
    let clock = Clock::default();
    let control = house_over(clock.clone(), Store::memory().unwrap());
    let odd = subscriber(&control, 7, 1, false).await;
    let beside = subscriber(&control, 7, 2, true).await;
    let elsewhere = subscriber(&control, 8, 3, true).await;
    let hold = Hold {
        subscriber: odd,
        no: 1,
        sitting: 1,
        reason: "all friends would go".into(),
        changes: Vec::new(),
        released: Vec::new(),
        state: HoldState::Held,
        since: control.now(),
        decided: None,
    };
    let hold = Job::PutHold {
        hold: Box::new(hold),
        due: Vec::new(),
    };
    control.store().run(hold).await.unwrap();
    // A hold that no Kith wrote: her slice's journals cannot be gone through.
    let mut octets = control.store().snapshot().await.unwrap();
    let word = b"\"reason\":";
    let at = octets.windows(word.len()).position(|found| found == word);
    octets[at.unwrap() + 1] = b'?';
    let control = house_over(clock.clone(), Store::from_snapshot(&octets).unwrap());
    let journal = async |of| {
        let changes = control.store().changes(of, None, 9).await.unwrap();
        let told = changes.iter().filter(|change| !change.body.forgotten);
        (changes.len(), told.count())
    };
    let looks = async |times: i64| {
        let mut failed = 0;
        for _ in 0..times {
            clock.pass(1_001);
            failed += usize::from(control.look_after().await.is_err());
        }
        failed
    };
    clock.pass(Retention::USUAL.journal);
    assert_eq!(looks(1).await, 0);
    clock.pass(FIRST.cast_signed());
    assert_eq!(looks(100).await, 1);
    assert_eq!(journal(elsewhere).await, (0, 0));
    assert_eq!(journal(beside).await, (2, 0), "their texts are gone");
    control
        .store()
        .run(Job::DeleteSubscriber(odd))
        .await
        .unwrap();
    assert_eq!(looks(AGAIN / 1_000).await, 0);
    assert_eq!(journal(beside).await, (0, 0));
}
