//! The one place that knows rlibphonenumber.

use super::understand::Kind;
use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region,
};

/// How long a number is for its country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Full,
    Short,
    Long,
}

/// What the numbering plan says of one number.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub e164: String,
    pub valid: bool,
    pub length: Length,
    pub kind: Kind,
    pub region: Option<String>,
    number: PhoneNumber,
}

/// Why a number could not be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    Short,
    Long,
    NoCountry,
}

fn region_from(code: &str) -> Option<Region> {
    Region::from_code(&code.to_ascii_uppercase()).ok()
}

/// Reads digits (with `+` or not) as a person in `region` dials them.
pub fn parse(digits: &str, region: &str) -> Result<Parsed, Unread> {
    use rlibphonenumber::ParseError as E;
    match PHONE_NUMBER_UTIL.parse(digits, region_from(region)) {
        Ok(number) => Ok(judge(number)),
        Err(E::TooLongNsn) => Err(Unread::Long),
        Err(E::InvalidCountryCode) => Err(Unread::NoCountry),
        Err(_) => Err(Unread::Short),
    }
}

/// Reads digits as a national number of `region`, whatever they begin with.
pub fn parse_national(digits: &str, region: &str) -> Option<Parsed> {
    let number = PhoneNumber {
        country_code: country_code(region)?,
        national_number: digits.parse().ok()?,
        ..PhoneNumber::default()
    };
    Some(judge(number))
}

/// The calling code of a region.
pub fn country_code(region: &str) -> Option<i32> {
    PHONE_NUMBER_UTIL.get_country_code_for_region(region_from(region)?)
}

fn judge(number: PhoneNumber) -> Parsed {
    let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
    let drama = drama(&e164);
    let region = match drama {
        Some(_) => Some("GB".to_owned()),
        None => number
            .get_region_code()
            .map(|r| r.as_region_str().to_string()),
    };
    let valid = number.is_valid() || drama.is_some();
    // A zero that was not taken off, in a number that is not valid: cut short (0770 090).
    let zero_left = !valid && number.italian_leading_zero.unwrap_or(false);
    let length = match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) if !zero_left => Length::Full,
        Err(rlibphonenumber::ValidationError::TooLong) => Length::Long,
        _ => Length::Short,
    };
    let kind = drama.unwrap_or_else(|| match number.get_type() {
        PhoneNumberType::Mobile => Kind::Mobile,
        PhoneNumberType::FixedLine => Kind::Fixed,
        PhoneNumberType::FixedLineOrMobile => Kind::FixedOrMobile,
        PhoneNumberType::TollFree => Kind::Free,
        PhoneNumberType::PremiumRate => Kind::Premium,
        PhoneNumberType::Unknown => Kind::Unknown,
        _ => Kind::Special,
    });
    Parsed {
        valid,
        e164,
        length,
        kind,
        region,
        number,
    }
}

fn main_region(number: &PhoneNumber) -> Option<Region> {
    PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code)
}

/// Ofcom keeps these for drama and for tests; the plan's data calls them invalid.
fn drama(e164: &str) -> Option<Kind> {
    if e164.len() != 13 {
        None
    } else if e164.starts_with("+447700900") {
        Some(Kind::Mobile)
    } else if e164.starts_with("+441632960") {
        Some(Kind::Fixed)
    } else {
        None
    }
}

/// The region of a full number `+…` (a subscriber's region by default is her msisdn's), or `None` if no plan knows it.
pub fn region_of(number: &str) -> Option<String> {
    let parsed = parse(number, "ZZ").ok()?;
    parsed
        .region
        .or_else(|| Some(main_region(&parsed.number)?.as_region_str().to_string()))
}

/// A normal form as dialled inside `region`, digits only; `None` when it belongs to another country.
pub fn national(normal: &str, region: &str) -> Option<String> {
    let parsed = parse(normal, "ZZ").ok()?;
    if country_code(region) != Some(parsed.number.country_code) {
        return None;
    }
    let shown = parsed.number.format_as(PhoneNumberFormat::National);
    Some(shown.chars().filter(char::is_ascii_digit).collect())
}

/// A normal form grouped for the eye: as inside `region`, or with `+` for another country.
pub fn grouped(normal: &str, region: &str) -> Option<String> {
    let parsed = parse(normal, "ZZ").ok()?;
    let inside = country_code(region) == Some(parsed.number.country_code);
    let format = if inside {
        PhoneNumberFormat::National
    } else {
        PhoneNumberFormat::International
    };
    Some(parsed.number.format_as(format).into_owned())
}

/// Loads the plans' data, so that the first number typed is as quick as the next.
pub fn warm() {
    let _ = parse("+442079460000", "GB");
}
