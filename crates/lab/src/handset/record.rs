//! A record of EF_ADN as Android's own reader shows it, and as a phone writes what its owner types.
//!
//! After AOSP's AdnRecord, IccUtils.adnStringFieldToString and PhoneNumberUtils.calledPartyBCDToString; fields: TS 31.102 §4.4.2.3.

use super::alphabet;

/// Octets behind the name: length, TON/NPI, ten of digits, CCP, EXT1.
const FOOTER: usize = 14;

/// Name and number, as shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The name.
    pub name: String,
    /// The number.
    pub number: String,
}

/// What a phone shows of a record; `ext1` gives a record of EF_EXT1 by its number, `None` when it cannot be read.
#[must_use]
pub fn read(record: &[u8], ext1: impl Fn(u8) -> Option<Vec<u8>>) -> Shown {
    let Some((alpha, footer)) = record
        .len()
        .checked_sub(FOOTER)
        .and_then(|at| record.split_at_checked(at))
    else {
        return Shown::default();
    };
    Shown {
        name: name(alpha),
        number: number(footer, ext1),
    }
}

/// The alpha field (TS 102 221 annex A).
pub(super) fn name(field: &[u8]) -> String {
    let (base, count, text) = match field {
        [0x80, text @ ..] => {
            let mut units: Vec<u16> = text
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| u16::from_be_bytes(*pair))
                .collect();
            while units.last() == Some(&0xFFFF) {
                units.pop();
            }
            return String::from_utf16_lossy(&units);
        }
        [0x81, count, page, text @ ..] => (u16::from(*page) << 7, *count, text),
        [0x82, count, high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), *count, text),
        _ => return seven_bit(field),
    };
    let text = text.get(..count.into()).unwrap_or(text);
    let mut units: Vec<u16> = Vec::new();
    for run in text.chunk_by(|a, b| *a < 0x80 && *b < 0x80) {
        match run {
            [octet @ 0x80..=0xFF] => units.push(base.wrapping_add(u16::from(octet & 0x7F))),
            _ => units.extend(seven_bit(run).encode_utf16()),
        }
    }
    String::from_utf16_lossy(&units)
}

fn seven_bit(octets: &[u8]) -> String {
    let end = octets.iter().position(|octet| *octet == 0xFF);
    alphabet::read(
        octets
            .get(..end.unwrap_or(octets.len()))
            .unwrap_or_default(),
    )
}

fn number(footer: &[u8], ext1: impl Fn(u8) -> Option<Vec<u8>>) -> String {
    let &[length, ton, ref digits @ .., _ccp, pointer] = footer else {
        return String::new();
    };
    if length > 11 {
        return String::new();
    }
    let used = usize::from(length).saturating_sub(1);
    let mut number = with_plus(ton, half_octets(digits.get(..used).unwrap_or(digits)));
    if !matches!(pointer, 0x00 | 0xFF) {
        let Some(more) = ext1(pointer) else {
            return String::new();
        };
        // Additional data only, at most ten octets, and no chain is followed.
        if let [kind, used @ ..=10, digits @ ..] = &more[..]
            && kind & 3 == 2
            && more.len() == 13
        {
            let used = usize::from(*used);
            number.push_str(&half_octets(digits.get(..used).unwrap_or_default()));
        }
    }
    number
}

/// Half octets until the first F; an F in the very last half octet is filling.
fn half_octets(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet & 0x0F, octet >> 4])
        .map_while(|half| "0123456789*#,N;".chars().nth(half.into()))
        .collect()
}

/// Puts the plus of an international number in front, or before the inner number of a service code.
fn with_plus(ton: u8, digits: String) -> String {
    if ton & 0xF0 != 0x90 || digits.is_empty() {
        return digits;
    }
    let sign = ['*', '#'];
    let after_first = digits.get(1..).unwrap_or_default();
    if !digits.starts_with(sign) {
        return format!("+{digits}");
    }
    let inner = after_first.strip_suffix('#');
    if let Some(at) = inner.and_then(|inner| inner.rfind(sign)) {
        if at == 0 {
            return format!("{digits}+");
        }
        let (code, rest) = digits.split_at(at + 2);
        return format!("{code}+{rest}");
    }
    match after_first.rfind(sign) {
        Some(at) => {
            let (code, rest) = digits.split_at(at + 2);
            format!("{code}+{rest}")
        }
        None => format!("+{digits}"),
    }
}

/// The record of a name and a number as a phone writes them; both empty frees it.
///
/// # Errors
/// A name that does not fit, a number of more than 20 signs or with signs that a SIM does not take.
pub fn write(name: &str, number: &str, length: usize) -> Result<Vec<u8>, String> {
    let mut record = vec![0xFF; length];
    let room = length.saturating_sub(FOOTER);
    let coded = alphabet::write(name)
        .filter(|octets| octets.first() != Some(&0x80))
        .unwrap_or_else(|| {
            let units = name.encode_utf16().flat_map(u16::to_be_bytes);
            std::iter::once(0x80).chain(units).collect()
        });
    let (alpha, footer) = record.split_at_mut(room);
    alpha
        .get_mut(..coded.len())
        .ok_or_else(|| {
            format!(
                "“{name}” takes {} octets, the card has room for {room}: type a shorter name",
                coded.len()
            )
        })?
        .copy_from_slice(&coded);
    if number.is_empty() {
        return Ok(record);
    }
    let (ton, digits) = match number.strip_prefix('+') {
        Some(digits) => (0x91, digits),
        None => (0x81, number),
    };
    let halves: Vec<u8> = digits
        .chars()
        .map(|sign| "0123456789*#pN;".find(if sign == ',' { 'p' } else { sign }))
        .map(|at| at.map(|at| at as u8))
        .collect::<Option<_>>()
        .filter(|halves: &Vec<u8>| (1..=20).contains(&halves.len()))
        .ok_or_else(|| {
            format!("{number} cannot be on a SIM: type 1 to 20 of 0-9 * # p, with + in front only")
        })?;
    let octets = halves
        .chunks(2)
        .map(|pair| pair.first().unwrap_or(&0xF) | pair.get(1).unwrap_or(&0xF) << 4);
    let field = [1 + halves.len().div_ceil(2) as u8, ton]
        .into_iter()
        .chain(octets);
    for (place, octet) in footer.iter_mut().zip(field) {
        *place = octet;
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_phone_view() {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/vectors/phone_view.json")).unwrap();
        assert_eq!(rows.len(), 42);
        for row in rows {
            let record = hex::decode(row["record"].as_str().unwrap()).unwrap();
            let ext1 = row["ext1"].as_str().map(|ext1| hex::decode(ext1).unwrap());
            let shown = read(&record, |_| ext1.clone());
            assert_eq!(row["shown_name"], shown.name, "{}", row["description"]);
            assert_eq!(row["shown_number"], shown.number, "{}", row["description"]);
        }
    }

    #[test]
    fn what_is_typed_is_shown() {
        for (name, number) in [
            ("Mum", "+447700900123"),
            ("王医生", "13900001235"),
            ("5€ [x]", "*100#"),
            ("Bank", "0123456,7"),
            ("", "112"),
            ("No number", ""),
            ("", ""),
        ] {
            let record = write(name, number, 28).unwrap();
            let shown = read(&record, |_| None);
            assert_eq!((&*shown.name, &*shown.number), (name, number));
        }
        assert!(write("A name of fifteen", "1", 28).is_err());
        assert!(write("X", "123456789012345678901", 28).is_err());
        assert!(write("X", "07700 900123", 28).is_err());
    }
}
