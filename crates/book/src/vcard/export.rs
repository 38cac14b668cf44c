//! A book as a vCard file.

use crate::{Book, Friend, Label, Number, friend_id, group_id, order};

/// Which vCard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// RFC 2426: older phones. Groups are `CATEGORIES`.
    V3,
    /// RFC 6350: groups are `CATEGORIES` and `KIND:group` cards.
    #[default]
    V4,
}

/// The whole book by name, UTF-8, CRLF, lines of at most 75 octets.
pub fn export(book: &Book, version: Version) -> String {
    let mut file = Vcf(String::new());
    for friend in order::by_name(book) {
        file.friend(book, friend, version);
    }
    if version == Version::V4 {
        for group in book.groups.values() {
            file.begin(version);
            file.line("KIND", "group");
            file.line(
                "UID",
                &format!("urn:kith:{}", group_id(book.subscriber, group.no)),
            );
            file.line("FN", &escape(&group.name));
            for friend in book.members(group.no) {
                file.line(
                    "MEMBER",
                    &format!("urn:kith:{}", friend_id(book.subscriber, friend)),
                );
            }
            file.line("END", "VCARD");
        }
    }
    file.0
}

struct Vcf(String);

impl Vcf {
    fn begin(&mut self, version: Version) {
        self.line("BEGIN", "VCARD");
        self.line(
            "VERSION",
            if version == Version::V3 { "3.0" } else { "4.0" },
        );
    }

    fn friend(&mut self, book: &Book, friend: &Friend, version: Version) {
        self.begin(version);
        self.line(
            "UID",
            &format!("urn:kith:{}", friend_id(book.subscriber, friend.no)),
        );
        self.line("FN", &escape(&friend.name));
        let given = format!(";{};;;", escape(&friend.name));
        match (&friend.sort_as, version) {
            // A parameter's value knows no quote inside (RFC 6350 §3.3).
            (Some(sort_as), Version::V4) => self.line(
                &format!("N;SORT-AS=\"{}\"", sort_as.replace('"', "'")),
                &given,
            ),
            (Some(sort_as), Version::V3) => {
                self.line("N", &given);
                self.line("SORT-STRING", &escape(sort_as));
            }
            (None, _) => self.line("N", &given),
        }
        for number in &friend.numbers {
            let label = match number.label {
                Some(Label::Mobile) => ";TYPE=cell",
                Some(Label::Home) => ";TYPE=home",
                Some(Label::Work) => ";TYPE=work",
                Some(Label::Other) => ";TYPE=other",
                None => "",
            };
            self.line(&format!("TEL{label}"), &escape(&written(number)));
        }
        if let Some(note) = &friend.note {
            self.line("NOTE", &escape(note));
        }
        let groups = friend
            .groups
            .iter()
            .filter_map(|g| book.groups.get(g))
            .map(|g| escape(&g.name));
        let groups = groups.collect::<Vec<_>>().join(",");
        if !groups.is_empty() {
            self.line("CATEGORIES", &groups);
        }
        if let Some(key) = friend.speed_dial {
            self.line("X-KITH-KEY", &key.to_string());
        }
        if friend.emergency {
            self.line("X-KITH-EMERGENCY", "1");
        }
        if friend.keep_off_phone {
            self.line("X-KITH-KEEP-OFF-PHONE", "1");
        }
        self.line("END", "VCARD");
    }

    /// A line of at most 75 octets, folded between characters (RFC 6350 §3.2).
    fn line(&mut self, head: &str, value: &str) {
        let mut octets = 0;
        for c in head.chars().chain(":".chars()).chain(value.chars()) {
            if octets + c.len_utf8() > 75 {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(c);
            octets += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// The normal form, since a file travels between countries, and `,` `;` for a pause and a wait; a kept number as typed.
fn written(number: &Number) -> String {
    match &number.normal {
        Some(normal) => {
            format!(
                "{normal}{}",
                number
                    .post_dial
                    .as_deref()
                    .unwrap_or_default()
                    .replace('p', ",")
                    .replace('w', ";")
            )
        }
        None => number.typed.clone(),
    }
}

fn escape(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace("\r\n", "\n")
        .replace(['\n', '\r'], "\\n");
    text.replace(',', "\\,").replace(';', "\\;")
}
