//! vCard files as phones write them (CASES.md A and neighbours), merging, and export.
#![allow(clippy::unwrap_used)]

use book::vcard::{Card, Fate, ImportReport, Version, export, import, merge};
use book::*;

/// A card as one line: name, then each number as a terminal gets it with its label.
fn say(report: &ImportReport) -> Vec<String> {
    let one = |card: &book::vcard::CardResult| match &card.result {
        Ok(Card::Friend { draft, groups, .. }) => {
            let mut words = vec![draft.name.clone()];
            for n in &draft.numbers {
                let label = n.label.map(|l| format!(" {l:?}")).unwrap_or_default();
                let dial = match understand(&n.number, "GB").unwrap() {
                    Understood::Clear(r) => {
                        r.normal.unwrap_or(r.typed)
                            + &r.post_dial.map(|p| format!(" {p}")).unwrap_or_default()
                    }
                    Understood::TwoReadings { .. } => format!("?{}", n.number),
                };
                words.push(dial + &label);
            }
            words.extend(groups.iter().map(|g| format!("[{g}]")));
            words.extend(draft.sort_as.iter().map(|s| format!("({s})")));
            words.join(" | ")
        }
        Ok(Card::Group { name, members }) => format!("group {name}: {}", members.join(" ")),
        Err(sentence) => sentence.clone(),
    };
    report.cards.iter().map(one).collect()
}

#[track_caller]
fn check(file: &[u8], expected: &[&str]) -> ImportReport {
    let report = import(file, "GB");
    assert_eq!(say(&report), expected, "{report:#?}");
    report
}

fn card(lines: &str) -> Vec<u8> {
    format!("BEGIN:VCARD\n{lines}\nEND:VCARD\n")
        .replace('\n', "\r\n")
        .into_bytes()
}

#[test]
fn c01_quoted_printable_cut_inside_a_letter() {
    let file = card(
        "VERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9B=D0=B8=D1=81;=D0=98=D0=B3=D0=BE=D1=\n=80=D1=8C;;;\nTEL;CELL:+447700900301",
    );
    check(&file, &["Игорь Лис | +447700900301 Mobile"]);
}

#[test]
fn c03_encoding_before_charset() {
    let file = card(
        "VERSION:2.1\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=GBK:=D5=C5;=C8=FD;;;\nTEL:07700 900301",
    );
    check(&file, &["张三 | +447700900301"]);
}

#[test]
fn c05_lower_case_bare_parameters_version_last() {
    check(
        b"begin:vcard\nfn;quoted-printable:L=C3=BCtz\ntel;cell:07700900302\nversion:2.1\nend:vcard\n",
        &["Lütz | +447700900302 Mobile"],
    );
}

#[test]
fn c07_tel_uri_with_extension() {
    let file =
        card("VERSION:4.0\nFN:Jo\nTEL;VALUE=uri;TYPE=\"cell,voice\":tel:+44-7700-900305;ext=102");
    let report = check(&file, &["Jo | +447700900305 w102 Mobile"]);
    let book = merge(&Book::new(SubscriberId(1)), &report, &Rules::new("GB")).book;
    assert_eq!(
        book.friends[&FriendNo(1)].numbers[0].dial(DialForm::International, "GB"),
        "+447700900305p102"
    );
    let neighbours = card(
        "VERSION:4.0\nFN:Jo\nTEL;VALUE=uri:tel:7700-900306;phone-context=+44\nTEL:tel:07700%20900307\nTEL;VALUE=uri:TEL:+447700900308;isub=1",
    );
    check(
        &neighbours,
        &["Jo | +447700900306 | +447700900307 | +447700900308"],
    );
}

#[test]
fn c09_a_card_without_name_stops_nobody() {
    let good = |n| {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Good {n}\r\nTEL:0770090030{n}\r\nEND:VCARD\r\n")
    };
    let file = format!(
        "{}BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=CELL:*155*181#\r\nEND:VCARD\r\n{}",
        good(1),
        good(2)
    );
    let report = check(
        file.as_bytes(),
        &[
            "Good 1 | +447700900301",
            "*155*181# | *155*181# Mobile",
            "Good 2 | +447700900302",
        ],
    );
    assert_eq!(
        report.cards[1].notes,
        ["The card has no name; its number stands for it."]
    );
    assert_eq!(report.cards[1].line, 6);
    check(
        &card("VERSION:3.0\nN:;;;;\nORG:Chemist;Shop\nTEL:07700900309"),
        &["Chemist Shop | +447700900309"],
    );
}

