//! Counters, a new card, and what follows a restore.

use crate::fixture::*;
use delivery::counter::JUMP;
use delivery::{CounterEnd, Recheck, after_restore, new_card, next_counter};
use terminals::{ChannelKind, Owner, Proof, Shadow, SlotNo, SlotState};

const END: u64 = (1 << 40) - 1;

/// The counter given and the next one, or the end.
#[track_caller]
fn check(next: u64, incarnation: u64, given: Result<u64, CounterEnd>) {
    let mut terminal = terminal(ChannelKind::SimOta);
    terminal.counter_next = next;
    let counter = next_counter(&mut terminal, incarnation).map(|counter| counter.value());
    assert_eq!(counter, given);
    match given {
        Ok(counter) => {
            assert_eq!(terminal.counter_next, counter + 1);
            assert_eq!(terminal.incarnation, incarnation);
        }
        // It stays as it was: asking again gives no other answer.
        Err(CounterEnd) => assert_eq!((terminal.counter_next, terminal.incarnation), (next, 1)),
    }
}

#[test]
fn counters_up_to_the_end_of_their_range() {
    check(1, 1, Ok(1));
    check(7, 2, Ok(7 + JUMP));
    check(END - 1, 1, Ok(END - 1));
    // The last one locks the key of a card that sees it.
    check(END, 1, Err(CounterEnd));
    check(END - 1 - JUMP, 2, Ok(END - 1));
    check(END - JUMP, 2, Err(CounterEnd));
    check(u64::MAX, 2, Err(CounterEnd));
}

#[test]
fn every_incarnation_jumps_once() {
    let mut terminal = terminal(ChannelKind::SimOta);
    let counters: Vec<u64> = [1, 1, 2, 2, 3, 3]
        .map(|incarnation| next_counter(&mut terminal, incarnation).unwrap().value())
        .to_vec();
    assert_eq!(
        counters,
        [1, 2, 3 + JUMP, 4 + JUMP, 5 + 2 * JUMP, 6 + 2 * JUMP]
    );
}

/// The same state restored twice gives counters that never meet: each restore is an incarnation of its own, and what
/// was used in between is jumped over.
#[test]
fn a_restored_copy_never_meets_what_was_used_after_it() {
    let copy = terminal(ChannelKind::SimOta);
    let mut used = std::collections::BTreeSet::new();
    let mut live = copy.clone();
    for _ in 0..1000 {
        assert!(used.insert(next_counter(&mut live, 1).unwrap()));
    }
    let mut restored = copy;
    for incarnation in 2..5 {
        for _ in 0..1000 {
            assert!(used.insert(next_counter(&mut restored, incarnation).unwrap()));
        }
    }
}

#[test]
fn a_new_card_begins_empty_and_its_counter_goes_on_unless_it_must_begin() {
    for (begins, counter) in [(true, 1), (false, 900)] {
        let mut world = sent(ChannelKind::SimOta, HIGHER);
        let terminal = &mut world.terminal;
        terminal.counter_next = 900;
        terminal.in_use = true;
        terminal.tries = 4;
        new_card(terminal, begins, NOW + 1);
        assert_eq!(terminal.counter_next, counter);
        let sent_to = (terminal.in_flight, terminal.next_try, terminal.proven.0);
        assert_eq!(sent_to, (None, None, 0));
        assert!(!terminal.in_use && terminal.tries == 0);
        // What went to the old card is no violation for the new one.
        let old = world.shipment.clone();
        let mut old_closed = old;
        old_closed.state = delivery::ShipmentState::Superseded;
        world.shadow = Shadow::default();
        plan(&mut world, 1, HIGHER, 2, NOW + 2);
        assert_eq!(broken(&world, &[old_closed], NOW + 2), []);
    }
}

