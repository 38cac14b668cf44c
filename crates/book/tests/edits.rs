//! Every kind of edit, the rules of a book, undo, the brake, and the ids.
#![allow(clippy::unwrap_used)]

use book::*;
use std::collections::BTreeSet;

fn rules() -> Rules {
    Rules::new("GB")
}

#[track_caller]
fn ok(book: &Book, edit: Edit) -> Outcome {
    let outcome = apply(book, &edit, &rules()).unwrap();
    assert_eq!(
        outcome.book.revision.0,
        book.revision.0 + outcome.changes.len() as u64
    );
    let json = serde_json::to_string(&outcome.book).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&json).unwrap(), outcome.book);
    outcome
}

#[track_caller]
fn refused(book: &Book, edit: Edit, key: &str, class: Class, field: Option<&str>) {
    let refusal = apply(book, &edit, &rules()).unwrap_err();
    assert_eq!(
        (refusal.key(), refusal.class(), refusal.field().as_deref()),
        (key, class, field),
        "{refusal}"
    );
}

fn add(name: &str, number: &str) -> Edit {
    Edit::AddFriend(FriendDraft::new(name, number))
}

fn patch(friend: u32, patch: FriendPatch) -> Edit {
    Edit::ChangeFriend {
        friend: FriendNo(friend),
        patch,
        based_on: None,
    }
}

fn renumber(friend: u32, number: &str) -> Edit {
    let numbers = vec![NumberDraft {
        number: number.into(),
        ..NumberDraft::default()
    }];
    patch(
        friend,
        FriendPatch {
            numbers: Some(numbers),
            ..FriendPatch::default()
        },
    )
}

fn key(friend: u32, key: Option<u8>) -> Edit {
    patch(
        friend,
        FriendPatch {
            speed_dial: Some(key),
            ..FriendPatch::default()
        },
    )
}

fn record(body: &ChangeBody, revision: u64) -> Change {
    Change {
        subscriber: SubscriberId(1),
        revision: Revision(revision),
        at_ms: 0,
        actor: Actor {
            kind: ActorKind::Owner,
            id: "a".into(),
            name: "Mum".into(),
        },
        way: Way::Portal,
        call: None,
        sitting: 1,
        body: body.clone(),
    }
}

fn undo(outcome: &Outcome) -> Edit {
    Edit::Undo(Box::new(record(
        &outcome.changes[0],
        outcome.book.revision.0,
    )))
}

fn three() -> Book {
    ["Ann", "Bo", "Cy"]
        .iter()
        .enumerate()
        .fold(Book::new(SubscriberId(1)), |book, (i, name)| {
            ok(&book, add(name, &format!("0770090010{i}"))).book
        })
}

#[test]
fn a_friend_is_added_changed_and_removed() {
    let book = three();
    let added = &book.friends[&FriendNo(2)];
    assert_eq!(
        (added.name.as_str(), added.added, added.numbers[0].no),
        ("Bo", Revision(2), NumberNo(2))
    );
    let renamed = ok(
        &book,
        patch(
            2,
            FriendPatch {
                name: Some("  Jose\u{301} ".into()),
                ..FriendPatch::default()
            },
        ),
    );
    assert_eq!(renamed.book.friends[&FriendNo(2)].name, "José");
    assert_eq!(renamed.changes.len(), 1);
    let removed = ok(&renamed.book, Edit::RemoveFriend(FriendNo(2)));
    assert_eq!(removed.friends, BTreeSet::from([FriendNo(2)]));
    assert_eq!(
        ok(&removed.book, add("Di", "112")).changes[0].friend,
        Some(FriendNo(4)),
        "numbers are not used again"
    );
    assert!(
        ok(&book, patch(2, FriendPatch::default()))
            .changes
            .is_empty(),
        "nothing different, nothing recorded"
    );
}

#[test]
fn numbers_keep_their_id() {
    let book = ok(&three(), renumber(1, "+44 7700 900 100")).book;
    assert_eq!(
        book.friends[&FriendNo(1)].numbers[0].no,
        NumberNo(1),
        "only written differently"
    );
    let book = ok(&book, renumber(1, "07700 900999")).book;
    assert_eq!(
        book.friends[&FriendNo(1)].numbers[0].no,
        NumberNo(1),
        "replaced: the same place on the phone"
    );
    let labelled = |number: &str, label| NumberDraft {
        number: number.into(),
        label: Some(label),
        ..NumberDraft::default()
    };
    let numbers = vec![
        labelled("07700 900111", Label::Home),
        labelled("07700 900999", Label::Mobile),
    ];
    let book = ok(
        &book,
        patch(
            1,
            FriendPatch {
                numbers: Some(numbers),
                ..FriendPatch::default()
            },
        ),
    )
    .book;
    let nos: Vec<_> = book.friends[&FriendNo(1)]
        .numbers
        .iter()
        .map(|n| n.no.0)
        .collect();
    assert_eq!(nos, [4, 1]);
}

