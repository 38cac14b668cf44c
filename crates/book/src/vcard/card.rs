//! From a card's lines to a friend.

use super::content::Line;
use super::lines::RawCard;
use super::{Card, CardResult};
use crate::number::{Understood, understand};
use crate::{FriendDraft, Label, NumberDraft, Rules};
use encoding_rs::Encoding;
use unicode_segmentation::UnicodeSegmentation;

pub(super) fn read(raw: RawCard, charset: &'static Encoding, region: &str) -> CardResult {
    let RawCard {
        line,
        lines,
        mut notes,
        whole,
    } = raw;
    let result = if whole {
        person_or_group(
            &Values {
                lines: &lines,
                charset,
            },
            region,
            &mut notes,
        )
    } else {
        Err(format!(
            "The card that begins in line {line} has no end: the file was cut off. Nothing of it was taken; get the file again."
        ))
    };
    CardResult {
        line,
        result,
        notes,
    }
}

/// A card's lines by name.
struct Values<'a> {
    lines: &'a [Line],
    charset: &'static Encoding,
}

impl<'a> Values<'a> {
    fn all(&self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |l| l.name == name)
    }

    /// The first value that is not empty, on one line.
    fn text(&self, name: &'a str) -> Option<String> {
        self.all(name)
            .map(|l| one_line(&l.single(self.charset)))
            .find(|v| !v.is_empty())
    }

    fn components(&self, name: &'a str) -> Vec<String> {
        let all = self.all(name).map(|l| l.components(self.charset));
        let first = all
            .map(|c| c.iter().map(|p| one_line(p)).collect::<Vec<_>>())
            .find(|c| c.iter().any(|p| !p.is_empty()));
        first.unwrap_or_default()
    }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn person_or_group(
    values: &Values<'_>,
    region: &str,
    notes: &mut Vec<String>,
) -> Result<Card, String> {
    let rules = Rules::new(region);
    let kind = values
        .text("KIND")
        .or_else(|| values.text("X-ADDRESSBOOKSERVER-KIND"));
    let named = values
        .text("FN")
        .or_else(|| full_name(&values.components("N")))
        .or_else(|| values.text("NICKNAME"));
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("group")) {
        let members = values
            .all("MEMBER")
            .chain(values.all("X-ADDRESSBOOKSERVER-MEMBER"));
        let name =
            named.ok_or("The group has no name. Give it one (FN) and bring the file again.")?;
        let name = cut(name, rules.name_graphemes, "The group's name", notes);
        return Ok(Card::Group {
            name,
            members: members.map(|l| uid(&l.single(values.charset))).collect(),
        });
    }

    let numbers = numbers(values, region, rules.numbers, notes);
    let name = named
        .or_else(|| Some(values.components("ORG").join(" ").trim().to_owned()).filter(|org| !org.is_empty()))
        .or_else(|| {
            let number = numbers.first()?.number.clone();
            notes.push("The card has no name; its number stands for it.".to_owned());
            Some(number)
        })
        .or_else(|| values.text("EMAIL"))
        .ok_or("The card has neither a name nor a number. Give it a name (FN) and bring the file again.")?;
    let name = cut(name, rules.name_graphemes, "The name", notes);

    let phonetic = ["X-PHONETIC-LAST-NAME", "X-PHONETIC-FIRST-NAME"]
        .into_iter()
        .filter_map(|n| values.text(n));
    let sort_param = || {
        values
            .all("N")
            .chain(values.all("FN"))
            .find_map(|l| l.param("SORT-AS"))
    };
    let sort_as = values
        .text("SORT-STRING")
        .or_else(|| sort_param().map(|s| one_line(&s.replace(',', " "))))
        .or_else(|| Some(phonetic.collect::<Vec<_>>().join(" ")))
        .filter(|sort_as| !sort_as.is_empty())
        .map(|sort_as| cut(sort_as, rules.name_graphemes, "The sort name", notes));

    let note = values
        .all("NOTE")
        .map(|l| printable(&l.single(values.charset)))
        .collect::<Vec<_>>()
        .join("\n");
    let note = cut(
        note.trim().to_owned(),
        rules.note_graphemes,
        "The note",
        notes,
    );
    let flag = |name| values.text(name).is_some_and(|v| v == "1");
    let draft = FriendDraft {
        name,
        sort_as,
        numbers,
        note: (!note.is_empty()).then_some(note),
        speed_dial: values
            .text("X-KITH-KEY")
            .and_then(|key| key.parse().ok())
            .filter(|key| (2..=9).contains(key)),
        emergency: flag("X-KITH-EMERGENCY"),
        keep_off_phone: flag("X-KITH-KEEP-OFF-PHONE"),
        ..FriendDraft::default()
    };
    let mut groups: Vec<String> = Vec::new();
    for group in values
        .all("CATEGORIES")
        .flat_map(|l| l.list(values.charset))
    {
        let group = cut(
            one_line(&group),
            rules.name_graphemes,
            "A group's name",
            notes,
        );
        if !group.is_empty() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    Ok(Card::Friend {
        draft,
        uid: values.text("UID").map(|u| uid(&u)),
        groups,
    })
}

