//! Commands of remote file management in compact format (TS 102 226 §5.1, §5.2.1; TS 102 221 §11.1).

use super::files::{ADF, Content, Files, MF, Path};

/// What came of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Commands that were carried out, the failed one included.
    pub commands: u8,
    /// Status words of the last one.
    pub sw: u16,
    /// Its data.
    pub data: Vec<u8>,
}

/// Carries out a script from `start` on; stops at the first error.
pub fn run(files: &mut Files, start: Path, knows_sfi: bool, script: &[u8]) -> Outcome {
    let mut session = Session {
        files,
        directory: start,
        file: None,
        answer: Vec::new(),
        knows_sfi,
    };
    let mut rest = script;
    let mut outcome = Outcome {
        sw: 0x9000,
        ..Outcome::default()
    };
    while !rest.is_empty() {
        outcome.commands = outcome.commands.saturating_add(1);
        let (sw, data) = match session.next(&mut rest) {
            Ok(done) => done,
            Err(sw) => (sw, Vec::new()),
        };
        (outcome.sw, outcome.data) = (sw, data);
        if !matches!(sw >> 8, 0x90 | 0x61 | 0x9F | 0x62 | 0x63) {
            break;
        }
    }
    outcome
}

const WRONG_LENGTH: u16 = 0x6700;
const NOT_A_FILE_OF_THIS_KIND: u16 = 0x6981;
const SECURITY: u16 = 0x6982;
const NO_FILE_SELECTED: u16 = 0x6986;
const FILE_NOT_FOUND: u16 = 0x6A82;
const RECORD_NOT_FOUND: u16 = 0x6A83;
const WRONG_P1_P2: u16 = 0x6A86;
const OUT_OF_FILE: u16 = 0x6B00;

type Done = Result<(u16, Vec<u8>), u16>;

struct Session<'a> {
    files: &'a mut Files,
    directory: Path,
    file: Option<Path>,
    /// What GET RESPONSE gives.
    answer: Vec<u8>,
    knows_sfi: bool,
}

