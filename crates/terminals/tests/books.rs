//! From a book to a plan: what is desired, in which order, and what stays off, said before it is sent.
#![allow(clippy::unwrap_used)]

use book::{Book, Edit, FriendDraft, Label, Language, NumberDraft, Rules, SubscriberId, apply};
use std::collections::{BTreeMap, BTreeSet};
use terminals::{
    CardProfile, ChannelKind, Content, Desired, EntryState, LeftOutReason, Plan, PlanInput, Proof,
    Shadow, TerminalProfile, TerminalStatus, desired, entries, plan,
};

fn add(book: &mut Book, draft: FriendDraft) {
    let rules = Rules::new("GB").numberless();
    *book = apply(book, &Edit::AddFriend(draft), &rules).unwrap().book;
}

fn draft(name: &str, numbers: &[(&str, Option<Label>)]) -> FriendDraft {
    let numbers = numbers
        .iter()
        .map(|(number, label)| NumberDraft {
            number: (*number).into(),
            label: *label,
            keep: true,
            ..NumberDraft::default()
        })
        .collect();
    FriendDraft {
        name: name.into(),
        numbers,
        ..FriendDraft::default()
    }
}

fn terminal() -> TerminalProfile {
    TerminalProfile::builtin("feature-phone").unwrap()
}

fn wanted(book: &Book, language: Language) -> Desired {
    desired(book, &terminal(), &Content::All, language, "GB")
}

fn planned(card: &CardProfile, desired: &Desired, shadow: &Shadow, before: &Plan) -> Plan {
    plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(card),
        terminal: &terminal(),
        desired,
        shadow,
        placement: &before.placement,
        freed: &[],
        everything: false,
    })
    .unwrap()
}

#[test]
fn emergency_first_then_keys_then_the_oldest() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    add(&mut book, draft("Old", &[("07700 900001", None)]));
    add(
        &mut book,
        FriendDraft {
            speed_dial: Some(5),
            ..draft("Five", &[("07700 900002", None)])
        },
    );
    add(
        &mut book,
        FriendDraft {
            speed_dial: Some(2),
            ..draft("Two", &[("07700 900003", None)])
        },
    );
    add(
        &mut book,
        FriendDraft {
            keep_off_phone: true,
            ..draft("Off", &[("07700 900004", None)])
        },
    );
    add(&mut book, draft("New", &[("07700 900005", None)]));
    add(
        &mut book,
        FriendDraft {
            emergency: true,
            ..draft("ICE", &[("112", None)])
        },
    );
    add(&mut book, draft("Nobody", &[]));
    let desired = wanted(&book, Language::En);
    let names: Vec<&str> = desired.entries.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(names, ["ICE", "Two", "Five", "Old", "New"]);
    let reasons: Vec<&LeftOutReason> = desired.left_out.iter().map(|l| &l.reason).collect();
    assert_eq!(reasons, [&LeftOutReason::KeptOff, &LeftOutReason::NoNumber]);
    let groups = Content::Groups(BTreeSet::new());
    assert!(of_content(&book, &groups).entries.is_empty());
}

fn of_content(book: &Book, content: &Content) -> Desired {
    desired(book, &terminal(), content, Language::En, "GB")
}

/// Three numbers of one person: told apart by a suffix, the name cut before it, and stable (yeriomin/DumbphoneAssistant#2).
#[test]
fn c52() {
    let labels = [Some(Label::Home), Some(Label::Work), Some(Label::Mobile)];
    let numbers: Vec<_> = ["020 7946 0123", "020 7946 0124", "07700 900123"]
        .into_iter()
        .zip(labels)
        .collect();
    let mut book = Book::new(SubscriberId::new(0, 1));
    add(&mut book, draft("Jo Doe", &numbers));
    add(&mut book, draft("GrandmotherElisabeth", &numbers));
    add(
        &mut book,
        draft("One", &[("07700 900124", Some(Label::Home))]),
    );
    let card = CardProfile::builtin("usim-28x100").unwrap();
    let desired = wanted(&book, Language::En);
    let first = planned(&card, &desired, &Shadow::default(), &Plan::default());
    let names: Vec<&str> = first.shown.iter().map(|s| s.name.as_str()).collect();
    let cut = ["GrandmotherE H", "GrandmotherE W", "GrandmotherE M"];
    assert_eq!(
        names,
        [&["Jo Doe H", "Jo Doe W", "Jo Doe M"][..], &cut, &["One"]].concat()
    );
    assert!(first.shown[3].cut && !first.shown[0].cut);
    let mut two = Book::new(SubscriberId::new(0, 1));
    add(
        &mut two,
        draft(
            "Mei",
            &[
                ("07700 900123", None),
                ("07700 900124", None),
                ("112", Some(Label::Other)),
            ],
        ),
    );
    let names: Vec<String> = wanted(&two, Language::En)
        .entries
        .into_iter()
        .map(|w| w.name)
        .collect();
    assert_eq!(names, ["Mei", "Mei 2", "Mei 3"]);
    let chinese = wanted(&book, Language::ZhHans);
    assert_eq!(chinese.entries[0].name, "Jo Doe家");
    assert_eq!(chinese.entries[0].suffix, 1);

    // An edit of one rewrites that record and no other.
    let mut shadow = Shadow::default();
    first
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Applied, 0));
    let friend = book.friends.values().next().unwrap().clone();
    let mut patch = draft("Jo Doe", &numbers).numbers;
    patch[1].number = "020 7946 0199".into();
    let edit = Edit::ChangeFriend {
        friend: friend.no,
        patch: book::FriendPatch {
            numbers: Some(patch),
            ..Default::default()
        },
        based_on: None,
    };
    let book = apply(&book, &edit, &Rules::new("GB")).unwrap().book;
    let second = planned(&card, &wanted(&book, Language::En), &shadow, &first);
    assert_eq!(second.writes.len(), 1);
    assert_eq!(second.writes[0].slot, first.shown[1].slot);
}

