//! The card itself: vCard 2.1 as phones write it, and read back from the octets that were sent.

/// A vCard 2.1 with CRLF, quoted-printable UTF-8 where the name is not plain.
pub(crate) fn write(name: &str, numbers: &[String]) -> Vec<u8> {
    let mut card = String::from("BEGIN:VCARD\r\nVERSION:2.1\r\n");
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, ';' | '\\' | '=' | ':' | ',');
    if name.chars().all(plain) {
        card += &format!("N:{name};\r\n");
    } else {
        let quoted: String = name
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b == b' ' {
                    char::from(b).to_string()
                } else {
                    format!("={b:02X}")
                }
            })
            .collect();
        card += &format!("N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{quoted};\r\n");
    }
    for number in numbers {
        card += &format!("TEL;CELL:{number}\r\n");
    }
    card += "END:VCARD\r\n";
    card.into_bytes()
}

/// Name and numbers of a card that [`write`] made.
pub(crate) fn read(card: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(card);
    let (mut name, mut numbers) = (String::new(), Vec::new());
    for line in text.split("\r\n") {
        match line.split_once(':') {
            Some(("N", plain)) => name = plain.trim_end_matches(';').to_owned(),
            Some((key, quoted)) if key.starts_with("N;") => {
                name = unquote(quoted.trim_end_matches(';'))
            }
            Some((key, number)) if key.starts_with("TEL") => numbers.push(number.to_owned()),
            _ => {}
        }
    }
    (name, numbers)
}

fn unquote(quoted: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = quoted.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after
            .get(..2)
            .and_then(|pair| hex::decode(pair).ok())
            .filter(|_| *first == b'=');
        match pair.as_deref() {
            Some([octet]) => {
                octets.push(*octet);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}
