//! A compact command script in words (ETSI TS 102 226 §5.2.1.1, commands of TS 102 221 §11), for a person's eyes.

/// One line a command. Never fails: what cannot be read is shown as octets.
pub fn script_in_words(script: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = script;
    while let [_, ins, p1, p2, p3, after @ ..] = rest {
        let length = usize::from(*p3);
        // READ and GET RESPONSE carry no data: P3 is what they want back.
        let sends = !matches!(ins, 0xB0 | 0xB2 | 0xC0 | 0xF2);
        let Some((data, next)) = after.split_at_checked(if sends { length } else { 0 }) else {
            break;
        };
        words.push(match ins {
            0xA4 => select(*p1, data),
            0xDC => format!("UPDATE RECORD {}: {}", record(*p1, *p2), hex::encode(data)),
            0xB2 => format!("READ RECORD {}, {length} octets", record(*p1, *p2)),
            0xD6 => format!("UPDATE BINARY {}: {}", offset(*p1, *p2), hex::encode(data)),
            0xB0 => format!("READ BINARY {}, {length} octets", offset(*p1, *p2)),
            0xC0 => format!("GET RESPONSE, {length} octets"),
            0xF2 => format!("STATUS, {length} octets"),
            0xA2 => format!("SEARCH RECORD {}: {}", record(*p1, *p2), hex::encode(data)),
            0x32 => format!("INCREASE by {}", hex::encode(data)),
            0x04 => format!("DEACTIVATE FILE {}", hex::encode(data)),
            0x44 => format!("ACTIVATE FILE {}", hex::encode(data)),
            _ => format!("command {} {}", hex::encode(&rest[..5]), hex::encode(data))
                .trim_end()
                .to_owned(),
        });
        rest = next;
    }
    match rest {
        [] => {}
        [le] => words.push(format!(
            "Le {le:02x}: up to {} octets back",
            if *le == 0 { 256 } else { (*le).into() }
        )),
        rest => words.push(format!("not a whole command: {}", hex::encode(rest))),
    }
    words
}

fn select(p1: u8, data: &[u8]) -> String {
    let path = || {
        data.chunks(2)
            .map(hex::encode_upper)
            .collect::<Vec<_>>()
            .join("/")
    };
    match p1 {
        0x00 => format!("SELECT {}", path()),
        0x04 => format!("SELECT application {}", hex::encode_upper(data)),
        0x08 => format!("SELECT by path from the MF {}", path()),
        0x09 => format!("SELECT by path from the current DF {}", path()),
        _ => format!("SELECT (P1 {p1:02x}) {}", path()),
    }
}

/// P2 of a record command: b8–b4 the SFI, or 0 for the current file; b3–b1 the mode.
fn record(p1: u8, p2: u8) -> String {
    let file = match p2 >> 3 {
        0 => String::new(),
        sfi => format!(" of SFI {sfi}"),
    };
    match (p2 & 7, p1) {
        (4, 0) => format!("current record{file}"),
        (4, n) => format!("{n}{file}"),
        (2, _) => format!("next record{file}"),
        (3, _) => format!("previous record{file}"),
        (mode, n) => format!("{n} (mode {mode}){file}"),
    }
}

/// P1 P2 of a binary command: with b8 of P1 the SFI and an 8-bit offset, else a 15-bit offset.
fn offset(p1: u8, p2: u8) -> String {
    if p1 & 0x80 == 0 {
        format!("at {}", u16::from_be_bytes([p1, p2]))
    } else {
        format!("at {p2} of SFI {}", p1 & 0x1F)
    }
}
