use super::*;
use book::{Edit, Rules, SubscriberId};

fn book() -> Book {
    let mut book = Book::new(SubscriberId(1));
    for name in ["Family", "家人", "Friends"] {
        let edit = Edit::AddGroup {
            name: name.into(),
            friends: BTreeSet::new(),
        };
        book = book::apply(&book, &edit, &Rules::new("GB")).unwrap().book;
    }
    book
}

/// What was said, as words: name|number|label|key|groups|rest.
fn words(line: &Line, book: &Book) -> String {
    let (sign, said) = match line {
        Line::Add(said) => ("+", said),
        Line::Change(said) => ("=", said),
        Line::Search(text) => return format!("/{text}"),
        Line::Command(text) => return format!(".{text}"),
        Line::Help => return "?".into(),
        Line::Empty => return String::new(),
    };
    let groups: Vec<_> = said
        .groups
        .iter()
        .map(|no| book.groups[no].name.clone())
        .collect();
    let mut all = vec![
        said.name.clone().unwrap_or_default(),
        said.number.clone().unwrap_or_default(),
        said.label.map(|l| format!("{l:?}")).unwrap_or_default(),
        said.key.map(|k| k.to_string()).unwrap_or_default(),
        groups.join("&"),
    ];
    if said.emergency {
        all.push("emergency".into());
    }
    all.extend(said.note.clone());
    all.extend(said.unknown.iter().map(|word| format!("?{word}")));
    format!("{sign}{}", all.join("|"))
}

#[track_caller]
fn check(typed: &str, region: &str, wanted: &str) {
    let book = book();
    assert_eq!(words(&read(typed, &book, region), &book), wanted, "{typed}");
}

#[test]
fn the_two_lines_of_the_page() {
    check(
        "Mei 07700 900123 mobile, family, key 3",
        "GB",
        "+Mei|07700 900123|Mobile|3|Family",
    );
    check(
        "小梅 13900001234 手机，家人，快捷3",
        "CN",
        "+小梅|13900001234|Mobile|3|家人",
    );
}

#[test]
fn names_and_numbers() {
    for (typed, wanted) in [
        ("Dr Lee +44 7700 900456", "+Dr Lee|+44 7700 900456|||"),
        ("小梅07700900123", "+小梅|07700900123|||"),
        ("小梅 ０７７００９００１２３", "+小梅|07700900123|||"),
        ("Taxi 2 020 7946 0123", "+Taxi 2|020 7946 0123|||"),
        ("Gas (0800) 123-456", "+Gas|(0800) 123-456|||"),
        ("Balance *100#", "+Balance|*100#|||"),
        ("B2B 07700 900123", "+B2B|07700 900123|||"),
        ("Mei", "+Mei||||"),
        ("07700 900123", "+|07700 900123|||"),
        ("Mei 0770O 900123", "+Mei|0770O 900123|||"),
        ("Mei 020 7946 0123x5", "+Mei|020 7946 0123x5|||"),
    ] {
        check(typed, "GB", wanted);
    }
}

#[test]
fn attributes() {
    for (typed, wanted) in [
        ("Mei 07700 900123 home", "+Mei|07700 900123|Home||"),
        (
            "Mei 07700 900123 mobile key 3",
            "+Mei|07700 900123|Mobile|3|",
        ),
        (
            "Mei 07700 900123, key3, SOS",
            "+Mei|07700 900123||3||emergency",
        ),
        ("Mei 07700 900123, fam", "+Mei|07700 900123|||Family"),
        ("Mei 07700 900123, f", "+Mei|07700 900123||||?f"),
        (
            "Mei 07700 900123, note: After Six",
            "+Mei|07700 900123||||After Six",
        ),
        ("Mei 07700 900123, choir", "+Mei|07700 900123||||?choir"),
    ] {
        check(typed, "GB", wanted);
    }
}

#[test]
fn changing_searching_commanding() {
    for (typed, wanted) in [
        ("= 07700 900124", "=|07700 900124|||"),
        ("＝07700 900124", "=|07700 900124|||"),
        ("= Mei Wang", "=Mei Wang||||"),
        ("= key 4", "=|||4|"),
        ("= family", "=||||Family"),
        ("/mei", "/mei"),
        ("、梅", "/梅"),
        ("／梅", "/梅"),
        (".end", ".end"),
        ("。SEND", ".send"),
        ("?", "?"),
        ("？", "?"),
        ("", ""),
        ("  ", ""),
    ] {
        check(typed, "GB", wanted);
    }
}

#[test]
fn nothing_typed_makes_it_fall_over() {
    let book = book();
    let signs = [
        "=", ",", "(", "+", "é", "王", "0", "７", " ", "k", "/", "键",
    ];
    for a in signs {
        for b in signs {
            for c in signs {
                for d in signs {
                    read(&[a, b, c, d].concat(), &book, "GB");
                }
            }
        }
    }
}
