//! A server's processes, by signals from the shell (the workspace forbids unsafe code), and who ends them when we cannot.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::programs::output;

/// Ends the server of a folder and removes the folder as soon as its input ends: when it is told, when the test
/// panicked, or when the test's process was killed and the system closed the pipe. `immediate` shutdown (SIGQUIT), after
/// SIGCONT for what was paused; PostgreSQL takes its pid file away as the last thing it does.
const WATCH: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ]; then
  for stat in /proc/[0-9]*/stat; do
    read -r child _ _ parent _ <"$stat" 2>/dev/null && [ "$parent" = "$pid" ] && kill -CONT "$child"
  done
  kill -CONT "$pid"; kill -QUIT "$pid"
  n=0; while [ -e "$1/data/postmaster.pid" ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
fi
rm -rf "$1"
"#;

/// The watcher of a server's folder.
pub(crate) struct Watch(Child);

impl Watch {
    pub(crate) fn over(folder: &Path) -> Result<Self, String> {
        let child = Command::new("sh")
            .args(["-c", WATCH, "pgbox-watch"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child
            .map(Self)
            .map_err(|e| format!("sh does not start: {e}"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The state and the parent of a process: fields 3 and 4 of `/proc/PID/stat`, behind the name in brackets (proc(5)).
fn state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// The children of a process: all of a server's are children of its first.
fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

fn send(signal: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    // A process that ended meanwhile needs no signal, so the shell's complaint says nothing.
    let _ = output(
        Command::new("sh")
            .args(["-c", "kill -\"$@\"", "sh", signal])
            .args(pids),
    );
}

/// Stops the first process, so that it makes no new ones, and then all the others.
pub(crate) fn pause(first: u32) {
    send("STOP", &[first]);
    send("STOP", &children(first));
}

/// Lets all of them go on.
pub(crate) fn resume(first: u32) {
    send("CONT", &children(first));
    send("CONT", &[first]);
}

/// SIGKILL for all of them at once; returns when none of them runs any more.
pub(crate) fn kill(first: u32) -> Result<(), String> {
    send("STOP", &[first]);
    let mut all = children(first);
    all.push(first);
    send("KILL", &all);
    let runs = |pid: &u32| state(*pid).is_some_and(|(state, _)| state != 'Z' && state != 'X');
    wait("the killed server's processes to be gone", || {
        Ok((!all.iter().any(runs)).then_some(()))
    })
}

/// Asks again and again, up to a minute.
pub(crate) fn wait<T>(
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err(format!("waited a minute for {what}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
