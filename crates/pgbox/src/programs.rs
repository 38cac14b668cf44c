//! The system's PostgreSQL: where its programs are, and who may run them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a server needs, all of one version.
const PROGRAMS: [&str; 5] = ["initdb", "pg_basebackup", "pg_ctl", "postgres", "psql"];

/// What to do when there is none.
const MISSING: &str = "PostgreSQL is missing: no initdb in PATH, /usr/lib/postgresql or /usr/pgsql-*. Install it \
     (Debian: apt-get install postgresql; ./test does it by itself), then run this again.";

/// The folder of the newest PostgreSQL's programs; what stands in `PATH` is the user's choice and goes first.
pub(crate) fn folder() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut chosen = std::env::split_paths(&path);
    // A link to some of them in a folder of everything is not enough.
    let whole = |bin: &PathBuf| PROGRAMS.iter().all(|program| bin.join(program).is_file());
    chosen
        .find(whole)
        .or_else(|| {
            // Debian's and the PostgreSQL project's own packages: …/15/bin, …/pgsql-15/bin.
            let inside = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
            let all = inside("/usr/lib/postgresql").chain(inside("/usr"));
            let versions = all.filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix("pgsql-").unwrap_or(&name);
                let version: u32 = version.parse().ok()?;
                Some((version, entry.path().join("bin")))
            });
            let newest = versions.filter(|(_, bin)| whole(bin)).max();
            newest.map(|(_, bin)| bin)
        })
        .ok_or_else(|| MISSING.to_owned())
}

/// Whom the server runs as: PostgreSQL refuses root, so root lends it to `postgres`, or to `nobody`. Nothing: as we are.
pub(crate) fn user() -> Result<Option<(u32, u32)>, String> {
    let id = output(Command::new("id").arg("-u"))?;
    if id != "0" {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(|e| format!("/etc/passwd: {e}"))?;
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            (name == wanted).then_some((uid, gid))
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .map(Some)
        .ok_or_else(|| {
            "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it: make one.".to_owned()
        })
}

/// What a program prints, without the last line's end; its own words when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = Path::new(command.get_program()).to_owned();
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let output = command
        .output()
        .map_err(|e| format!("{program} does not start: {e}"))?;
    let said = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned();
    if output.status.success() {
        return Ok(said);
    }
    let wrong = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed: {}{said}", wrong.trim_end()))
}