#[test]
fn rules_are_kept() {
    let book = three();
    let invalid = Class::Invalid;
    refused(
        &book,
        add(" ", "112"),
        "name-missing",
        invalid,
        Some("name"),
    );
    refused(
        &book,
        add("a\u{7}b", "112"),
        "control-character",
        invalid,
        Some("name"),
    );
    refused(
        &book,
        add(&"x".repeat(65), "112"),
        "name-too-long",
        invalid,
        Some("name"),
    );
    ok(&book, add(&"👨‍👩‍👧".repeat(64), "112"));
    refused(
        &book,
        add("Di", " "),
        "number-missing",
        invalid,
        Some("numbers[0].number"),
    );
    refused(
        &book,
        add("Di", "call me"),
        "number-letters",
        invalid,
        Some("numbers[0].number"),
    );
    refused(
        &book,
        add("Di", "0770 090"),
        "number-too-short",
        invalid,
        Some("numbers[0].number"),
    );
    refused(
        &book,
        Edit::AddFriend(FriendDraft {
            numbers: vec![],
            ..FriendDraft::new("Di", "")
        }),
        "number-missing",
        invalid,
        Some("numbers[0].number"),
    );
    let eleven = vec![
        NumberDraft {
            number: "112".into(),
            ..NumberDraft::default()
        };
        11
    ];
    refused(
        &book,
        Edit::AddFriend(FriendDraft {
            numbers: eleven,
            ..FriendDraft::new("Di", "")
        }),
        "too-many-numbers",
        invalid,
        Some("numbers"),
    );
    refused(
        &book,
        key(1, Some(1)),
        "key-range",
        invalid,
        Some("speed_dial"),
    );
    let group = Edit::AddFriend(FriendDraft {
        groups: BTreeSet::from([GroupNo(9)]),
        ..FriendDraft::new("Di", "112")
    });
    refused(&book, group, "no-group", Class::NotFound, Some("groups"));
    refused(
        &book,
        Edit::RemoveFriend(FriendNo(9)),
        "no-friend",
        Class::NotFound,
        None,
    );
    refused(&book, key(9, None), "no-friend", Class::NotFound, None);
    let emergency = |name: &str| {
        Edit::AddFriend(FriendDraft {
            emergency: true,
            ..FriendDraft::new(name, "112")
        })
    };
    let five = (0..5).fold(book.clone(), |book, _| ok(&book, emergency("E")).book);
    refused(
        &five,
        emergency("E"),
        "emergency-full",
        Class::Conflict,
        Some("emergency"),
    );
    let small = Rules {
        friends: 3,
        ..rules()
    };
    assert_eq!(
        apply(&book, &add("Di", "112"), &small).unwrap_err().key(),
        "friends-full"
    );
    let numberless = Edit::AddFriend(FriendDraft {
        numbers: vec![],
        ..FriendDraft::new("Di", "")
    });
    assert!(apply(&book, &numberless, &rules().numberless()).is_ok());
}

#[test]
fn taking_a_key_swaps() {
    let book = ok(&ok(&three(), key(1, Some(3))).book, key(2, Some(5))).book;
    let swapped = ok(&book, key(2, Some(3)));
    let keys = |book: &Book| {
        book.friends
            .values()
            .map(|f| f.speed_dial)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&swapped.book), [Some(5), Some(3), None]);
    assert_eq!(
        swapped
            .changes
            .iter()
            .map(|c| c.friend.unwrap().0)
            .collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(keys(&ok(&swapped.book, undo(&swapped)).book), keys(&book));
    let taken = ok(&book, key(3, Some(3)));
    assert_eq!(keys(&taken.book), [None, Some(5), Some(3)]);
    assert_eq!(
        keys(&ok(&taken.book, undo(&taken)).book),
        keys(&book),
        "the key goes back"
    );
}

#[test]
fn groups() {
    let book = three();
    let friends = |nos: &[u32]| nos.iter().map(|n| FriendNo(*n)).collect::<BTreeSet<_>>();
    let family = ok(
        &book,
        Edit::AddGroup {
            name: "Family".into(),
            friends: friends(&[1, 2]),
        },
    );
    let g = GroupNo(1);
    assert_eq!(
        (family.changes.len(), family.friends.clone()),
        (1, friends(&[1, 2]))
    );
    let again = Edit::AddGroup {
        name: "Family".into(),
        friends: friends(&[]),
    };
    refused(
        &family.book,
        again,
        "group-exists",
        Class::Conflict,
        Some("name"),
    );
    let moved = ok(
        &family.book,
        Edit::ChangeGroup {
            group: g,
            name: None,
            friends: Some(friends(&[2, 3])),
        },
    );
    assert_eq!(moved.book.members(g), friends(&[2, 3]));
    let gone = ok(&moved.book, Edit::RemoveGroup(g));
    assert!(gone.book.friends.values().all(|f| f.groups.is_empty()));
    assert_eq!(
        ok(&gone.book, undo(&gone)).book.members(g),
        friends(&[2, 3])
    );
    assert_eq!(
        ok(&moved.book, undo(&moved)).book.members(g),
        friends(&[1, 2])
    );
}

