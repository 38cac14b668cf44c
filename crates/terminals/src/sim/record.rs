//! One entry as a SIM holds it: an EF_ADN record and, for a long number, an EF_EXT1 record (3GPP TS 31.102 §4.4.2.3–4).

use crate::{CardProfile, TerminalProfile, Wanted};
use unicode_segmentation::UnicodeSegmentation;
use wire::uicc::{self, Adn, AdnError, BadNumber, DialString, alpha};

/// An entry's octets before it has an EF_EXT1 record of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The EF_ADN record; its last octet (the EF_EXT1 record) is FF.
    pub adn: Vec<u8>,
    /// The EF_EXT1 record, when the number goes on there.
    pub ext1: Option<Vec<u8>>,
    /// As the phone will show it.
    pub name: String,
    /// As the phone will show it.
    pub number: String,
    /// The name was cut.
    pub cut: bool,
}

/// Encodes `wanted` for this card, or says why its number cannot be written (never bent: CASES C22).
pub(crate) fn encode(
    card: &CardProfile,
    terminal: &TerminalProfile,
    wanted: &Wanted,
) -> Result<Record, String> {
    let number: DialString = wanted
        .dial
        .parse()
        .map_err(|error: BadNumber| error.to_string())?;
    let room = usize::from(card.record_length).saturating_sub(14);
    let (name, cut) = fit(wanted, room, terminal.name_characters);
    let adn = Adn {
        name,
        number: Some(number),
    };
    // Which record of EF_EXT1 it points to is the plan's to say; here it only has to fit.
    let any = card.ext1_id().map(|_| 1);
    let encoded = match adn.encode(card.record_length.into(), any) {
        Ok(encoded) => encoded,
        Err(AdnError::NeedsExt1 { number, digits }) => {
            return Err(format!(
                "“{number}” has {digits} digits; this card holds 20."
            ));
        }
        Err(error) => return Err(error.to_string()),
    };
    let mut octets = encoded.record;
    if let Some(pointer) = octets.last_mut() {
        *pointer = 0xFF;
    }
    Ok(Record {
        adn: octets,
        ext1: encoded.ext1.map(Vec::from),
        name: encoded.shown_name,
        number: encoded.shown_number,
        cut,
    })
}

/// The name cut, whole graphemes before its suffix, until it fits; and whether it was.
fn fit(wanted: &Wanted, room: usize, most: Option<u16>) -> (String, bool) {
    let whole = alpha::normalised(&wanted.name);
    let fits = |name: &str| {
        alpha::shortest(name).len() <= room
            && most.is_none_or(|most| name.graphemes(true).count() <= most.into())
    };
    if fits(&whole) {
        return (whole, false);
    }
    let before = whole.chars().count().saturating_sub(wanted.suffix);
    let suffix: String = whole.chars().skip(before).collect();
    let name: String = whole.chars().take(before).collect();
    let mut graphemes: Vec<&str> = name.graphemes(true).collect();
    let mut shown = whole.clone();
    while !fits(&shown) && graphemes.pop().is_some() {
        shown = format!("{}{suffix}", graphemes.concat().trim_end());
    }
    if !fits(&shown) {
        shown.clear();
    }
    let cut = shown != whole;
    (shown, cut)
}

/// Name and number of a record as the phone shows it.
pub(crate) fn shown_of(content: &[u8], ext1: Option<&[u8]>) -> (String, String) {
    let view = uicc::shown(content, ext1);
    (view.shown_name, view.shown_number)
}
