//! From octets to cards of unfolded lines.

use super::content::{self, Line};
use encoding_rs::Encoding;
use std::borrow::Cow;

/// A card's lines, still octets inside.
pub(super) struct RawCard {
    /// The line of its BEGIN, from 1.
    pub line: usize,
    pub lines: Vec<Line>,
    pub notes: Vec<String>,
    /// There was an END.
    pub whole: bool,
}

/// A file cut into cards.
pub(super) struct File {
    pub cards: Vec<RawCard>,
    pub notes: Vec<String>,
    /// The charset of values that name none and are not UTF-8.
    pub charset: &'static Encoding,
}

pub(super) fn read(file: &[u8], region: &str) -> File {
    let file = without_bom(file);
    let mut cards: Vec<RawCard> = Vec::new();
    let mut notes = Vec::new();
    let mut open: Option<RawCard> = None;
    // An AGENT of vCard 2.1 holds a whole card; it is not one of the book.
    let mut inner = 0usize;
    for (number, line) in unfold(&file) {
        let word: String = String::from_utf8_lossy(&line)
            .trim()
            .to_ascii_uppercase()
            .split_whitespace()
            .collect();
        match (&mut open, word.as_str()) {
            (Some(card), "BEGIN:VCARD")
                if card.lines.last().is_some_and(|l| l.name == "AGENT") || inner > 0 =>
            {
                inner += 1
            }
            (_, "END:VCARD") if inner > 0 => inner -= 1,
            (_, "BEGIN:VCARD") => {
                let next = RawCard {
                    line: number,
                    lines: Vec::new(),
                    notes: Vec::new(),
                    whole: false,
                };
                if let Some(mut card) = open.replace(next) {
                    card.notes.push(format!(
                        "The card has no END:VCARD before line {number}; it was taken as it stands."
                    ));
                    card.whole = true;
                    cards.push(card);
                }
            }
            (_, "END:VCARD") => match open.take() {
                Some(card) => cards.push(RawCard {
                    whole: true,
                    ..card
                }),
                None => notes.push(format!(
                    "Line {number}: END:VCARD without a card; it was left out."
                )),
            },
            (_, "") => {}
            (None, _) => notes.push(format!(
                "Line {number} is outside of any card and was left out: {}",
                String::from_utf8_lossy(&line)
                    .chars()
                    .take(40)
                    .collect::<String>()
            )),
            (Some(_), _) if inner > 0 => {}
            (Some(card), _) => match content::parse(&line) {
                Some(line) => card.lines.push(line),
                None => card
                    .notes
                    .push(format!("Line {number} has no colon and was left out.")),
            },
        }
    }
    cards.extend(open);
    let charset = guess(&cards, region);
    File {
        cards,
        notes,
        charset,
    }
}

/// UTF-16 with a mark becomes UTF-8; a mark of UTF-8 goes.
fn without_bom(file: &[u8]) -> Cow<'_, [u8]> {
    match Encoding::for_bom(file) {
        Some((encoding, mark)) if encoding == encoding_rs::UTF_8 => {
            Cow::Borrowed(file.get(mark..).unwrap_or_default())
        }
        Some((encoding, _)) => Cow::Owned(encoding.decode(file).0.into_owned().into_bytes()),
        None => Cow::Borrowed(file),
    }
}

/// Logical lines with the number of their first physical one: folds (RFC 6350 §3.2) and soft breaks of
/// quoted-printable (RFC 2045 §6.7 rule 5) joined, on octets. CRLF, LF and CR end a line.
fn unfold(file: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut logical: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut soft = false;
    let mut rest = file;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let end = rest
            .iter()
            .position(|b| matches!(b, b'\r' | b'\n'))
            .unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after
            .strip_prefix(b"\r\n")
            .or_else(|| after.get(1..))
            .unwrap_or_default();
        // BEGIN and END are never part of another line, however they are set.
        let fold = matches!(line.first(), Some(b' ' | b'\t')) && !is_edge(line);
        match logical.last_mut() {
            Some((_, last)) if soft => last.extend_from_slice(line),
            Some((_, last)) if fold && !is_edge(last) => {
                last.extend_from_slice(line.get(1..).unwrap_or_default())
            }
            _ => logical.push((number, line.to_vec())),
        }
        soft = false;
        if let Some((_, last)) = logical.last_mut()
            && last.last() == Some(&b'=')
            && content::is_quoted_printable(last)
        {
            last.pop();
            soft = true;
        }
    }
    logical
}

fn is_edge(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.eq_ignore_ascii_case(b"BEGIN:VCARD") || line.eq_ignore_ascii_case(b"END:VCARD")
}

/// The charset of what is neither named nor UTF-8, from all of it together; the subscriber's country is the hint.
fn guess(cards: &[RawCard], region: &str) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    for line in cards
        .iter()
        .flat_map(|c| &c.lines)
        .filter(|l| std::str::from_utf8(&l.value).is_err())
    {
        detector.feed(&line.value, false);
        detector.feed(b"\n", false);
    }
    detector.feed(b"", true);
    let hint = if region.eq_ignore_ascii_case("GB") {
        "uk".to_owned()
    } else {
        region.to_ascii_lowercase()
    };
    let hint =
        Some(hint.as_bytes()).filter(|h| !h.is_empty() && h.iter().all(u8::is_ascii_lowercase));
    detector.guess(hint, chardetng::Utf8Detection::Allow)
}
