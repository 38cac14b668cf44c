//! Both languages say everything that the pages ask for, with the same arguments, and nothing else.

use super::*;
use book::{FriendNo, GroupNo, NumberError, Understood, understand};
use fluent_syntax::ast::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The messages of one language with their arguments.
fn messages(
    sources: impl Iterator<Item = &'static str>,
) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut all = BTreeMap::new();
    for source in sources {
        for entry in fluent_syntax::parser::parse(source).unwrap().body {
            let Entry::Message(message) = entry else {
                continue;
            };
            let tree = format!("{:?}", message.value);
            let mark = "VariableReference { id: Identifier { name: \"";
            let args = tree.split(mark).skip(1);
            let args = args.map(|rest| rest.split('"').next().unwrap().to_owned());
            let args = args.collect();
            let twice = all.insert(message.id.name.to_owned(), (tree, args));
            assert!(twice.is_none(), "{} stands twice", message.id.name);
        }
    }
    all
}

fn english() -> BTreeMap<String, (String, BTreeSet<String>)> {
    messages(FILES.iter().map(|(en, _)| *en))
}

/// Every page and everything that draws one, but for the tests.
fn sources() -> String {
    fn walk(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, text);
            } else if !path.ends_with("tests.rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    walk(&root.join("src"), &mut text);
    walk(&root.join("templates"), &mut text);
    // Their keys are asked for by `refusal.key()` and `warning.key()`.
    text.push_str(include_str!("../../../book/src/refusal.rs"));
    text.push_str(include_str!("../../../book/src/edit.rs"));
    text
}

#[test]
fn both_languages_say_everything_with_the_same_arguments_and_not_the_same() {
    let (en, zh) = (english(), messages(FILES.iter().map(|(_, zh)| *zh)));
    let keys = |m: &BTreeMap<String, _>| m.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&en), keys(&zh));
    for (key, (text, args)) in &en {
        assert_eq!(args, &zh[key].1, "arguments of {key}");
        assert_ne!(text, &zh[key].0, "{key} is not translated");
    }
}

#[test]
fn every_key_that_a_page_uses_is_there() {
    let (known, sources) = (english(), sources());
    let calls = [".say(", ".with(", ".with2("].into_iter();
    for rest in calls.flat_map(|call| sources.split(call).skip(1)) {
        // A key that is worked out starts with something else; `format` sees to those.
        let Some(rest) = rest.trim_start().strip_prefix('"') else {
            continue;
        };
        let key = rest.split('"').next().unwrap();
        assert!(known.contains_key(key), "{key}");
    }
    for state in terminals::EntryState::ALL {
        assert!(known.contains_key(&format!("state-{}", state.as_str())));
    }
}

#[test]
fn every_key_is_used() {
    let sources = sources();
    for key in english().keys() {
        let whole = sources.contains(&format!("\"{key}\""));
        let begins = key.match_indices('-');
        let mut begins = begins.map(|(at, _)| format!("\"{}-{{", &key[..at]));
        assert!(
            whole || begins.any(|begin| sources.contains(&begin)),
            "{key}"
        );
    }
}

#[test]
fn every_refusal_is_said_in_both_languages() {
    let number = |error| Refusal::Number { index: 0, error };
    let typed = || "0770".to_owned();
    let Ok(Understood::Clear(reading)) = understand("+447700900123", "GB") else {
        panic!("a plain number");
    };
    let reading = || Box::new(reading.clone());
    let field = || "sort_as".to_owned();
    let all = [
        Refusal::NameMissing,
        Refusal::NameTooLong {
            length: 65,
            most: 64,
        },
        Refusal::ControlCharacter { field: field() },
        Refusal::TextTooLong {
            field: field(),
            length: 65,
            most: 64,
        },
        Refusal::NumberMissing { index: 0 },
        number(NumberError::Letters {
            typed: typed(),
            letter: 'O',
        }),
        number(NumberError::Sign {
            typed: typed(),
            sign: '=',
        }),
        Refusal::NumberTooShort {
            index: 0,
            typed: typed(),
        },
        Refusal::NumberTooLong {
            index: 0,
            typed: typed(),
        },
        Refusal::Ambiguous {
            index: 0,
            typed: typed(),
            a: reading(),
            b: reading(),
        },
        Refusal::TooManyNumbers {
            count: 11,
            most: 10,
        },
        Refusal::Key { key: 1 },
        Refusal::EmergencyFull { most: 5 },
        Refusal::FriendsFull { most: 10_000 },
        Refusal::GroupsFull { most: 100 },
        Refusal::GroupExists { name: typed() },
        Refusal::NoFriend {
            friend: FriendNo(1),
        },
        Refusal::NoGroup { group: GroupNo(1) },
        Refusal::ChangedSince {
            fields: vec!["numbers".into(), "friends".into()],
        },
        Refusal::OtherBook,
        Refusal::Forgotten,
    ];
    // `format` panics in tests when a text or an argument is missing.
    for refusal in &all {
        let (en, zh) = (Words(Language::En), Words(Language::ZhHans));
        assert_ne!(en.refusal(refusal), zh.refusal(refusal));
    }
    let said: BTreeSet<_> = all.iter().map(Refusal::key).collect();
    let source = include_str!("../../../book/src/refusal.rs");
    let (_, keys) = source.split_once("fn key(").unwrap();
    let (keys, _) = keys.split_once("pub fn").unwrap();
    let keys: BTreeSet<_> = keys.split('"').skip(1).step_by(2).collect();
    assert_eq!(said, keys);
}