#[test]
fn undo_is_per_field() {
    let book = three();
    let renumbered = ok(&book, renumber(1, "07700 900999"));
    let renamed = ok(
        &renumbered.book,
        patch(
            1,
            FriendPatch {
                name: Some("Anne".into()),
                ..FriendPatch::default()
            },
        ),
    );
    let undone = ok(&renamed.book, undo(&renumbered)).book;
    let ann = &undone.friends[&FriendNo(1)];
    assert_eq!(
        (ann.name.as_str(), ann.numbers[0].typed.as_str()),
        ("Anne", "07700900100")
    );
    let again = ok(&renamed.book, renumber(1, "07700 900998")).book;
    refused(
        &again,
        undo(&renumbered),
        "changed-since",
        Class::Conflict,
        Some("numbers"),
    );
    let gone = ok(&again, Edit::RemoveFriend(FriendNo(1)));
    refused(
        &gone.book,
        undo(&renumbered),
        "no-friend",
        Class::NotFound,
        None,
    );
    assert_eq!(ok(&gone.book, undo(&gone)).book.friends, again.friends);
}

#[test]
fn changed_by_another_meanwhile() {
    let book = three();
    let seen = book.friends[&FriendNo(1)].clone();
    let theirs = ok(&book, renumber(1, "07700 900999")).book;
    let mine = |fields: FriendPatch| Edit::ChangeFriend {
        friend: FriendNo(1),
        patch: fields,
        based_on: Some(seen.clone()),
    };
    ok(
        &theirs,
        mine(FriendPatch {
            name: Some("Anne".into()),
            ..FriendPatch::default()
        }),
    );
    let form = FriendDraft {
        name: "Anne".into(),
        ..FriendDraft::from(&seen)
    }
    .into_patch();
    refused(
        &theirs,
        mine(form),
        "changed-since",
        Class::Conflict,
        Some("numbers"),
    );
}

#[test]
fn patch_in_json_tells_null_from_absent() {
    let patch: FriendPatch = serde_json::from_str(r#"{"note": null, "name": "Jo"}"#).unwrap();
    assert_eq!(
        (patch.note, patch.speed_dial, patch.name.as_deref()),
        (Some(None), None, Some("Jo"))
    );
}

#[test]
fn brake_on_mass_changes() {
    let size = 40;
    let book = (0..size).fold(Book::new(SubscriberId(1)), |book, i| {
        ok(&book, add("F", &format!("077009001{i:02}"))).book
    });
    let sitting = |edits: Vec<Edit>| {
        let mut now = book.clone();
        let mut bodies = Vec::new();
        for edit in edits {
            let outcome = ok(&now, edit);
            bodies.extend(outcome.changes);
            now = outcome.book;
        }
        bodies
    };
    let removals = |n: u32| sitting((1..=n).map(|i| Edit::RemoveFriend(FriendNo(i))).collect());
    assert_eq!(brake(&removals(10), 40), None);
    assert_eq!(brake(&removals(11), 40).unwrap().removed, 11);
    assert_eq!(brake(&removals(4), 4), None, "at least 5");
    assert!(
        brake(&removals(5), 19).is_some() && brake(&removals(5), 20).is_none(),
        "more than a quarter"
    );
    assert!(
        brake(&sitting((0..30).map(|_| add("N", "112")).collect()), 40).is_none(),
        "additions never count"
    );
    let plus_lost = (1..=30)
        .map(|i| renumber(i, &format!("44770090{:04}", 1000 + i)))
        .collect();
    assert_eq!(brake(&sitting(plus_lost), 40).unwrap().renumbered, 30);
    let rewritten = (1..=30)
        .map(|i| renumber(i, &format!("+44 7700 9001{:02}", i - 1)))
        .collect();
    assert!(
        brake(&sitting(rewritten), 40).is_none(),
        "the same numbers, written differently"
    );
}

#[test]
fn ids() {
    let sub = SubscriberId::new(0xA7, u64::MAX);
    assert_eq!((sub.slice(), sub.0 >> 63), (0xA7, 0));
    assert_eq!(parse_subscriber_id(&subscriber_id(sub)), Some(sub));
    assert_eq!(
        parse_friend_id(&friend_id(sub, FriendNo(7))),
        Some((sub, FriendNo(7)))
    );
    assert_eq!(
        parse_change_id(&change_id(sub, Revision(7))),
        Some((sub, Revision(7)))
    );
    for wrong in [
        "",
        "f",
        "s",
        "g777",
        "fé",
        &friend_id(sub, FriendNo(7)).to_uppercase(),
        &group_id(sub, GroupNo(7)),
    ] {
        assert_eq!(parse_friend_id(wrong), None, "{wrong}");
    }
}