#[test]
fn c11_garbage_after_the_end() {
    let file = [
        card("VERSION:3.0\nFN:Jo\nTEL:07700900310"),
        b"NULL\r\n".to_vec(),
    ]
    .concat();
    let report = check(&file, &["Jo | +447700900310"]);
    assert_eq!(
        report.notes,
        ["Line 6 is outside of any card and was left out: NULL"]
    );
    let one = card("VERSION:3.0\nFN:Jo\nTEL:07700900310");
    let report = check(
        &[&one[..], b"\r\n\r\n", &one].concat(),
        &["Jo | +447700900310", "Jo | +447700900310"],
    );
    assert!(report.notes.is_empty());
}

#[test]
fn c13_folded_inside_a_character() {
    let mut file = b"BEGIN:VCARD\r\nVERSION:3.0\r\n".to_vec();
    file.extend([
        0x4E, 0x3A, 0x3B, 0xE5, 0xBC, 0x0D, 0x0A, 0x20, 0xA0, 0x3B, 0x3B, 0x3B,
    ]);
    file.extend(b"\r\nTEL:07700900313\r\nEND:VCARD\r\n");
    check(&file, &["张 | +447700900313"]);
}

#[test]
fn charsets() {
    let with = |name: &[u8]| {
        [
            b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:",
            name,
            b"\r\nTEL:112\r\nEND:VCARD\r\n",
        ]
        .concat()
    };
    check(&with(b"M\xFCller"), &["Müller | 112"]);
    let gbk = import(&with(b"\xD5\xC5\xC8\xFD\xB5\xC4\xC4\xCC\xC4\xCC"), "CN");
    assert_eq!(gbk.cards[0].friend().unwrap().name, "张三的奶奶");
    check(
        &[b"\xEF\xBB\xBF", &with("José".as_bytes())[..]].concat(),
        &["José | 112"],
    );
    let utf16: Vec<u8> = "\u{feff}BEGIN:VCARD\r\nFN:小梅\r\nTEL:112\r\nEND:VCARD"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(&utf16, &["小梅 | 112"]);
    check(&card("FN;CHARSET=nonsense:小梅\nTEL:112"), &["小梅 | 112"]);
    check(
        &card("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=\n=E5=B0=8F=\n=E6=A2=85\nTEL:112"),
        &["小梅 | 112"],
    );
}

#[test]
fn shapes_of_cards() {
    check(
        &card(
            "VERSION:3.0\nN:Lee;Mei;Ann;Dr;\nTEL;TYPE=HOME,VOICE:020 7946 0123\nitem1.TEL;type=pref:112",
        ),
        &["Dr Mei Ann Lee | 112 | +442079460123 Home"],
    );
    check(
        &card("FN:Dr Lee\nSORT-STRING:Lee\nTEL:112\nCATEGORIES:Family,Care\\, home"),
        &["Dr Lee | 112 | [Family] | [Care, home] | (Lee)"],
    );
    check(
        &card(
            "FN:Li\nN;SORT-AS=\"Li,Si\":李;四;;;\nTEL:07700900301\nTEL;TYPE=cell:+44 7700 900301",
        ),
        &["Li | +447700900301 | (Li Si)"],
    );
    check(&card("FN:Jo\\nDoe\nTEL:\nTEL:call me"), &["Jo Doe"]);
    check(
        &card("FN:Jo\nTEL:+44 (0)20 7946 0123\nTEL:0770 090"),
        &["Jo | ?+44 (0)20 7946 0123 | 0770 090"],
    );
    check(
        &card("KIND:group\nFN:Family\nMEMBER:urn:uuid:c1\nMEMBER:c2"),
        &["group Family: c1 c2"],
    );
    check(
        &card("VERSION:3.0"),
        &[
            "The card has neither a name nor a number. Give it a name (FN) and bring the file again.",
        ],
    );
    check(
        b"BEGIN:VCARD\nFN:Jo\nTEL:07700900",
        &[
            "The card that begins in line 1 has no end: the file was cut off. Nothing of it was taken; get the file again.",
        ],
    );
    check(b"BEGIN:VCARD\nFN:Jo\nBEGIN:VCARD\nFN:Ann\nAGENT:\nBEGIN:VCARD\nFN:Secretary\nEND:VCARD\nTEL:112\nEND:VCARD", &["Jo", "Ann | 112"]);
    check(b"", &[]);
}

