//! One content line: `group.NAME;PARAM=value;BARE:value` (RFC 6350 §3.3; bare parameters of vCard 2.1).

use encoding_rs::Encoding;
use std::borrow::Cow;

/// A line with its transfer encoding undone and its charset not yet.
#[derive(Debug)]
pub(super) struct Line {
    /// In upper case, without group.
    pub name: String,
    /// Names in upper case; a bare parameter is a `TYPE`.
    params: Vec<(String, String)>,
    pub value: Vec<u8>,
}

impl Line {
    /// The values of a parameter, lists taken apart, in lower case.
    pub fn types(&self) -> Vec<String> {
        let of = self.params.iter().filter(|(name, _)| name == "TYPE");
        of.flat_map(|(_, v)| v.split(','))
            .map(|v| v.trim().to_ascii_lowercase())
            .collect()
    }

    /// A parameter as written.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The value as text: its own charset, else UTF-8 if it is, else the file's.
    pub fn text(&self, charset: &'static Encoding) -> String {
        let named = self
            .param("CHARSET")
            .and_then(|label| Encoding::for_label(label.as_bytes()));
        let named =
            named.and_then(|e| e.decode_without_bom_handling_and_without_replacement(&self.value));
        let text: Cow<'_, str> =
            match named.map_or_else(|| std::str::from_utf8(&self.value).map(Cow::Borrowed), Ok) {
                Ok(text) => text,
                Err(_) => charset.decode_without_bom_handling(&self.value).0,
            };
        text.into_owned()
    }

    /// The value's components between `;`, unescaped.
    pub fn components(&self, charset: &'static Encoding) -> Vec<String> {
        split(&self.text(charset), ';')
    }

    /// The value's list between `,`, unescaped.
    pub fn list(&self, charset: &'static Encoding) -> Vec<String> {
        split(&self.text(charset), ',')
    }

    /// The whole value, unescaped.
    pub fn single(&self, charset: &'static Encoding) -> String {
        split(&self.text(charset), '\0').concat()
    }
}

/// Parts between unescaped separators; `\n` is a line break, `\` before another sign is dropped (RFC 6350 §3.4).
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => '\n',
                Some(other) => other,
                None => '\\',
            },
            c if c == separator => {
                parts.push(String::new());
                continue;
            }
            c => c,
        };
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// Where a line's value begins: behind the first colon outside of quotes.
fn colon(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let outside = line.iter().position(|b| {
        quoted ^= *b == b'"';
        *b == b':' && !quoted
    });
    // A quote that is never closed hides nothing.
    outside.or_else(|| line.iter().position(|b| *b == b':'))
}

pub(super) fn is_quoted_printable(line: &[u8]) -> bool {
    colon(line)
        .and_then(|at| line.get(..at))
        .is_some_and(|head| {
            head.to_ascii_uppercase()
                .windows(16)
                .any(|w| w == b"QUOTED-PRINTABLE")
        })
}

/// Reads an unfolded line; `None` without a colon.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    let (head, value) = line.split_at_checked(colon(line)?)?;
    let value = value.get(1..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut quoted = false;
    let mut parts = head.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let name = parts.next().unwrap_or_default().trim();
    let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
    let params: Vec<(String, String)> = parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) => (
                name.trim().to_ascii_uppercase(),
                value.trim().replace('"', ""),
            ),
            None => match part.trim().to_ascii_uppercase().as_str() {
                bare @ ("QUOTED-PRINTABLE" | "BASE64" | "8BIT" | "7BIT" | "B") => {
                    ("ENCODING".into(), bare.into())
                }
                bare => ("TYPE".into(), bare.to_ascii_lowercase()),
            },
        })
        .collect();
    let encoding = params.iter().find(|(name, _)| name == "ENCODING");
    let value = match encoding {
        Some((_, how)) if how.eq_ignore_ascii_case("QUOTED-PRINTABLE") => unquote(value),
        _ => value.to_vec(),
    };
    Some(Line {
        name,
        params,
        value,
    })
}

/// Undoes quoted-printable (RFC 2045 §6.7); what is no `=XX` stays.
fn unquote(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&octet, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        rest = match (octet, hex(0), hex(1)) {
            (b'=', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                after.get(2..).unwrap_or_default()
            }
            _ => {
                plain.push(octet);
                after
            }
        };
    }
    plain
}
