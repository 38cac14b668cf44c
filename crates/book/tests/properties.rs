//! What holds for any input: undo restores, the journal is the book, nothing panics.
#![allow(clippy::unwrap_used)]

use book::vcard::{Version, export, import, merge};
use book::*;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn numbers() -> impl Strategy<Value = Vec<NumberDraft>> {
    let typed = prop::sample::select(vec![
        "07700 900123",
        "+447700900123",
        "020 7946 0123,5",
        "*100#",
        "112",
        "0770 090",
    ]);
    let label = prop::option::of(prop::sample::select(vec![Label::Mobile, Label::Home]));
    let one = (typed, label).prop_map(|(n, label)| NumberDraft {
        number: n.into(),
        label,
        keep: true,
        no: None,
    });
    vec(one, 0..3)
}

fn draft() -> impl Strategy<Value = FriendDraft> {
    let key = prop::option::of(1u8..6);
    let groups = btree_set((1u32..4).prop_map(GroupNo), 0..3);
    (
        "[a-c小梅]{0,3}",
        numbers(),
        key,
        any::<bool>(),
        any::<bool>(),
        groups,
    )
        .prop_map(
            |(name, numbers, speed_dial, emergency, keep_off_phone, groups)| FriendDraft {
                name,
                numbers,
                speed_dial,
                emergency,
                keep_off_phone,
                groups,
                ..FriendDraft::default()
            },
        )
}

fn edit() -> impl Strategy<Value = Edit> {
    let friend = || (1u32..8).prop_map(FriendNo);
    let group = || (1u32..4).prop_map(GroupNo);
    let friends = || btree_set(friend(), 0..4);
    prop_oneof![
        4 => draft().prop_map(Edit::AddFriend),
        4 => (friend(), draft()).prop_map(|(friend, d)| Edit::ChangeFriend { friend, patch: d.into_patch(), based_on: None }),
        1 => friend().prop_map(Edit::RemoveFriend),
        2 => ("[x-z]{1}", friends()).prop_map(|(name, friends)| Edit::AddGroup { name, friends }),
        2 => (group(), prop::option::of("[x-z]{1}"), prop::option::of(friends()))
            .prop_map(|(group, name, friends)| Edit::ChangeGroup { group, name, friends }),
        1 => group().prop_map(Edit::RemoveGroup),
    ]
}

fn change(body: ChangeBody, revision: u64) -> Change {
    let actor = Actor {
        kind: ActorKind::System,
        id: String::new(),
        name: String::new(),
    };
    let (subscriber, revision) = (SubscriberId(1), Revision(revision));
    Change {
        subscriber,
        revision,
        at_ms: 0,
        actor,
        way: Way::Api,
        call: None,
        sitting: 0,
        body,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undo_restores_and_the_journal_is_the_book(edits in vec(edit(), 1..25)) {
        let rules = Rules::new("GB").numberless();
        let mut book = Book::new(SubscriberId(1));
        let mut replayed = book.clone();
        for edit in &edits {
            let Ok(outcome) = apply(&book, edit, &rules) else { continue };
            if let Some(first) = outcome.changes.first() {
                let undo = Edit::Undo(Box::new(change(first.clone(), outcome.book.revision.0)));
                let undone = apply(&outcome.book, &undo, &rules).unwrap().book;
                prop_assert_eq!(&undone.friends, &book.friends);
                prop_assert_eq!(&undone.groups, &book.groups);
            }
            for (i, body) in outcome.changes.iter().enumerate() {
                let json = serde_json::to_string(body).unwrap();
                let body: ChangeBody = serde_json::from_str(&json).unwrap();
                replay(&mut replayed, Revision(book.revision.0 + 1 + i as u64), &body);
            }
            let keys: Vec<u8> = outcome.book.friends.values().filter_map(|f| f.speed_dial).collect();
            prop_assert!(keys.iter().all(|k| keys.iter().filter(|other| *other == k).count() == 1));
            prop_assert!(outcome.book.friends.values().filter(|f| f.emergency).count() <= 5);
            let changed = |no: &FriendNo| book.friends.get(no) != outcome.book.friends.get(no);
            prop_assert!((0..50).map(FriendNo).all(|no| changed(&no) == outcome.friends.contains(&no)));
            book = outcome.book;
        }
        prop_assert_eq!(replayed, book);
    }

    #[test]
    fn any_text_is_read_as_a_number_or_refused(typed in any::<String>(), region in "[A-Z]{2}|\\PC{0,3}") {
        let _ = understand(&typed, &region);
        let number = Number { no: NumberNo(1), typed: typed.clone(), normal: Some(typed.clone()), post_dial: None, label: None };
        for kept in [Number { normal: None, ..number.clone() }, number] {
            let _ = (spaced(&kept, &region), spoken(&kept, &region, Language::En), spoken(&kept, &region, Language::ZhHans));
            let _ = (kept.dial(DialForm::National, &region), kept.likeness(), region_of(&typed));
        }
    }

    #[test]
    fn digits_are_read_as_a_number_or_refused(typed in "[+]?[0-9 ()*#,;pwx.-]{0,24}", region in "GB|CN|US|IT|DE|AR|MX|ZZ") {
        if let Ok(Understood::Clear(reading)) = understand(&typed, &region) {
            prop_assert!(reading.normal.is_none_or(|n| n.starts_with('+')));
        }
    }

    #[test]
    fn any_text_is_searched_sorted_and_no_id(name in any::<String>(), query in any::<String>()) {
        let friend = Friend { name: name.clone(), ..Friend::default() };
        let _ = (finds(&friend, &query), letter(&friend), sort_text(&name, Some(&query)));
        let _ = (parse_friend_id(&query), parse_change_id(&format!("c{query}")));
    }

    #[test]
    fn ids_come_back(slice in any::<u8>(), random in any::<u64>(), no in any::<u32>(), revision in any::<u64>()) {
        let sub = SubscriberId::new(slice, random);
        prop_assert_eq!((sub.slice(), sub.0 >> 63), (slice, 0));
        prop_assert_eq!(parse_subscriber_id(&subscriber_id(sub)), Some(sub));
        prop_assert_eq!(parse_friend_id(&friend_id(sub, FriendNo(no))), Some((sub, FriendNo(no))));
        prop_assert_eq!(parse_group_id(&group_id(sub, GroupNo(no))), Some((sub, GroupNo(no))));
        prop_assert_eq!(parse_number_id(&number_id(sub, NumberNo(no))), Some((sub, NumberNo(no))));
        prop_assert_eq!(parse_change_id(&change_id(sub, Revision(revision))), Some((sub, Revision(revision))));
    }

    #[test]
    fn any_file_is_imported_once(octets in vec(any::<u8>(), 0..200), at in 0usize..150, cut in 0usize..10) {
        let card = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=B0=8F=\r\n=E6=A2=85\r\n\
                    TEL;CELL:+447700900301\r\nCATEGORIES:Family\r\nEND:VCARD\r\n";
        let mut mutated = card.as_bytes().to_vec();
        let at = at.min(card.len());
        mutated.splice(at..(at + cut).min(card.len()), octets.iter().take(3).copied());
        for file in [octets, mutated] {
            for region in ["GB", "CN", ""] {
                let report = import(&file, region);
                let rules = Rules::new(region);
                let merged = merge(&Book::new(SubscriberId(1)), &report, &rules);
                prop_assert_eq!(merged.cards.len(), report.cards.len());
                prop_assert!(merge(&merged.book, &report, &rules).edits.is_empty());
                let _ = (export(&merged.book, Version::V3), export(&merged.book, Version::V4));
            }
        }
    }
}
