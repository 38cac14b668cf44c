//! What is noted beside the store's file, so that a file that was copied back by hand is found out when it is opened: the
//! number of the last commit, which file it was in, and how that file was left.
//!
//! Whoever copies the folder copies the note, too: the number fits then, and the file is another one (its inode), or was
//! written since it was left (its time of change). Neither changes by starting again, by `chown` or by a back-up.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// The file with the note.
pub(crate) struct Sequence(File);

/// Why a store's file is not the one that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is older than what was committed.
    Older,
    /// It is another file than the one that the commits were made in: it was copied, or moved.
    Other,
    /// Somebody wrote it after Kith was done with it.
    Written,
}

/// What is noted: four numbers, of which an older Kith noted the first alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Note {
    /// Of the last commit; 0 if none ever was.
    number: u64,
    /// Of the file with the commits; 0 if it was not noted.
    inode: u64,
    /// When that was changed last, s and ns; 0 while it is in use.
    changed: (i64, i64),
}

impl Note {
    fn of(number: u64, file: &Metadata) -> Self {
        Self {
            number,
            inode: file.ino(),
            changed: (file.mtime(), file.mtime_nsec()),
        }
    }

    /// What is wrong with a file at commit `number`, as it is found.
    fn judge(self, found: Self) -> Option<Copied> {
        if self.number > found.number {
            Some(Copied::Older)
        } else if self.inode != 0 && self.inode != found.inode {
            Some(Copied::Other)
        } else if self.changed != (0, 0) && self.changed != found.changed {
            Some(Copied::Written)
        } else {
            None
        }
    }

    fn octets(self) -> [u8; 32] {
        let mut octets = [0; 32];
        let (seconds, nanoseconds) = self.changed;
        let parts = [
            self.number,
            self.inode,
            seconds.cast_unsigned(),
            nanoseconds.cast_unsigned(),
        ];
        for (place, part) in octets.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_be_bytes());
        }
        octets
    }

    fn read(octets: [u8; 32]) -> Self {
        let mut parts = octets.chunks_exact(8).map(|part| {
            let part = part.iter();
            part.fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet))
        });
        let mut next = || parts.next().unwrap_or(0);
        Self {
            number: next(),
            inode: next(),
            changed: (next().cast_signed(), next().cast_signed()),
        }
    }
}

impl Sequence {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        Ok(Self(file))
    }

    /// Whether `file`, at commit `there` and as it was before it was opened, is not the one that was left.
    pub(crate) fn judge(&self, there: u64, file: &Metadata) -> Option<Copied> {
        self.last().judge(Note::of(there, file))
    }

    /// Notes that it is in use.
    pub(crate) fn begin(&self, there: u64, file: &Metadata) {
        let changed = (0, 0);
        self.write(Note {
            changed,
            ..Note::of(there, file)
        });
    }

    fn last(&self) -> Note {
        let mut octets = [0; 32];
        let mut read = 0;
        while let Some(rest) = octets.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, read as u64) {
                Ok(0) | Err(_) => break,
                Ok(more) => read += more,
            }
        }
        Note::read(octets)
    }

    /// Notes a commit that is on the disk. Not synced: after a power cut it may be behind the store, which is harmless;
    /// it is never ahead of it.
    pub(crate) fn note(&self, number: u64) {
        self.said(self.0.write_all_at(&number.to_be_bytes(), 0));
    }

    /// Notes how the file was left, once no connection is open any more.
    pub(crate) fn end(path: &Path, file: &Path) {
        let noted = Self::open(path).and_then(|this| {
            let file = file.metadata()?;
            let last = this.last();
            // Another file by now, or none that was ever begun: as it is noted.
            if last.inode == file.ino() {
                this.write(Note::of(last.number, &file));
            }
            Ok(())
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "how the store's file was left was not noted beside it");
        }
    }

    fn write(&self, note: Note) {
        self.said(self.0.write_all_at(&note.octets(), 0));
    }

    fn said(&self, done: std::io::Result<()>) {
        if let Err(error) = done {
            tracing::warn!(%error, "the number of the last commit was not noted beside the store");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_an_old_one_says_the_number_alone() {
        let note = Note {
            number: 7,
            inode: u64::MAX,
            changed: (-1, 999_999_999),
        };
        assert_eq!(Note::read(note.octets()), note);
        let mut old = [0; 32];
        old[..8].copy_from_slice(&note.octets()[..8]);
        let old = Note::read(old);
        assert_eq!(
            old,
            Note {
                number: 7,
                ..Note::default()
            }
        );
        assert_eq!(old.judge(note), None, "no jump at an update");
    }

    #[test]
    fn what_was_copied_is_found_out_and_what_was_not_is_not() {
        let left = Note {
            number: 7,
            inode: 3,
            changed: (5, 0),
        };
        let in_use = Note {
            changed: (0, 0),
            ..left
        };
        let found = |number, inode, changed| Note {
            number,
            inode,
            changed: (changed, 0),
        };
        for (noted, found, verdict) in [
            (left, found(7, 3, 5), None),
            (in_use, found(7, 3, 9), None),
            // The note is not synced: behind after a power cut.
            (in_use, found(9, 3, 9), None),
            (left, found(6, 3, 5), Some(Copied::Older)),
            (left, found(7, 4, 5), Some(Copied::Other)),
            (left, found(7, 3, 6), Some(Copied::Written)),
            (in_use, found(9, 4, 9), Some(Copied::Other)),
        ] {
            assert_eq!(noted.judge(found), verdict, "{noted:?} {found:?}");
        }
    }
}
