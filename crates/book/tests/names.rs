//! The order of names, their letters, and search (PEOPLE.md §4, DECISIONS.md “sort order”).
#![allow(clippy::unwrap_used)]

use book::*;

fn book(names: &[(&str, &str)]) -> Book {
    let rules = Rules::new("GB");
    names
        .iter()
        .fold(Book::new(SubscriberId(1)), |book, (name, number)| {
            apply(
                &book,
                &Edit::AddFriend(FriendDraft::new(name, number)),
                &rules,
            )
            .unwrap()
            .book
        })
}

fn names(friends: Vec<&Friend>) -> Vec<&str> {
    friends.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn chinese_and_latin_interleave() {
    let sorted = [
        "Ann",
        "奶奶",
        "Émile",
        "沈一",
        "仇一",
        "单一",
        "Steve",
        "王奶奶",
        "Walter",
        "曾一",
        "Zoe",
        "112",
    ];
    let mut shuffled: Vec<_> = sorted.iter().map(|n| (*n, "07700900123")).collect();
    shuffled.reverse();
    let book = book(&shuffled);
    assert_eq!(
        names(by_name(&book)),
        [
            "112",
            "Ann",
            "Émile",
            "奶奶",
            "仇一",
            "单一",
            "沈一",
            "Steve",
            "Walter",
            "王奶奶",
            "曾一",
            "Zoe"
        ]
    );
    let letters: String = by_name(&book).into_iter().map(letter).collect();
    assert_eq!(letters, "#AENQSSSWWZZ");
}

#[test]
fn surnames_and_sort_as() {
    for (name, sort_as, letter_, text) in [
        ("单小梅", None, 'S', "shan xiao mei"),
        ("曾国", None, 'Z', "zeng guo"),
        ("尉迟恭", None, 'Y', "yu chi gong"),
        ("老单", None, 'L', "lao shan"),
        ("Dr Lee", Some("Lee"), 'L', "Lee"),
        ("吕四", None, 'L', "lü si"),
        ("Mei 小梅", None, 'M', "Mei xiao mei"),
        ("行", Some("Hang"), 'H', "Hang"),
        ("ß", None, '#', "ß"),
    ] {
        let friend = Friend {
            name: name.into(),
            sort_as: sort_as.map(Into::into),
            ..Friend::default()
        };
        assert_eq!(
            (letter(&friend), sort_text(name, sort_as).as_str()),
            (letter_, text),
            "{name}"
        );
    }
}

#[test]
fn emergency_then_keys_then_names() {
    let rules = Rules::new("GB");
    let mut book = book(&[
        ("Ann", "07700900101"),
        ("Bo", "07700900102"),
        ("Cy", "07700900103"),
    ]);
    for (friend, patch) in [
        (
            3,
            FriendPatch {
                emergency: Some(true),
                ..FriendPatch::default()
            },
        ),
        (
            2,
            FriendPatch {
                speed_dial: Some(Some(2)),
                ..FriendPatch::default()
            },
        ),
    ] {
        let edit = Edit::ChangeFriend {
            friend: FriendNo(friend),
            patch,
            based_on: None,
        };
        book = apply(&book, &edit, &rules).unwrap().book;
    }
    assert_eq!(names(listed(&book)), ["Cy", "Bo", "Ann"]);
}

#[test]
fn search_by_sound_name_and_digits() {
    let book = book(&[
        ("小梅", "07700 900123"),
        ("张三", "+44 7700 900311"),
        ("Dr Okafor Hospital", "020 7946 0123"),
        ("Émile", "*100#"),
        ("吕行长", "112"),
        ("aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa", "999"),
    ]);
    for (query, found) in [
        ("xm", &["小梅"][..]),
        ("xiaomei", &["小梅"]),
        ("xiao m", &["小梅"]),
        ("Xiǎo", &["小梅"]),
        ("梅", &["小梅"]),
        ("xe", &[]),
        ("zs", &["张三"]),
        ("angs", &[]),
        ("okaf", &["Dr Okafor Hospital"]),
        ("dr hosp", &["Dr Okafor Hospital"]),
        ("kafor", &[]),
        ("emile", &["Émile"]),
        ("lv", &["吕行长"]),
        ("lu", &["吕行长"]),
        ("lxz", &["吕行长"]),
        ("lhz", &["吕行长"]),
        ("07700 900 123", &["小梅"]),
        ("+447700900311", &["张三"]),
        ("07700900311", &["张三"]),
        ("＋４４７７００９００３１１", &["张三"]),
        ("٠٧٧٠٠٩٠٠٣١١", &["张三"]),
        ("*100", &["Émile"]),
        ("mei 0770", &["小梅"]),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", &[]),
        ("nobody", &[]),
    ] {
        assert_eq!(names(search(&book, query)), found, "{query}");
    }
    assert_eq!(search(&book, " ").len(), 6);
}