impl Session<'_> {
    /// Takes the next command off the script and carries it out.
    fn next(&mut self, rest: &mut &[u8]) -> Done {
        let [class, instruction, p1, p2, p3, after @ ..] = *rest else {
            *rest = &[];
            return Err(WRONG_LENGTH);
        };
        // Commands that bring data have its length in P3, the others the length that they want.
        let brings = matches!(instruction, 0xA4 | 0xDC | 0xD6);
        let length = if brings { usize::from(*p3) } else { 0 };
        let Some((data, after)) = after.split_at_checked(length) else {
            *rest = &[];
            return Err(WRONG_LENGTH);
        };
        *rest = after;
        if !matches!(class, 0x00 | 0x80 | 0xA0) {
            return Err(0x6E00);
        }
        match instruction {
            0xA4 => self.select(*p1, *p2, data),
            0xDC => self.update_record(*p1, *p2, data),
            0xB2 => self.read_record(*p1, *p2, *p3),
            0xD6 => self.update_binary(*p1, *p2, data),
            0xB0 => self.read_binary(*p1, *p2, *p3),
            0xC0 => self.get_response(*p3),
            _ => Err(0x6D00),
        }
    }

    /// SELECT (§11.1.1) by identifier, by path from the MF (P1 08) or from the current directory (P1 09).
    fn select(&mut self, p1: u8, p2: u8, data: &[u8]) -> Done {
        if !data.len().is_multiple_of(2) || data.is_empty() {
            return Err(WRONG_LENGTH);
        }
        let ids: Path = data
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| u16::from_be_bytes(*pair))
            .collect();
        let found = match p1 {
            0x00 => match ids[..] {
                [id] => self.by_identifier(id),
                _ => return Err(WRONG_LENGTH),
            },
            0x08 => {
                let path = match ids[..] {
                    [MF, ..] => ids,
                    _ => [&[MF], &ids[..]].concat(),
                };
                self.existing(path)
            }
            0x09 => self.existing([&self.directory[..], &ids].concat()),
            _ => return Err(WRONG_P1_P2),
        };
        let path = found.ok_or(FILE_NOT_FOUND)?;
        self.answer = self.control_parameters(&path);
        let is_directory = self
            .files
            .get(&path)
            .is_some_and(|file| file.content == Content::Directory);
        if is_directory {
            (self.directory, self.file) = (path, None);
        } else {
            let parent = path.len().saturating_sub(1);
            self.directory = path.get(..parent).unwrap_or_default().to_vec();
            self.file = Some(path);
        }
        match p2 & 0x0C {
            0x0C => Ok((0x9000, Vec::new())),
            _ => Ok((0x6100 | self.answer.len() as u16, Vec::new())),
        }
    }

    fn existing(&self, path: Path) -> Option<Path> {
        self.files.get(&path).map(|_| path)
    }

    /// A child, the directory itself, its parent, or a directory beside it (§8.4.2).
    fn by_identifier(&self, id: u16) -> Option<Path> {
        if id == MF {
            return Some(vec![MF]);
        }
        if id == ADF {
            return self.existing(vec![MF, ADF]);
        }
        let here = &self.directory;
        if let Some(child) = self.existing([&here[..], &[id]].concat()) {
            return Some(child);
        }
        if here.last() == Some(&id) {
            return Some(here.clone());
        }
        let parent = here.get(..here.len().saturating_sub(1))?;
        if parent.last() == Some(&id) {
            return Some(parent.to_vec());
        }
        let beside = self.existing([parent, &[id]].concat())?;
        let is_directory = self.files.get(&beside)?.content == Content::Directory;
        is_directory.then_some(beside)
    }

    /// The FCP template (§11.1.1.3): descriptor, identifier, short identifier.
    fn control_parameters(&self, path: &[u16]) -> Vec<u8> {
        let Some(file) = self.files.get(path) else {
            return Vec::new();
        };
        let mut inside = match &file.content {
            Content::Directory => vec![0x82, 2, 0x78, 0x21],
            Content::Transparent(octets) => {
                let mut inside = vec![0x82, 2, 0x41, 0x21, 0x80, 2];
                inside.extend((octets.len() as u16).to_be_bytes());
                inside
            }
            Content::Records(records) => {
                let length = records.first().map_or(0, Vec::len) as u16;
                let [high, low] = length.to_be_bytes();
                vec![0x82, 5, 0x42, 0x21, high, low, records.len() as u8]
            }
        };
        let [high, low] = path.last().copied().unwrap_or(MF).to_be_bytes();
        inside.extend([0x83, 2, high, low]);
        if let Some(sfi) = file.sfi {
            inside.extend([0x88, 1, sfi << 3]);
        }
        [vec![0x62, inside.len() as u8], inside].concat()
    }

    /// Makes the file that P2 names by a short identifier the current one; 0 means the current one.
    fn named(&mut self, sfi: u8) -> Result<Path, u16> {
        if sfi != 0 {
            let found = self.files.by_sfi(&self.directory, sfi);
            self.file = Some(found.filter(|_| self.knows_sfi).ok_or(FILE_NOT_FOUND)?);
        }
        self.file.clone().ok_or(NO_FILE_SELECTED)
    }

    fn record(&mut self, p1: u8, p2: u8, writing: bool) -> Result<&mut Vec<u8>, u16> {
        let path = self.named(p2 >> 3)?;
        // Absolute mode only: NEXT and PREVIOUS are not safe to repeat.
        if p2 & 7 != 4 {
            return Err(WRONG_P1_P2);
        }
        let file = self.files.get_mut(&path).ok_or(FILE_NOT_FOUND)?;
        let Content::Records(records) = &mut file.content else {
            return Err(NOT_A_FILE_OF_THIS_KIND);
        };
        if writing && !file.writable {
            return Err(SECURITY);
        }
        usize::from(p1)
            .checked_sub(1)
            .and_then(|at| records.get_mut(at))
            .ok_or(RECORD_NOT_FOUND)
    }

    /// UPDATE RECORD (§11.1.6).
    fn update_record(&mut self, p1: u8, p2: u8, data: &[u8]) -> Done {
        let record = self.record(p1, p2, true)?;
        if record.len() != data.len() {
            return Err(WRONG_LENGTH);
        }
        record.copy_from_slice(data);
        Ok((0x9000, Vec::new()))
    }

    /// READ RECORD (§11.1.5); 00 asks for the whole record.
    fn read_record(&mut self, p1: u8, p2: u8, wanted: u8) -> Done {
        let record = self.record(p1, p2, false)?;
        match usize::from(wanted) {
            wanted if wanted == 0 || wanted == record.len() => Ok((0x9000, record.clone())),
            _ => Err(0x6C00 | record.len() as u16),
        }
    }

    /// The octets of a transparent file, and where in them to begin.
    fn binary(&mut self, p1: u8, p2: u8, writing: bool) -> Result<(&mut Vec<u8>, usize), u16> {
        let (sfi, offset) = match p1 & 0x80 {
            0 => (0, usize::from(u16::from_be_bytes([p1, p2]))),
            _ => (p1 & 0x1F, usize::from(p2)),
        };
        let path = self.named(sfi)?;
        let file = self.files.get_mut(&path).ok_or(FILE_NOT_FOUND)?;
        let Content::Transparent(octets) = &mut file.content else {
            return Err(NOT_A_FILE_OF_THIS_KIND);
        };
        match (writing && !file.writable, offset > octets.len()) {
            (true, _) => Err(SECURITY),
            (_, true) => Err(OUT_OF_FILE),
            _ => Ok((octets, offset)),
        }
    }

    /// UPDATE BINARY (§11.1.4).
    fn update_binary(&mut self, p1: u8, p2: u8, data: &[u8]) -> Done {
        let (octets, offset) = self.binary(p1, p2, true)?;
        octets
            .get_mut(offset..offset + data.len())
            .ok_or(WRONG_LENGTH)?
            .copy_from_slice(data);
        Ok((0x9000, Vec::new()))
    }

    /// READ BINARY (§11.1.3); 00 asks for all that is left.
    fn read_binary(&mut self, p1: u8, p2: u8, wanted: u8) -> Done {
        let (octets, offset) = self.binary(p1, p2, false)?;
        let left = octets.get(offset..).unwrap_or_default();
        let wanted = match wanted {
            0 => left.len().min(256),
            wanted => wanted.into(),
        };
        match left.get(..wanted) {
            Some(data) => Ok((0x9000, data.to_vec())),
            None => Err(0x6C00 | left.len() as u16 & 0xFF),
        }
    }

    fn get_response(&mut self, wanted: u8) -> Done {
        let answer = std::mem::take(&mut self.answer);
        let length = match wanted {
            0 => answer.len(),
            wanted => wanted.into(),
        };
        match answer.get(..length) {
            Some(data) => Ok((0x9000, data.to_vec())),
            None => Err(WRONG_LENGTH),
        }
    }
}
