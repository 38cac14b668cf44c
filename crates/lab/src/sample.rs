//! The handsets of a lab that nobody has given any, and the file that keeps them: `DIR/handsets.json`.
//! All numbers are from ranges kept for fiction, all keys are made up.

use std::path::Path;

use crate::{CardSpec, HandsetSpec, LabError};

const FILE: &str = "handsets.json";

/// Two handsets with cards and one that only takes messages.
#[must_use]
pub fn handsets() -> Vec<HandsetSpec> {
    let card = |kind: &str, n: u8| {
        Some(CardSpec {
            kind: kind.into(),
            iccid: format!("894477009000000000{n:02}"),
            kic: format!("{n:02x}").repeat(16),
            kid: format!("{:02x}", n ^ 0xA5).repeat(16),
        })
    };
    let handset = |msisdn: &str, name: &str, language: &str, card| HandsetSpec {
        msisdn: msisdn.into(),
        name: name.into(),
        language: language.into(),
        card,
    };
    vec![
        handset("+447700900101", "Mum", "en", card("sim-28x50", 1)),
        handset(
            "+8613900000102",
            "王奶奶",
            "zh-Hans",
            card("usim-28x100", 2),
        ),
        handset("+447700900103", "Uncle Joe", "en", None),
    ]
}

/// The handsets that a folder keeps; none when it has no such file.
///
/// # Errors
/// A file that cannot be read or is not a list of handsets.
pub fn read(dir: &Path) -> Result<Vec<HandsetSpec>, LabError> {
    let path = dir.join(FILE);
    let wrong = |reason: String| LabError::Handsets {
        path: path.clone(),
        reason,
    };
    match std::fs::read(&path) {
        Ok(octets) => serde_json::from_slice(&octets)
            .map_err(|error| wrong(format!("not a list of handsets ({error})"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(wrong(format!("cannot be read ({error})"))),
    }
}

/// Keeps the handsets in a folder: written whole, then renamed into place.
///
/// # Errors
/// A folder that cannot be made or written to.
pub fn write(dir: &Path, handsets: &[HandsetSpec]) -> Result<(), LabError> {
    let path = dir.join(FILE);
    let wrong = |reason: String| LabError::Handsets {
        path: path.clone(),
        reason,
    };
    let text = serde_json::to_vec_pretty(handsets).map_err(|error| wrong(error.to_string()))?;
    let new = dir.join("handsets.json.new");
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&new, text))
        .and_then(|()| std::fs::rename(&new, &path))
        .map_err(|error| wrong(format!("cannot be written ({error})")))
}