/// Thirty contacts on a card of 25: capacity and who stays off are said before, entry by entry
/// (yeriomin/DumbphoneAssistant#14, #8).
#[test]
fn c54() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    for n in 0..30 {
        add(
            &mut book,
            draft(
                &format!("Friend {n}"),
                &[(&format!("07700 9000{n:02}"), None)],
            ),
        );
    }
    let card = CardProfile {
        range: Some((1, 25)),
        ..CardProfile::builtin("sim-28x50").unwrap()
    };
    let desired = wanted(&book, Language::En);
    let first = planned(&card, &desired, &Shadow::default(), &Plan::default());
    assert_eq!(
        (first.capacity, first.shown.len(), first.left_out.len()),
        (25, 25, 5)
    );
    assert_eq!(
        first.left_out[0].reason,
        LeftOutReason::Full { place: 26, of: 25 }
    );
    assert_eq!(
        first.left_out[0].reason.sentence(),
        "The phone holds 25; this is number 26."
    );
    let status = TerminalStatus::default();
    let views = entries(
        ChannelKind::SimOta,
        &book,
        &desired,
        &first,
        &Shadow::default(),
        &status,
    );
    let count = |state| views.iter().filter(|v| v.state == state).count();
    assert_eq!(
        (
            views.len(),
            count(EntryState::Saved),
            count(EntryState::LeftOut)
        ),
        (30, 25, 5)
    );

    // Deleting one brings in the first of the five, into the record that is free.
    let mut shadow = Shadow::default();
    first
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Applied, 0));
    let gone = *book.friends.keys().next().unwrap();
    let book = apply(&book, &Edit::RemoveFriend(gone), &Rules::new("GB"))
        .unwrap()
        .book;
    let desired = wanted(&book, Language::En);
    let second = planned(&card, &desired, &shadow, &first);
    assert_eq!((second.writes.len(), second.left_out.len()), (1, 4));
    assert_eq!(second.writes[0].slot, first.shown[0].slot);
    let views = entries(
        ChannelKind::SimOta,
        &book,
        &desired,
        &second,
        &shadow,
        &status,
    );
    let count = |state| views.iter().filter(|v| v.state == state).count();
    assert_eq!(
        (
            count(EntryState::OnTerminal),
            count(EntryState::Saved),
            count(EntryState::Removing)
        ),
        (24, 1, 1)
    );
}

/// `*31#+44…`: a SIM has no plus inside a number; it is refused, never bent, and the rest goes on.
#[test]
fn a_number_that_a_sim_cannot_hold_is_left_out_with_a_sentence() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    add(&mut book, draft("Code", &[("*31#+447700900308", None)]));
    add(
        &mut book,
        draft(
            "Long",
            &[("+447700900308,,12345678901234567890123456789012", None)],
        ),
    );
    add(&mut book, draft("Mei", &[("07700 900123", None)]));
    let plan = planned(
        &CardProfile::builtin("usim-28x100").unwrap(),
        &wanted(&book, Language::En),
        &Shadow::default(),
        &Plan::default(),
    );
    assert_eq!(plan.shown.len(), 1);
    assert_eq!(plan.left_out.len(), 2);
    for left in &plan.left_out {
        assert!(
            matches!(&left.reason, LeftOutReason::Number(sentence) if sentence.len() > 20),
            "{left:?}"
        );
    }
}

/// The same on a business card: what a card cannot carry stays off with a sentence, the friend's other number goes.
#[test]
fn c22_a_number_that_a_business_card_cannot_carry_is_left_out_with_a_sentence() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    let numbers = [("*31#+447700900308", None), ("07700 900123", None)];
    add(&mut book, draft("Mei", &numbers));
    let phone = TerminalProfile::builtin("card-phone").unwrap();
    let plan = terminals::plan(&PlanInput {
        channel: ChannelKind::SmsCard,
        card: None,
        terminal: &phone,
        desired: &wanted(&book, Language::En),
        shadow: &Shadow::default(),
        placement: &Default::default(),
        freed: &[],
        everything: false,
    })
    .unwrap();
    assert_eq!(plan.shown.len(), 1);
    assert_eq!(plan.shown[0].number, "+447700900123");
    assert!(
        matches!(&plan.left_out[..], [left] if matches!(&left.reason, LeftOutReason::Number(why) if why.contains("*31#"))),
        "{:?}",
        plan.left_out
    );
}

