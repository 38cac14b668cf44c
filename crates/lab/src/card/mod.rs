//! A UICC in software, written from the card's side: files, secured packets, counters, proofs of receipt.
//!
//! It shares no code with the sender, so that a misreading of a standard on one side does not hide on the other.

mod files;
pub mod header;
mod keys;
mod kind;
mod memory;
mod packet;
mod script;
mod state;

use std::path::{Path, PathBuf};

pub use files::Content;
use files::{ADF, Files, MF};
use header::{Joining, UserData};
use keys::Key;
pub use kind::{Algorithm, CardKind, CounterRule, Layout, Overflow};
pub use memory::Memory;
use packet::{Command, Keys, Status};
pub use state::{read_path, written};

/// The counter's last value: five octets (TS 102 225 §5.1.4).
const LAST_COUNTER: u64 = 0xFF_FFFF_FFFF;

/// What a card answers to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether the card took the message; else the network reports an error, and nothing more is known.
    pub taken: bool,
    /// Proof of receipt as user data with its header, a row a message; empty when there is none.
    pub por: Vec<Vec<u8>>,
    /// The proof goes as a message of its own (SMS-SUBMIT); else in the delivery report.
    pub by_submit: bool,
}

/// A card.
pub struct Card {
    kind: CardKind,
    iccid: String,
    keys: Keys,
    files: Files,
    counter: u64,
    joining: Joining,
    reference: u8,
    place: Option<PathBuf>,
}

impl Card {
    /// A fresh card that forgets everything at the end. Keys are octets.
    ///
    /// # Errors
    /// An ICCID that is not 18 to 20 digits, keys that the kind's algorithm does not take.
    pub fn new(kind: CardKind, iccid: &str, kic: &[u8], kid: &[u8]) -> Result<Self, String> {
        let digits = iccid.bytes().all(|b| b.is_ascii_digit());
        if !digits || !(18..=20).contains(&iccid.len()) {
            return Err(format!("{iccid} is no ICCID: give 18 to 20 digits"));
        }
        if kind.record_length < 14 || kind.records == 0 || kind.records == 255 {
            return Err(
                "a card has 1 to 254 entries of at least 14 octets: correct its kind".into(),
            );
        }
        let key = |octets, which| {
            Key::new(octets, kind.algorithm).map_err(|why| format!("{which} of {iccid}: {why}"))
        };
        Ok(Self {
            iccid: iccid.to_owned(),
            keys: Keys {
                kic: key(kic, "KIc")?,
                kid: key(kid, "KID")?,
            },
            files: Files::of(&kind, iccid),
            counter: 0,
            joining: Joining::new(kind.max_parts.into()),
            reference: 0,
            place: None,
            kind,
        })
    }

    /// The card as a folder keeps it (`card-ICCID.json`); a fresh one when it is not there.
    ///
    /// # Errors
    /// As [`Card::new`]; a state that cannot be read or is of another kind; a folder that cannot be written.
    pub fn open(
        dir: &Path,
        kind: CardKind,
        iccid: &str,
        kic: &[u8],
        kid: &[u8],
    ) -> Result<Self, String> {
        let mut card = Self::new(kind, iccid, kic, kid)?;
        let place = state::place(dir, iccid);
        match state::read(&place, &mut card.files)? {
            Some(counter) => card.counter = counter,
            None => std::fs::create_dir_all(dir)
                .and_then(|()| state::write(&place, 0, &card.files))
                .map_err(|error| format!("{} cannot be written ({error})", place.display()))?,
        }
        card.place = Some(place);
        Ok(card)
    }

    /// Its serial number.
    #[must_use]
    pub fn iccid(&self) -> &str {
        &self.iccid
    }

    /// What it is made as.
    #[must_use]
    pub fn kind(&self) -> &CardKind {
        &self.kind
    }

    /// The last counter that it accepted.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// What a file holds, by the identifiers from the MF (3F00) down.
    #[must_use]
    pub fn file(&self, path: &[u16]) -> Option<&Content> {
        self.files.get(path).map(|file| &file.content)
    }

    /// The rows of a file in hex, by its written path such as `3F00/7F10/6F3A`; `None` for no such elementary file.
    #[must_use]
    pub fn file_rows(&self, path: &str) -> Option<Vec<String>> {
        match self.file(&read_path(path)?)? {
            Content::Directory => None,
            content => Some(state::rows(content)),
        }
    }

    /// Writes records, as the phone does when its owner types: all of them or none. Each is path, number from 1, octets.
    ///
    /// # Errors
    /// No such record, octets of another length, or a state that cannot be written.
    pub fn write_records(&mut self, writes: &[(Vec<u16>, usize, Vec<u8>)]) -> Result<(), String> {
        let mut files = self.files.clone();
        for (path, number, octets) in writes {
            let record = match files.get_mut(path).map(|file| &mut file.content) {
                Some(Content::Records(records)) => number
                    .checked_sub(1)
                    .and_then(|at| records.get_mut(at))
                    .filter(|record| record.len() == octets.len()),
                _ => None,
            };
            record
                .ok_or_else(|| format!("the card has no record {number} in {}", written(path)))?
                .clone_from(octets);
        }
        self.keep(files, self.counter)
    }

