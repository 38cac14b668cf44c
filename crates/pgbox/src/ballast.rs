//! A disk without room.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file that takes all the room there is on the disk of its folder, until it is dropped.
pub struct Ballast(PathBuf);

impl Ballast {
    /// Fills the disk, to the last block.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn fill(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join("ballast");
        let mut file = File::create(&path)?;
        let mut piece = vec![0_u8; 1 << 20];
        while piece.len() > 512 {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
        Ok(Self(path))
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