#[track_caller]
fn check_restored(
    channel: ChannelKind,
    owner: Owner,
    incarnation: u64,
    want: Option<Recheck>,
) -> delivery::Terminal {
    let mut terminal = terminal(channel);
    let mut shadow = Shadow::default();
    let state = SlotState {
        content: vec![1],
        owner,
        proof: Proof::Applied,
        since: Some(NOW),
        doubt: false,
    };
    shadow.slots.insert(SlotNo(1), state);
    assert_eq!(after_restore(&mut terminal, &shadow, incarnation), want);
    // The counter's jump does not hide it: only a proof does.
    next_counter(&mut terminal, incarnation).unwrap();
    assert_eq!(after_restore(&mut terminal, &shadow, incarnation), want);
    terminal
}

#[test]
fn after_a_restore_nothing_is_assumed() {
    let ours = Owner::Ours(terminals::EntryKey {
        friend: book::FriendNo(1),
        number: book::NumberNo(1),
    });
    let (ota, cards) = (ChannelKind::SimOta, ChannelKind::SmsCard);
    check_restored(ota, ours, 1, None);
    check_restored(ota, ours, 2, Some(Recheck::Verify));
    check_restored(cards, ours, 2, Some(Recheck::Everything));
    // A card that began blank may hold what the copy does not know of.
    check_restored(ota, Owner::Foreign, 2, Some(Recheck::Everything));
    check_restored(ota, Owner::Free, 2, Some(Recheck::Everything));
    // Nothing of ours: sure, also of what is written later.
    let terminal = check_restored(cards, Owner::Free, 2, None);
    assert_eq!(terminal.record.sure_in, Some(2));
    let in_use = Shadow {
        in_use: true,
        ..Shadow::default()
    };
    let mut terminal = self::terminal(ota);
    assert_eq!(after_restore(&mut terminal, &in_use, 2), None);
    // A swap may be forgotten: the card that is typed in is not new to us.
    new_card(&mut terminal, false, NOW);
    let again = after_restore(&mut terminal, &Shadow::default(), 2);
    assert_eq!(again, Some(Recheck::Everything));
}

#[test]
fn the_check_takes_the_place_of_what_is_due_but_not_of_a_test() {
    let mark = |test| delivery::Due {
        test,
        ..delivery::Due::new(book::Revision(3), NOW, delivery::Lane::Interactive)
    };
    for (how, due, (everything, verify, test)) in [
        (Recheck::Verify, None, (false, true, false)),
        (Recheck::Verify, Some(mark(false)), (false, true, false)),
        (Recheck::Everything, Some(mark(false)), (true, false, false)),
        (Recheck::Verify, Some(mark(true)), (false, false, true)),
    ] {
        let work = how.mark(due, book::Revision(4), NOW);
        assert_eq!(
            (work.everything, work.verify, work.test),
            (everything, verify, test)
        );
    }
}

#[test]
fn once_it_was_read_or_written_anew_it_is_sure_for_this_incarnation() {
    for kind in [
        delivery::ShipmentKind::Verify,
        delivery::ShipmentKind::Write,
    ] {
        let mut world = sent(ChannelKind::SimOta, HIGHER);
        let tell = |world: &mut delivery::World, n| {
            let happening = answer(world, n, wire::ota::Rsc::Ok);
            delivery::decide(world, &happening, &delivery::Policy::SERVE, NOW);
        };
        tell(&mut world, 1);
        let verify = Some(Recheck::Verify);
        assert_eq!(after_restore(&mut world.terminal, &world.shadow, 2), verify);
        // What was on its way when the copy was made proves nothing of what came after it.
        tell(&mut world, 2);
        assert_eq!(after_restore(&mut world.terminal, &world.shadow, 2), verify);
        next_counter(&mut world.terminal, 2).unwrap();
        assert_eq!(after_restore(&mut world.terminal, &world.shadow, 2), verify);
        plan(&mut world, 1, HIGHER, 2, NOW + 1);
        world.terminal.incarnation = 2;
        world.shipment.kind = kind;
        tell(&mut world, 1);
        assert_eq!(after_restore(&mut world.terminal, &world.shadow, 2), None);
        assert_eq!(after_restore(&mut world.terminal, &world.shadow, 3), verify);
    }
}