#[test]
fn the_same_file_twice_doubles_nothing() {
    let rules = Rules::new("GB");
    let file = "BEGIN:VCARD\nFN:Mei\nTEL:07700 900123\nCATEGORIES:Family\nUID:urn:uuid:c1\nEND:VCARD\n\
                BEGIN:VCARD\nFN:Mei\nTEL:07700 900124\nEND:VCARD\n\
                BEGIN:VCARD\nFN:Nobody\nUID:c2\nEND:VCARD\n\
                BEGIN:VCARD\nFN:Care\nX-ADDRESSBOOKSERVER-KIND:group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:c2\nEND:VCARD\n";
    let report = import(file.as_bytes(), "GB");
    let first = merge(&Book::new(SubscriberId(1)), &report, &rules);
    let fates: Vec<_> = first.cards.iter().map(|c| c.fate.clone()).collect();
    assert_eq!(
        fates,
        [
            Fate::Added(FriendNo(1)),
            Fate::Added(FriendNo(2)),
            Fate::Added(FriendNo(3)),
            Fate::Group(GroupNo(2))
        ]
    );
    let replayed = first
        .edits
        .iter()
        .fold(Book::new(SubscriberId(1)), |book, edit| {
            apply(&book, edit, &rules.clone().numberless())
                .unwrap()
                .book
        });
    assert_eq!(replayed, first.book);
    let again = merge(&first.book, &report, &rules);
    assert_eq!((again.edits.len(), &again.book), (0, &first.book));
    let more = import(
        b"BEGIN:VCARD\nFN:Mei\nTEL:+44 7700 900123\nTEL:020 7946 0123\nEND:VCARD\n",
        "GB",
    );
    let more = merge(&first.book, &more, &rules);
    assert_eq!(more.cards[0].fate, Fate::Completed(FriendNo(1)));
    assert_eq!(more.book.friends[&FriendNo(1)].numbers.len(), 2);
}

#[test]
fn export_and_back() {
    let rules = Rules::new("GB");
    let mut book = Book::new(SubscriberId::new(7, 7));
    for edit in [
        Edit::AddGroup {
            name: "Family, all; of us".into(),
            friends: Default::default(),
        },
        Edit::AddFriend(FriendDraft {
            sort_as: Some("Mei".into()),
            note: Some(
                "Line one\nLine two; with, signs \\ and 一二三四五六七八九十一二三四五六七八九十"
                    .into(),
            ),
            speed_dial: Some(3),
            emergency: true,
            groups: [GroupNo(1)].into(),
            ..FriendDraft::new("小梅 👨‍👩‍👧", "020 7946 0123 ext 102")
        }),
        Edit::AddFriend(FriendDraft {
            keep_off_phone: true,
            ..FriendDraft::new("Balance", "*100#")
        }),
    ] {
        book = apply(&book, &edit, &rules).unwrap().book;
    }
    for version in [Version::V4, Version::V3] {
        let file = export(&book, version);
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        let back = merge(
            &Book::new(book.subscriber),
            &import(file.as_bytes(), "GB"),
            &rules,
        )
        .book;
        let plain = |book: &Book| {
            let friend = |f: &Friend| {
                (
                    f.name.clone(),
                    f.sort_as.clone(),
                    f.note.clone(),
                    f.speed_dial,
                    f.emergency,
                    f.keep_off_phone,
                    f.groups.clone(),
                    f.numbers
                        .iter()
                        .map(|n| n.dial(DialForm::International, "GB"))
                        .collect::<Vec<_>>(),
                )
            };
            (
                by_name(book).into_iter().map(friend).collect::<Vec<_>>(),
                book.groups.clone(),
            )
        };
        assert_eq!(plain(&back), plain(&book), "{file}");
        assert!(
            merge(&book, &import(file.as_bytes(), "GB"), &rules)
                .edits
                .is_empty()
        );
    }
}