#[test]
fn a_hundred_friends_on_a_fresh_usim_take_26_parts() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    for n in 0..100 {
        add(
            &mut book,
            draft(
                &format!("Friend {n}"),
                &[(&format!("07700 9000{n:02}"), None)],
            ),
        );
    }
    let card = CardProfile::builtin("usim-28x100").unwrap();
    let plan = planned(
        &card,
        &wanted(&book, Language::En),
        &Shadow::default(),
        &Plan::default(),
    );
    assert_eq!(plan.writes.len(), 100);
    assert!(plan.parts() <= 26, "{}", plan.parts());
    assert!(plan.packets.iter().all(|p| p.parts <= 8));
}

/// A card in use is read before it is written: as few records as are needed, from the last one down, and what is not
/// blank there stays.
#[test]
fn a_card_in_use_is_read_first() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    for n in 0..3 {
        add(
            &mut book,
            draft(
                &format!("Friend {n}"),
                &[(&format!("07700 9000{n:02}"), None)],
            ),
        );
    }
    let card = CardProfile::builtin("sim-28x50").unwrap();
    let desired = wanted(&book, Language::En);
    let mut shadow = Shadow {
        in_use: true,
        ..Shadow::default()
    };
    let slots = |plan: &Plan| plan.reads.iter().map(|s| s.0).collect::<Vec<_>>();
    let first = planned(&card, &desired, &shadow, &Plan::default());
    assert_eq!(slots(&first), [50, 49, 48]);
    assert!(first.writes.is_empty() && first.packets.len() == 3);
    assert_eq!((first.shown.len(), first.capacity), (3, 50));

    // 49 has a number and no name: it is the owner's (CASES C42).
    let nameless = hex::decode("ffffffffffffffffffffffffffff0791447700092030ffffffffffff").unwrap();
    shadow.read(first.reads[0], &[0xFF; 28], 1);
    shadow.read(first.reads[1], &nameless, 1);
    shadow.read(first.reads[2], &[0xFF; 28], 1);
    let second = planned(&card, &desired, &shadow, &first);
    assert_eq!((slots(&second), second.capacity), (vec![47], 49));
    shadow.read(second.reads[0], &[0xFF; 28], 2);
    let third = planned(&card, &desired, &shadow, &second);
    let written: BTreeSet<u16> = third.writes.iter().map(|w| w.slot.0).collect();
    assert_eq!(written, BTreeSet::from([50, 48, 47]));
    assert!(
        third
            .reasons
            .iter()
            .any(|r| r == "Record 49 is the owner's own entry and stays.")
    );
    assert_eq!(
        planned(&card, &Desired::default(), &shadow, &third).writes,
        []
    );
}

/// A freed record is reused last, and an undone deletion comes back to its record.
#[test]
fn places_stick() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    add(&mut book, draft("Mei", &[("07700 900123", None)]));
    add(&mut book, draft("Jo", &[("07700 900124", None)]));
    let card = CardProfile::builtin("sim-28x50").unwrap();
    let first = planned(
        &card,
        &wanted(&book, Language::En),
        &Shadow::default(),
        &Plan::default(),
    );
    let mut shadow = Shadow::default();
    first
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Applied, 0));
    let whole = book.clone();
    let gone = *book.friends.keys().next().unwrap();
    book = apply(&book, &Edit::RemoveFriend(gone), &Rules::new("GB"))
        .unwrap()
        .book;
    let second = planned(&card, &wanted(&book, Language::En), &shadow, &first);
    assert_eq!(second.freed, BTreeSet::from([first.shown[0].slot]));
    second
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Applied, 0));

    let back = planned(&card, &wanted(&whole, Language::En), &shadow, &second);
    assert_eq!(back.shown[0].slot, first.shown[0].slot);
    add(&mut book, draft("New", &[("07700 900125", None)]));
    let freed: Vec<_> = second.freed.iter().copied().collect();
    let third = plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(&card),
        terminal: &terminal(),
        desired: &wanted(&book, Language::En),
        shadow: &shadow,
        placement: &BTreeMap::new(),
        freed: &freed,
        everything: false,
    })
    .unwrap();
    assert_eq!(third.writes[0].slot.0, 48);
}

#[test]
fn everything_again_writes_every_entry_once_more_at_its_place() {
    let mut book = Book::new(SubscriberId::new(0, 1));
    add(&mut book, draft("Mei", &[("07700 900123", None)]));
    add(
        &mut book,
        draft("Long", &[("+447700900308,,123456789012", None)]),
    );
    let card = CardProfile::builtin("sim-28x50").unwrap();
    let wanted = wanted(&book, Language::En);
    let first = planned(&card, &wanted, &Shadow::default(), &Plan::default());
    let mut shadow = Shadow::default();
    first
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Applied, 0));
    let again = plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(&card),
        terminal: &terminal(),
        desired: &wanted,
        shadow: &shadow,
        placement: &first.placement,
        freed: &[],
        everything: true,
    })
    .unwrap();
    assert_eq!(again.writes, first.writes);
    assert_eq!(again.writes.len(), 3);
}