/// `urn:uuid:x` and `x` are the same card (Apple writes one here and the other there).
fn uid(written: &str) -> String {
    written.trim().trim_start_matches("urn:uuid:").to_owned()
}

/// A note keeps its lines and nothing else that cannot be seen.
fn printable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

fn cut(text: String, most: usize, what: &str, notes: &mut Vec<String>) -> String {
    use unicode_normalization::UnicodeNormalization;
    let text: String = text.nfc().collect();
    if text.graphemes(true).count() <= most {
        return text;
    }
    notes.push(format!(
        "{what} is longer than {most} characters and was cut: {text}"
    ));
    text.graphemes(true)
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The name of N's five components: family first and without spaces in Chinese, else as it is said.
fn full_name(n: &[String]) -> Option<String> {
    let part = |at: usize| n.get(at).map(String::as_str).filter(|p| !p.is_empty());
    let han = |text: &str| {
        text.chars()
            .any(|c| matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}'))
    };
    let chinese = [part(0), part(1)].into_iter().flatten().all(han) && n.iter().any(|p| han(p));
    let name = if chinese {
        [part(0), part(2), part(1)]
            .into_iter()
            .flatten()
            .collect::<String>()
    } else {
        [part(3), part(1), part(2), part(0), part(4)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    };
    (!name.is_empty()).then_some(name)
}

/// The numbers, preferred ones first; what an import cannot ask is kept as typed with a note.
fn numbers(
    values: &Values<'_>,
    region: &str,
    most: usize,
    notes: &mut Vec<String>,
) -> Vec<NumberDraft> {
    let mut found: Vec<(bool, NumberDraft)> = Vec::new();
    let mut seen = Vec::new();
    for line in values.all("TEL") {
        let written = one_line(&line.single(values.charset));
        let number = tel_uri(&written).unwrap_or(written);
        if number.is_empty() {
            continue;
        }
        let line_is = match understand(&number, region) {
            Ok(Understood::Clear(reading)) => {
                if reading.doubt.is_some() {
                    notes.push(format!(
                        "{number} has an odd length for a telephone number; it was kept as it is."
                    ));
                }
                (reading.normal.unwrap_or(reading.typed), reading.post_dial)
            }
            Ok(Understood::TwoReadings { a, b }) => {
                notes.push(format!(
                    "{number} can be read as {} or as {}; it was kept as it is.",
                    a.typed, b.typed
                ));
                (number.clone(), None)
            }
            Err(error) => {
                notes.push(format!("The number “{number}” was left out. {error}."));
                continue;
            }
        };
        if seen.contains(&line_is) {
            continue;
        }
        seen.push(line_is);
        let types = line.types();
        let has = |wanted: &[&str]| types.iter().any(|t| wanted.contains(&t.as_str()));
        let label = if has(&["cell", "mobile", "iphone"]) {
            Some(Label::Mobile)
        } else if has(&["home"]) {
            Some(Label::Home)
        } else if has(&["work"]) {
            Some(Label::Work)
        } else {
            has(&["fax", "pager", "other", "car"]).then_some(Label::Other)
        };
        let preferred = has(&["pref"]) || line.param("PREF").is_some_and(|p| p == "1");
        found.push((
            preferred,
            NumberDraft {
                number,
                label,
                keep: true,
                no: None,
            },
        ));
    }
    found.sort_by_key(|(preferred, _)| !preferred);
    if found.len() > most {
        notes.push(format!(
            "The card has {} numbers; the first {most} were taken.",
            found.len()
        ));
    }
    found
        .into_iter()
        .take(most)
        .map(|(_, number)| number)
        .collect()
}

/// `tel:+44-7700-900305;ext=102` (RFC 3966): the number, and its extension after a wait; other parameters are dropped.
fn tel_uri(written: &str) -> Option<String> {
    let scheme = written.get(..4)?;
    let rest = written
        .get(4..)
        .filter(|_| scheme.eq_ignore_ascii_case("tel:"))?
        .trim_start_matches("//");
    let mut parts = rest.split(';');
    let mut number = percent(parts.next()?);
    for part in parts {
        match part.split_once('=') {
            Some((name, ext)) if name.eq_ignore_ascii_case("ext") => {
                number.push(';');
                number.push_str(&percent(ext));
            }
            Some((name, context))
                if name.eq_ignore_ascii_case("phone-context")
                    && context.starts_with('+')
                    && !number.starts_with('+') =>
            {
                number.insert_str(0, context);
            }
            // What is no parameter of a tel URI is a wait with digits, as phones write it.
            None => {
                number.push(';');
                number.push_str(part);
            }
            _ => {}
        }
    }
    Some(number)
}

fn percent(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        rest = match (octet, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                octets.push((high * 16 + low) as u8);
                after.get(2..).unwrap_or_default()
            }
            _ => {
                octets.push(octet);
                after
            }
        };
    }
    String::from_utf8_lossy(&octets).into_owned()
}
