//! A private PostgreSQL for tests and benches, from the system's packages.
//!
//! It lives in a temporary folder, listens only on a Unix socket there (unless [`Server::secure`] is asked for), and is as durable as PostgreSQL is by default
//! (`fsync` and `synchronous_commit` on). It ends with the process that started it, however that process ends.
//!
//! ```no_run
//! # fn main() -> Result<(), String> {
//! let url = pgbox::shared()?.database("books")?; // one server a process, a database a test
//! let mut own = pgbox::Server::start()?; // a server that the test may kill
//! let mut standby = own.standby(true)?;
//! own.kill()?;
//! standby.promote()?;
//! # Ok(())
//! # }
//! ```

mod ballast;
mod processes;
mod programs;

pub use ballast::Ballast;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use processes::{Watch, wait};
use programs::output;

/// The administrator's name in every server.
const USER: &str = "kith";

/// The port of a server without TLS: it only names the socket, and every server has a folder of its own.
const PORT: u16 = 5432;

/// Beyond PostgreSQL's defaults: no network, room for many clients, fewer checkpoints. Durability stays as it is.
const SETTINGS: &str = "
listen_addresses = ''
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
log_line_prefix = '%m [%p] %q%a '
";

/// A server and its folder. It is stopped and its folder removed when the value is dropped or the process ends.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    standbys: u32,
    /// Names the socket; with TLS it is a port of the loopback too.
    port: u16,
    // Last: it ends the server, and takes the folder away.
    _watch: Watch,
}

/// The one server of this process, started at the first call. It ends with the process.
///
/// # Errors
/// A sentence, the same at every call: PostgreSQL is not installed, or did not start.
pub fn shared() -> Result<&'static Server, String> {
    static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
    SHARED
        .get_or_init(Server::start)
        .as_ref()
        .map_err(Clone::clone)
}

impl Server {
    /// A new server with an empty cluster (UTF-8, C locale, everybody on the socket is let in).
    ///
    /// # Errors
    /// A sentence: PostgreSQL is not installed, or what its program said.
    pub fn start() -> Result<Self, String> {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same on the disk of a folder.
    ///
    /// # Errors
    /// A sentence: PostgreSQL is not installed, or what its program said.
    pub fn start_in(parent: &Path) -> Result<Self, String> {
        let server = Self::in_new_folder(parent)?;
        let data = server.data();
        let words = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--username",
            USER,
            "--no-sync",
        ];
        server.run("initdb", |command| command.args(words).arg("-D").arg(&data))?;
        let path = data.join("postgresql.conf");
        let settings =
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        std::fs::write(&path, settings + SETTINGS)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        server.go()?;
        Ok(server)
    }

