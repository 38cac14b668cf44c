//! What is noted beside the store's file, so that a file that was copied back by hand is found out when it is opened: the
//! number of the last commit, which file it was in, how that file was left, and which file the note itself is in.
//!
//! Whoever copies the folder copies the note, too: the number fits then, and the file is another one (its inode), or was
//! written since it was left (its time of change). Where both are overwritten with their old times, what the note says of
//! itself betrays it: every note is in a new file, and says that file's inode and time of birth, which overwriting leaves
//! as they are. None of these changes by starting again, by `chown`, by a back-up or when the folder gets another name.

use super::beside;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The file with the note.
pub(crate) struct Sequence(File);

/// Why a store's file is not the one that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is older than what was committed.
    Older,
    /// It is another file than the one that the commits were made in: it was copied, or moved.
    Other,
    /// It was overwritten, together with its note.
    Overwritten,
    /// Somebody wrote it after Kith was done with it.
    Written,
}

/// What a note takes.
const OCTETS: usize = 48;

/// What is noted: six numbers, of which older Kiths noted the first alone, or the first four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Note {
    /// Of the last commit; 0 if none ever was.
    number: u64,
    /// Of the file with the commits; 0 if it was not noted.
    inode: u64,
    /// When that was changed last, s and ns; 0 while it is in use.
    changed: (i64, i64),
    /// Of the file that the note is in: its inode, and when it was made, ns since 1970; 0 where that was not noted, or the
    /// file system does not know it.
    own: (u64, u64),
}

/// The inode of a note's file, and when it was made.
fn own(note: &Metadata) -> (u64, u64) {
    let born = note.created().ok();
    let born = born.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let born = born.and_then(|since| u64::try_from(since.as_nanos()).ok());
    (note.ino(), born.unwrap_or(0))
}

impl Note {
    fn of(number: u64, file: &Metadata) -> Self {
        Self {
            number,
            inode: file.ino(),
            changed: (file.mtime(), file.mtime_nsec()),
            own: (0, 0),
        }
    }

    /// Whether it is in another file than the one that it was made in.
    fn is_elsewhere(self, found: Self) -> bool {
        let other = |noted, found| noted != 0 && found != 0 && noted != found;
        other(self.own.0, found.own.0) || other(self.own.1, found.own.1)
    }

    /// What is wrong with a file at commit `number`, as it is found.
    fn judge(self, found: Self) -> Option<Copied> {
        if self.number > found.number {
            Some(Copied::Older)
        } else if self.inode != 0 && self.inode != found.inode {
            Some(Copied::Other)
        } else if self.is_elsewhere(found) {
            Some(Copied::Overwritten)
        } else if self.changed != (0, 0) && self.changed != found.changed {
            Some(Copied::Written)
        } else {
            None
        }
    }

    fn octets(self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        let (seconds, nanoseconds) = self.changed;
        let (own, born) = self.own;
        let parts = [
            self.number,
            self.inode,
            seconds.cast_unsigned(),
            nanoseconds.cast_unsigned(),
            own,
            born,
        ];
        for (place, part) in octets.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_be_bytes());
        }
        octets
    }

    /// What does not stand there is 0.
    fn read(octets: &[u8]) -> Self {
        let mut parts = octets.chunks_exact(8).map(|part| {
            let part = part.iter();
            part.fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet))
        });
        let mut next = || parts.next().unwrap_or(0);
        Self {
            number: next(),
            inode: next(),
            changed: (next().cast_signed(), next().cast_signed()),
            own: (next(), next()),
        }
    }

    /// The last one; that of no commits where there is none.
    fn last(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(octets) => Ok(Self::read(&octets)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes it into a new file, which takes the place of the last one: whenever the process dies, one of the two is
    /// there, whole.
    fn write(self, path: &Path) -> io::Result<File> {
        let part = beside(path, ".part");
        let fresh = || {
            // Of a process that died here.
            let _ = fs::remove_file(&part);
            let file = File::options().write(true).create_new(true).open(&part)?;
            self.write_into(&file)?;
            file.sync_all()?;
            fs::rename(&part, path)?;
            Ok(file)
        };
        // A disk without room for one more file holds up nobody.
        fresh().or_else(|_: io::Error| {
            let mut there = File::options();
            let there = there.write(true).create(true).truncate(false).open(path)?;
            said(self.write_into(&there));
            Ok(there)
        })
    }

    fn write_into(self, file: &File) -> io::Result<()> {
        let own = own(&file.metadata()?);
        file.write_all_at(&Self { own, ..self }.octets(), 0)
    }
}

fn said(done: io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the number of the last commit was not noted beside the store");
    }
}

impl Sequence {
    /// Whether `file`, at commit `there` and as it was before it was opened, is not the one that was left.
    pub(crate) fn judge(path: &Path, there: u64, file: &Metadata) -> io::Result<Option<Copied>> {
        let found = Note {
            own: path.metadata().as_ref().map_or((0, 0), own),
            ..Note::of(there, file)
        };
        Ok(Note::last(path)?.judge(found))
    }

    /// Notes that it is in use.
    pub(crate) fn begin(path: &Path, there: u64, file: &Metadata) -> io::Result<Self> {
        let changed = (0, 0);
        let note = Note {
            changed,
            ..Note::of(there, file)
        };
        note.write(path).map(Self)
    }

    /// Notes a commit that is on the disk. Not synced: after a power cut it may be behind the store, which is harmless;
    /// it is never ahead of it.
    pub(crate) fn note(&self, number: u64) {
        said(self.0.write_all_at(&number.to_be_bytes(), 0));
    }

    /// Notes how the file was left, once no connection is open any more.
    pub(crate) fn end(path: &Path, file: &Path) {
        let noted = Note::last(path).and_then(|last| {
            let file = file.metadata()?;
            // Another file by now, or none that was ever begun: as it is noted.
            if last.inode == file.ino() {
                Note::of(last.number, &file).write(path)?;
            }
            Ok(())
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "how the store's file was left was not noted beside it");
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
            own: (u64::MAX - 1, 8),
        };
        assert_eq!(Note::read(&note.octets()), note);
        let number = Note {
            number: 7,
            ..Note::default()
        };
        let without_its_own = Note {
            own: (0, 0),
            ..note
        };
        for (octets, says) in [(8, number), (32, without_its_own)] {
            let old = Note::read(&note.octets()[..octets]);
            assert_eq!(old, says);
            assert_eq!(old.judge(note), None, "no jump at an update");
        }
    }

    #[test]
    fn what_was_copied_is_found_out_and_what_was_not_is_not() {
        let left = Note {
            number: 7,
            inode: 3,
            changed: (5, 0),
            own: (8, 100),
        };
        let in_use = Note {
            changed: (0, 0),
            ..left
        };
        let found = |number, inode, changed| Note {
            number,
            inode,
            changed: (changed, 0),
            own: (8, 100),
        };
        let in_note = |inode, born| Note {
            own: (inode, born),
            ..left
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
            (left, in_note(9, 100), Some(Copied::Overwritten)),
            // A later note got the inode of an earlier one.
            (left, in_note(8, 101), Some(Copied::Overwritten)),
            (in_use, in_note(9, 101), Some(Copied::Overwritten)),
            // A file system that does not know when a file was made.
            (left, in_note(8, 0), None),
            (in_note(8, 0), left, None),
        ] {
            assert_eq!(noted.judge(found), verdict, "{noted:?} {found:?}");
        }
    }
}
