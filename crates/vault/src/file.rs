//! The master key's file: 64 hex digits and a line feed, for its owner's eyes alone.

use crate::{MasterKey, VaultError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The key that is there, or none.
pub(crate) fn load(path: &Path) -> Result<Option<MasterKey>, VaultError> {
    let failed = |why| VaultError::File {
        path: path.to_owned(),
        what: "read",
        why,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    let mut digits = Zeroizing::new(String::new());
    file.read_to_string(&mut digits).map_err(failed)?;
    MasterKey::from_hex(&path.display().to_string(), &digits).map(Some)
}

/// A new key. It stands whole under another name before it is linked to its own, so that a crash leaves all or nothing,
/// and a second process that came first is not overwritten.
pub(crate) fn create(path: &Path) -> Result<MasterKey, VaultError> {
    let failed = |why| VaultError::File {
        path: path.to_owned(),
        what: "created",
        why,
    };
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut()).map_err(|e| failed(io::Error::other(e.to_string())))?;
    let draft = path.with_extension(format!("new{}", std::process::id()));
    let written = write(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match written {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            load(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
        }
        Err(e) => Err(failed(e)),
        Ok(()) => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
            Ok(MasterKey(key))
        }
    }
}

fn write(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut digits = Zeroizing::new(hex::encode(key));
    digits.push('\n');
    file.write_all(digits.as_bytes())?;
    file.sync_all()
}
