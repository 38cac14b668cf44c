//! The number of the last commit, beside the store's file: a file that was copied back by hand is older than it, and is
//! found out when it is opened.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file with the number.
pub(crate) struct Sequence(File);

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

    /// The last number noted; 0 if none ever was.
    pub(crate) fn last(&self) -> u64 {
        let mut octets = [0; 8];
        let read = self.0.read_exact_at(&mut octets, 0);
        read.map_or(0, |()| u64::from_be_bytes(octets))
    }

    /// Notes a commit that is on the disk. Not synced: after a power cut it may be behind the store, which is harmless;
    /// it is never ahead of it.
    pub(crate) fn note(&self, number: u64) {
        if let Err(error) = self.0.write_all_at(&number.to_be_bytes(), 0) {
            tracing::warn!(%error, "the number of the last commit was not noted beside the store");
        }
    }
}
