//! What is over is not kept for ever, and nothing that counts rests on it.

use super::*;
use book::{FriendNo, Refusal, Revision};
use control::EditError;
use store::ShipmentFilter;

/// Looks once a second for longer than a round through all slices takes.
async fn a_round(house: &mut House) {
    house.clock.0.fetch_add(3_600_001, Relaxed);
    for _ in 0..80 {
        house.step(Vec::new()).await;
        house.clock.0.fetch_add(1_001, Relaxed);
    }
}

/// Everything that is due is sent and proven.
async fn deliver(house: &mut House) {
    let (mut sent, _) = house.step(Vec::new()).await;
    while !sent.is_empty() {
        let events = house.network(&sent);
        sent = house.step(events).await.0;
    }
}

async fn shipments(house: &House, id: TerminalId) -> Vec<delivery::Shipment> {
    let of = ShipmentFilter {
        terminal: Some(id),
        limit: 100,
        ..ShipmentFilter::default()
    };
    house.control.store().shipments(of).await.unwrap()
}

async fn lines(house: &House, word: &str) -> usize {
    let dump = house.control.store().read(|reads| reads.dump()).await;
    let dump = dump.unwrap();
    dump.iter().filter(|line| line.contains(word)).count()
}

#[tokio::test]
async fn what_is_over_goes_and_all_else_is_as_before() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    let owner = id.subscriber;
    let grant = Grant::of_job(JobKind::Sample, owner);
    for name in ["Mei", "Plumber"] {
        house.add(owner, name).await;
        deliver(&mut house).await;
    }
    let gone = Edit::RemoveFriend(FriendNo(2));
    let gone = house.control.edit(&grant, gone, EditOptions::default());
    let gone = gone.await.unwrap().revision;
    deliver(&mut house).await;
    // Nobody answers for this one: something is on its way for ever.
    let silent = house.owner(101).await;
    house.add(silent.subscriber, "Lee").await;
    house.step(Vec::new()).await;
    let on_its_way = async |house: &House| {
        let full = house.control.store().terminal(silent).await.unwrap();
        let id = full.unwrap().terminal.in_flight.unwrap();
        assert!(house.control.store().shipment(id).await.unwrap().is_some());
        id
    };
    let first = on_its_way(&house).await;
    let before = (
        house.control.store().book(owner).await.unwrap(),
        house.control.store().terminal(id).await.unwrap(),
        house.names(100),
    );
    assert_eq!(shipments(&house, id).await.len(), 3);
    let plumber = lines(&house, "Plumber").await;
    a_round(&mut house).await;
    assert_eq!(shipments(&house, id).await.len(), 3);
    assert_eq!(lines(&house, "Plumber").await, plumber);

    // A month later the deleted entry's text is gone, and says so.
    house.clock.0.store(START + 31 * DAY, Relaxed);
    a_round(&mut house).await;
    assert_eq!(lines(&house, "Plumber").await, 0);
    assert_eq!(shipments(&house, id).await.len(), 3);
    let undone = house.control.undo(&grant, gone).await.unwrap_err();
    let said = undone.to_string();
    assert!(
        matches!(undone, EditError::Refused(Refusal::Forgotten)),
        "{said}"
    );
    assert!(said.contains("cannot be undone"), "{said}");

    // Three months later its shipments are, after two years the journal.
    house.clock.0.store(START + 91 * DAY, Relaxed);
    a_round(&mut house).await;
    assert_eq!(shipments(&house, id).await, []);
    assert_eq!(
        house.control.store().sent("test", "m0").await.unwrap(),
        None
    );
    let changes = house.control.store().changes(owner, None, 9).await;
    assert_eq!(changes.unwrap().len(), 3);
    // So far ahead the clock is not believed before it has gone on for a week.
    house.clock.0.store(START + 732 * DAY, Relaxed);
    a_round(&mut house).await;
    let changes = house.control.store().changes(owner, None, 9).await;
    assert_eq!(changes.unwrap().len(), 3);
    house.clock.0.store(START + 740 * DAY, Relaxed);
    a_round(&mut house).await;
    let changes = house.control.store().changes(owner, None, 9).await;
    assert_eq!(changes.unwrap(), []);
    let undone = house.control.undo(&grant, Revision(1)).await.unwrap_err();
    assert!(matches!(undone, EditError::Refused(Refusal::Forgotten)));
    let undone = house.control.undo(&grant, Revision(9)).await.unwrap_err();
    assert!(matches!(undone, EditError::NotFound));

    let after = (
        house.control.store().book(owner).await.unwrap(),
        house.control.store().terminal(id).await.unwrap(),
        house.names(100),
    );
    assert_eq!(before, after);
    // It was given up and planned anew, and nothing of what is on its way went.
    assert_ne!(on_its_way(&house).await, first);

    // Another process goes on as if nothing had been removed.
    house.restart();
    assert_eq!(house.state(id).await, TerminalState::InSync);
    house.add(owner, "Doctor").await;
    deliver(&mut house).await;
    assert_eq!(house.state(id).await, TerminalState::InSync);
    assert_eq!(house.names(100), ["Doctor", "Mei"]);
    // The other phone is on again.
    house.clock.0.fetch_add(DAY, Relaxed);
    deliver(&mut house).await;
    assert_eq!(house.state(silent).await, TerminalState::InSync);
    assert_eq!(house.names(101), ["Lee"]);
}

#[tokio::test]
async fn how_long_is_a_setting() {
    let mut house = House::new(Settings {
        retention: control::Retention::of(7, 1, 1),
        ..Settings::default()
    });
    let id = house.owner(100).await;
    house.add(id.subscriber, "Mei").await;
    deliver(&mut house).await;
    house.clock.0.store(START + 8 * DAY, Relaxed);
    a_round(&mut house).await;
    assert_eq!(shipments(&house, id).await, []);
    assert_eq!(house.state(id).await, TerminalState::InSync);
    let changes = house.control.store().changes(id.subscriber, None, 9).await;
    assert_eq!(changes.unwrap().len(), 1);
    house.clock.0.store(START + 31 * DAY, Relaxed);
    a_round(&mut house).await;
    let changes = house.control.store().changes(id.subscriber, None, 9).await;
    assert_eq!(changes.unwrap(), []);
}