    /// The power goes: parts of commands that are not whole are lost.
    pub fn power_off(&mut self) {
        self.joining = Joining::new(self.kind.max_parts.into());
    }

    /// Takes the user data of a message that the phone passes on (SMS-PP download), header included.
    ///
    /// Files and counter are on disk before the answer is given.
    pub fn receive(&mut self, from: &str, user_data: &[u8]) -> Answer {
        let refused = Answer::default();
        let Some(data) = UserData::read(user_data) else {
            return refused;
        };
        if let Some(part) = data.part
            && part.total > self.kind.max_parts
        {
            return self.too_long(&data);
        }
        let Some(parts) = self.joining.take(from, data) else {
            return Answer {
                taken: true,
                ..refused
            };
        };
        if !parts.first().is_some_and(|first| first.is_command) {
            return refused;
        }
        let packet: Vec<u8> = parts.into_iter().flat_map(|part| part.body).collect();
        match Command::read(&packet) {
            Some(command) => self.carry_out(&command),
            None => refused,
        }
    }

    /// A command of more parts than the buffer: it is lost, whatever comes of the rest.
    fn too_long(&mut self, data: &UserData) -> Answer {
        let silent = Answer {
            taken: true,
            ..Answer::default()
        };
        let first = data.is_command && data.part.is_some_and(|part| part.number == 1);
        if !first || self.kind.overflow == Overflow::Silence {
            return silent;
        }
        match Command::read_head(&data.body) {
            Some(command) => {
                let counter = command.first_counter(&self.keys);
                self.answer(&command, counter, Status::NoMemory, None)
            }
            None => silent,
        }
    }

    fn carry_out(&mut self, command: &Command) -> Answer {
        let (counter, opened) = command.open(&self.keys);
        let accepted = self
            .admits(command)
            .and(opened)
            .and_then(|script| Ok((self.next_counter(command, counter)?, script)));
        match accepted {
            Err(_) if self.kind.silent_on_security_error => Answer::default(),
            Err(status) => self.answer(command, counter, status, None),
            Ok((next, script)) => {
                let mut files = self.files.clone();
                let start = match self.kind.starts_in_usim {
                    true => vec![MF, ADF],
                    false => vec![MF],
                };
                let outcome = script::run(&mut files, start, !self.kind.refuses_sfi, &script);
                if let Err(error) = self.keep(files, next) {
                    tracing::error!(iccid = self.iccid, error, "the card cannot keep its state");
                    return Answer::default();
                }
                self.answer(command, counter, Status::Ok, Some(&outcome))
            }
        }
    }

    /// Whether the packet is for an application of this card and as secure as it demands (TS 102 226 §8, MSL).
    fn admits(&self, command: &Command) -> Result<(), Status> {
        if !self.kind.tars.contains(&command.tar) {
            return Err(Status::TarUnknown);
        }
        let checksum = command.spi[0] & 3 == 2 || !self.kind.demands_checksum;
        let ciphered = command.is_ciphered() || !self.kind.demands_ciphering;
        let counted =
            command.counter_mode() >= self.kind.counter_rule.min(CounterRule::Higher) as u8;
        match checksum && ciphered && counted {
            true => Ok(()),
            false => Err(Status::LevelTooLow),
        }
    }

    /// The counter to keep after this packet, by the stricter of the packet's rule and the card's.
    fn next_counter(&self, command: &Command, counter: u64) -> Result<u64, Status> {
        let rule = command.counter_mode().max(self.kind.counter_rule as u8);
        if rule < CounterRule::Higher as u8 {
            return Ok(self.counter);
        }
        if self.counter == LAST_COUNTER {
            return Err(Status::CounterBlocked);
        }
        if counter <= self.counter {
            return Err(Status::CounterLow);
        }
        if rule == CounterRule::OneHigher as u8 && counter > self.counter + 1 {
            return Err(Status::CounterHigh);
        }
        Ok(counter)
    }

    fn answer(
        &mut self,
        command: &Command,
        counter: u64,
        status: Status,
        outcome: Option<&script::Outcome>,
    ) -> Answer {
        let response = packet::respond(command, &self.keys, counter, status, outcome);
        self.reference = self.reference.wrapping_add(1);
        let por = response.map(|octets| packet::user_data(&octets, self.reference));
        Answer {
            // A packet that was refused without a proof is refused at the network as well.
            taken: status == Status::Ok || por.is_some(),
            por: por.unwrap_or_default(),
            by_submit: command.spi[1] & 0x20 != 0,
        }
    }

    /// Puts files and counter on disk together, then takes them as its own.
    fn keep(&mut self, files: Files, counter: u64) -> Result<(), String> {
        if let Some(place) = &self.place {
            state::write(place, counter, &files)
                .map_err(|error| format!("{} cannot be written ({error})", place.display()))?;
        }
        (self.files, self.counter) = (files, counter);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