    fn in_new_folder(parent: &Path) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let programs = programs::folder()?;
        let user = programs::user()?;
        let name = format!(
            "pgbox-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let folder = parent.join(name);
        let wrong = |e: std::io::Error| format!("{}: {e}", folder.display());
        // What a killed process of the same number left is nobody's.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).map_err(wrong)?;
        }
        let watch = Watch::over(&folder)?;
        Ok(Self {
            folder,
            programs,
            user,
            standbys: 0,
            port: PORT,
            _watch: watch,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Runs one of PostgreSQL's programs as the server's user.
    fn run(
        &self,
        program: &str,
        words: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<String, String> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        output(words(&mut command))
    }

    /// Starts what is stopped; returns when it takes clients.
    fn go(&self) -> Result<(), String> {
        let mut options = format!("-p {} -k '{}'", self.port, self.folder.display());
        if self.port != PORT {
            options += " -c listen_addresses=127.0.0.1 -c ssl=on";
        }
        let log = self.folder.join("log");
        let started = self.run("pg_ctl", |command| {
            let command = command.args([
                "start",
                "--wait",
                "--silent",
                "--timeout=60",
                "-o",
                &options,
            ]);
            command.arg("-l").arg(&log).arg("-D").arg(self.data())
        });
        started
            .map(|_| ())
            .map_err(|e| format!("{e}\n{}", self.log()))
    }

    /// The first of the server's processes; nothing when it does not run.
    fn first(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    fn running(&self) -> Result<u32, String> {
        let gone = || {
            format!(
                "the server in {} does not run: restart() it",
                self.folder.display()
            )
        };
        self.first().ok_or_else(gone)
    }

    /// The folder with the socket: what a client takes as `host`.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    /// What the server wrote down since its first start.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The address of the database `postgres`, for libpq and tokio-postgres.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of a database, whether it is there or not.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        url(&[self], database)
    }

    /// Makes a fresh database of this name, in place of one that is there, and gives its address.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn database(&self, name: &str) -> Result<String, String> {
        self.copy("template0", name)
    }

    /// The same, with everything that is in another database; nobody may be connected to that one.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn copy(&self, from: &str, name: &str) -> Result<String, String> {
        // Two runs: neither statement may share a transaction.
        self.sql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"),
        )?;
        self.sql(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{from}\""),
        )?;
        Ok(self.url_of(name))
    }

    /// A fresh database whose tables lie on the disk of a folder; gives its address.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn database_in(&self, name: &str, parent: &Path) -> Result<String, String> {
        let folder = parent.join(format!("tables-{name}"));
        let wrong = |e: std::io::Error| format!("{}: {e}", folder.display());
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        if let Some((uid, gid)) = self.user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).map_err(wrong)?;
        }
        let place = folder.display();
        self.sql(
            "postgres",
            &format!("CREATE TABLESPACE \"{name}\" LOCATION '{place}'"),
        )?;
        self.sql(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" TEMPLATE template0 TABLESPACE \"{name}\""),
        )?;
        Ok(self.url_of(name))
    }

    /// Whether it takes clients.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.sql("postgres", "SELECT 1").is_ok()
    }

    /// What psql prints for these statements: a line a row, `|` between columns.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let words = [
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statements,
        ];
        self.run("psql", |command| {
            command.args(words).arg(self.url_of(database))
        })
    }

    /// Nothing more can be put into a table, or it can be again.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn closed(&self, database: &str, table: &str, closed: bool) -> Result<(), String> {
        let what = match closed {
            true => "ADD CONSTRAINT closed CHECK (false) NOT VALID",
            false => "DROP CONSTRAINT closed",
        };
        self.sql(database, &format!("ALTER TABLE {table} {what}"))
            .map(drop)
    }

    /// Sets a setting for good, and has it read.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn set(&self, setting: &str, value: &str) -> Result<(), String> {
        let value = value.replace('\'', "''");
        self.sql(
            "postgres",
            &format!("ALTER SYSTEM SET {setting} = '{value}'"),
        )?;
        self.sql("postgres", "SELECT pg_reload_conf()").map(|_| ())
    }

    /// Stops it as an operator would (`fast`: transactions are rolled back, clients are sent away).
    ///
    /// # Errors
    /// It does not run, or did not stop within a minute.
    pub fn stop(&mut self) -> Result<(), String> {
        let words = ["stop", "--mode=fast", "--wait", "--silent", "--timeout=60"];
        self.run("pg_ctl", |command| {
            command.args(words).arg("-D").arg(self.data())
        })
        .map(|_| ())
    }

    /// SIGKILL for all its processes at once, as when the power goes: nothing is said good-bye to. Returns when they are
    /// gone.
    ///
    /// # Errors
    /// It does not run, or its processes did not go within a minute.
    pub fn kill(&mut self) -> Result<(), String> {
        processes::kill(self.running()?)?;
        // The numbers in the lock files may be somebody else's by the next start.
        let socket = format!(".s.PGSQL.{}", self.port);
        for lock in ["data/postmaster.pid", &format!("{socket}.lock"), &socket] {
            let _ = std::fs::remove_file(self.folder.join(lock));
        }
        Ok(())
    }

    /// Stops it if it runs, and starts it again on the same data.
    ///
    /// # Errors
    /// What PostgreSQL said, with its log.
    pub fn restart(&mut self) -> Result<(), String> {
        if self.first().is_some() {
            self.stop()?;
        }
        self.go()
    }

    /// Starts it again with TLS on a port of the loopback, with this certificate and key (PEM); gives the port. Call it
    /// again for another certificate.
    ///
    /// # Errors
    /// What PostgreSQL said, with its log.
    pub fn secure(&mut self, certificate: &str, key: &str) -> Result<u16, String> {
        use std::os::unix::fs::{PermissionsExt, chown};
        let said = |error: std::io::Error| error.to_string();
        self.stop()?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            std::fs::write(&path, text).map_err(said)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
                .map_err(said)?;
            if let Some((uid, gid)) = self.user {
                chown(&path, Some(uid), Some(gid)).map_err(said)?;
            }
        }
        if self.port == PORT {
            let free = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(said)?;
            self.port = free.local_addr().map_err(said)?.port();
        }
        self.go()?;
        Ok(self.port)
    }

    /// SIGSTOP for all its processes: it is there, and does not answer.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<(), String> {
        self.running().map(processes::pause)
    }

    /// SIGCONT for what was paused.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<(), String> {
        self.running().map(processes::resume)
    }

    /// A standby that follows this server from now on. With `sync` no commit is answered before the standby has it on its
    /// disk; returns when it follows so. A server has one synchronous standby: the newest.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub fn standby(&mut self, sync: bool) -> Result<Self, String> {
        self.standbys += 1;
        let name = format!("standby_{}", self.standbys);
        let standby = Self::in_new_folder(&std::env::temp_dir())?;
        let from = format!(
            "host='{}' port={} user={USER} application_name={name}",
            self.folder.display(),
            self.port
        );
        // A slot of its own: this server keeps the log until the standby has it.
        let words = [
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "-C",
            "-S",
            &name,
            "--no-sync",
            "-d",
            &from,
        ];
        standby.run("pg_basebackup", |command| {
            command.args(words).arg("-D").arg(standby.data())
        })?;
        standby.go()?;
        if sync {
            self.set("synchronous_standby_names", &name)?;
        }
        let wanted = if sync { "sync" } else { "async" };
        wait(&format!("{name} to follow"), || {
            let ask = format!(
                "SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}' AND state = 'streaming'"
            );
            Ok((self.sql("postgres", &ask)? == wanted).then_some(()))
        })?;
        Ok(standby)
    }

    /// Makes a standby the writable server, on a timeline of its own; returns when it takes writes.
    ///
    /// # Errors
    /// It is no standby, or was not promoted within a minute.
    pub fn promote(&mut self) -> Result<(), String> {
        match self
            .sql("postgres", "SELECT pg_promote(true, 60)")?
            .as_str()
        {
            "t" => Ok(()),
            _ => Err(format!(
                "the standby was not promoted within a minute\n{}",
                self.log()
            )),
        }
    }
}

/// The address of a database on several servers, as a client that looks for the writable one takes it.
#[must_use]
pub fn url(servers: &[&Server], database: &str) -> String {
    let host = |server: &&Server| {
        let folder = encoded(&server.folder.display().to_string());
        format!("{folder}:{}", server.port)
    };
    let hosts: Vec<_> = servers.iter().map(host).collect();
    let writable = if servers.len() > 1 {
        "?target_session_attrs=read-write"
    } else {
        ""
    };
    format!(
        "postgresql://{USER}@{}/{database}{writable}",
        hosts.join(",")
    )
}

/// A folder as the host of an address.
fn encoded(path: &str) -> String {
    let octet = |octet: u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(octet).to_string()
        }
        _ => format!("%{octet:02X}"),
    };
    path.bytes().map(octet).collect()
}
