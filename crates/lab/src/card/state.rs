//! What a card keeps when the power goes: its files and its counter, in one document.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{Content, Files};

/// The document: `card-ICCID.json`.
#[derive(Serialize, Deserialize)]
struct Document {
    /// The last counter that was accepted.
    counter: u64,
    /// Records in hex by path, such as `3F00/7F10/6F3A`; a transparent file is one row.
    files: BTreeMap<String, Vec<String>>,
}

/// Where a card's document stands.
#[must_use]
pub fn place(dir: &Path, iccid: &str) -> PathBuf {
    dir.join(format!("card-{iccid}.json"))
}

/// A path as a person writes it: `3F00/7F10/6F3A`.
#[must_use]
pub fn written(path: &[u16]) -> String {
    let ids: Vec<String> = path.iter().map(|id| format!("{id:04X}")).collect();
    ids.join("/")
}

/// The identifiers of a written path; `None` when one of them is not four hex digits.
#[must_use]
pub fn read_path(text: &str) -> Option<Vec<u16>> {
    text.split('/')
        .filter(|id| !id.is_empty())
        .map(|id| {
            let hex = id.len() == 4 && id.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u16::from_str_radix(id, 16).ok()).flatten()
        })
        .collect()
}

/// The rows of a file: its records, or all its octets in one.
#[must_use]
pub fn rows(content: &Content) -> Vec<String> {
    match content {
        Content::Directory => Vec::new(),
        Content::Transparent(octets) => vec![hex::encode(octets)],
        Content::Records(records) => records.iter().map(hex::encode).collect(),
    }
}

/// Writes the document whole, makes it durable, then puts it into place: the old one or the new one is there, never half.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, counter: u64, files: &Files) -> io::Result<()> {
    let document = Document {
        counter,
        files: files
            .contents()
            .map(|(path, content)| (written(path), rows(content)))
            .collect(),
    };
    let text = serde_json::to_vec(&document)?;
    let new = path.with_extension("json.new");
    let mut file = File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Reads a document into fresh files of the same kind and gives the counter; `None` when there is no document.
///
/// # Errors
/// A document that cannot be read, or that is of another kind of card.
pub fn read(path: &Path, files: &mut Files) -> Result<Option<u64>, String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read ({error})", path.display())),
    };
    let wrong = |what: &str| {
        format!(
            "{} is not the state of such a card ({what}): give the kind that it was made with, or remove the file to begin with an empty card",
            path.display()
        )
    };
    let document: Document =
        serde_json::from_slice(&text).map_err(|error| wrong(&error.to_string()))?;
    for (name, rows) in &document.files {
        let octets: Vec<Vec<u8>> = rows
            .iter()
            .map(hex::decode)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&error.to_string()))?;
        let file = read_path(name)
            .and_then(|path| files.get_mut(&path))
            .ok_or_else(|| wrong(&format!("it has no file {name}")))?;
        let lengths = |rows: &[Vec<u8>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
        match (&mut file.content, &octets[..]) {
            (Content::Records(records), _) if lengths(records) == lengths(&octets) => {
                *records = octets;
            }
            (Content::Transparent(held), [row]) if held.len() == row.len() => {
                held.clone_from(row);
            }
            _ => return Err(wrong(&format!("{name} has other lengths"))),
        }
    }
    Ok(Some(document.counter))
}
