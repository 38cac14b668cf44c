//! What is wrong with the store, its disk and this machine's clock, or was a while ago: for the console, the metrics and
//! readiness. What is wrong with gateways and networks stands in the network state table.

use crate::{Control, locked};
use delivery::Clocks;
use std::path::Path;

/// Something that people must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What.
    pub what: Wrong,
    /// Since when, or when it happened, ms UTC.
    pub since: i64,
}

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The store does not answer; where there are several servers, with the slices that lie on this one.
    StoreAway(Option<String>),
    /// The store has no room; the same.
    StoreFull(Option<String>),
    /// The store's disk will soon have none: so many MiB are left.
    DiskFilling(u64),
    /// It was found to be copied back, or another server of it took over.
    Store(store::What),
    /// This machine's clock was set, by so many ms.
    ClockJumped(i64),
}

impl Wrong {
    /// As the log and the metrics call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StoreAway(_) | Self::StoreFull(_) => "store",
            Self::DiskFilling(_) => "disk-filling",
            Self::Store(what) => what.name(),
            Self::ClockJumped(_) => "clock-jumped",
        }
    }
}

/// How long it is shown that the clock was set, ms.
const JUMP_SHOWN: u64 = 3_600_000;
/// And that a store was copied back or failed over, ms.
const STORE_SHOWN: i64 = 86_400_000;
/// The wall clock may go so much ahead of the other, or behind it, between two looks, ms: what keeps it right does so little
/// by little.
const JUMP: i64 = 5_000;
/// Room on the store's disk below which readiness is red, octets: the log alone takes so much on a busy day.
const ROOM: u64 = 256 << 20;

/// The room on a disk, octets.
#[derive(Debug, Clone, Copy)]
struct Room {
    free: u64,
    all: u64,
}

impl Room {
    /// Whether it is nearly full: on a small disk, an eighth is left. Once it is, until there is a little more than that.
    fn is_short(self, already: bool) -> bool {
        let least = ROOM.min(self.all / 8);
        let margin = if already { least / 4 } else { 0 };
        self.free < least.saturating_add(margin)
    }
}

/// How much the wall clock was set between two looks, ms; none when it only went on.
fn jumped(before: Clocks, now: Clocks) -> Option<i64> {
    let passed = now.monotonic.saturating_sub(before.monotonic);
    let passed = i64::try_from(passed).unwrap_or(i64::MAX);
    let by = now.wall.saturating_sub(before.wall).saturating_sub(passed);
    (by.saturating_abs() > JUMP).then_some(by)
}

/// What is new, for the log.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// It begins, or it happened.
    Wrong(Wrong),
    /// The disk has room again, and was nearly full since then, ms UTC.
    Room(i64),
}

/// What was seen once a second.
#[derive(Default)]
pub(crate) struct Watch {
    clocks: Option<Clocks>,
    /// When the clock was set last, and by how many ms.
    jump: Option<(Clocks, i64)>,
    /// Since when the disk is nearly full, and what is left, octets.
    filling: Option<(i64, u64)>,
}

impl Watch {
    /// One look; gives what is new, for the log.
    fn look(&mut self, now: Clocks, room: Option<Room>) -> Vec<News> {
        let mut new = Vec::new();
        if let Some(by) = self.clocks.and_then(|before| jumped(before, now)) {
            self.jump = Some((now, by));
            new.push(News::Wrong(Wrong::ClockJumped(by)));
        }
        self.clocks = Some(now);
        let short = room.filter(|room| room.is_short(self.filling.is_some()));
        let since = self.filling.map(|(since, _)| since);
        match (short, since) {
            (Some(room), None) => new.push(News::Wrong(Wrong::DiskFilling(room.free >> 20))),
            (None, Some(since)) => new.push(News::Room(since)),
            _ => {}
        }
        self.filling = short.map(|room| (since.unwrap_or(now.wall), room.free));
        new
    }

    fn alarms(&self, now: Clocks) -> Vec<Alarm> {
        let filling = self.filling.map(|(since, free)| Alarm {
            what: Wrong::DiskFilling(free >> 20),
            since,
        });
        let shown = |at: &Clocks| now.monotonic.saturating_sub(at.monotonic) < JUMP_SHOWN;
        let jump = self.jump.filter(|(at, _)| shown(at));
        let jump = jump.map(|(at, by)| Alarm {
            what: Wrong::ClockJumped(by),
            since: at.wall,
        });
        filling.into_iter().chain(jump).collect()
    }
}

/// The room on the disk of a file.
fn room(file: &Path) -> Option<Room> {
    let folder = file.parent()?;
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(Room {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        all: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

impl Control {
    /// Looks at the clock and the disk.
    pub(crate) fn watch(&self) {
        let room = self.0.store.file().and_then(room);
        // Let go of before the sentence is asked for.
        let new = locked(&self.0.watch).look(self.clocks(), room);
        for news in new {
            let wrong = match news {
                News::Wrong(wrong) => wrong,
                News::Room(since) => {
                    let what = Wrong::DiskFilling(0).name();
                    tracing::info!(target: "alert", what, since, "the store's disk has room again");
                    continue;
                }
            };
            let what = wrong.name();
            match wrong {
                Wrong::ClockJumped(by_ms) => tracing::warn!(
                    target: "alert",
                    what,
                    by_ms,
                    "this machine's clock was set: edits saved meanwhile are sent earlier or later than they should be; see to it that it is kept right little by little (NTP)"
                ),
                _ => {
                    tracing::warn!(target: "alert", what, "{}", self.filling().unwrap_or_default())
                }
            }
        }
    }

    /// Everything that is wrong with store, disk and clock, or was a while ago; worst first.
    pub fn alarms(&self) -> Vec<Alarm> {
        let now = self.clocks();
        let ill = self.0.store.ills().into_iter().map(|ill| Alarm {
            what: if ill.full {
                Wrong::StoreFull(ill.slices)
            } else {
                Wrong::StoreAway(ill.slices)
            },
            since: ill.since,
        });
        let happened = self.0.store.happened().into_iter();
        let happened = happened.filter(|(_, at)| now.wall.saturating_sub(*at) < STORE_SHOWN);
        let happened = happened.map(|(what, since)| Alarm {
            what: Wrong::Store(what),
            since,
        });
        let seen = locked(&self.0.watch).alarms(now);
        ill.chain(seen).chain(happened).collect()
    }

    /// That the store's disk is nearly full, as a sentence; none while it is not.
    pub fn filling(&self) -> Option<String> {
        let (_, free) = locked(&self.0.watch).filling?;
        let folder = self.0.store.file()?.parent()?;
        Some(format!(
            "The disk that holds {} has {} MiB left: make room. Edits are saved as long as there is some.",
            folder.display(),
            free >> 20
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: i64, monotonic: u64) -> Clocks {
        Clocks { wall, monotonic }
    }

    #[test]
    fn a_clock_that_was_set_is_told_of_once_and_shown_for_an_hour() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(clocks(1_000_000, 50), None), []);
        // A second, then a long step of both; a little of correction.
        assert_eq!(watch.look(clocks(1_001_000, 1_050), None), []);
        assert_eq!(watch.look(clocks(1_094_000, 91_050), None), []);
        let back = Wrong::ClockJumped(-61_000);
        assert_eq!(
            watch.look(clocks(1_034_000, 92_050), None),
            [News::Wrong(back.clone())],
            "set back by a minute"
        );
        assert_eq!(watch.look(clocks(1_035_000, 93_050), None), []);
        let shown = |watch: &Watch, monotonic| watch.alarms(clocks(0, monotonic));
        let alarm = Alarm {
            what: back,
            since: 1_034_000,
        };
        assert_eq!(shown(&watch, 92_050 + JUMP_SHOWN - 1), [alarm]);
        assert_eq!(shown(&watch, 92_050 + JUMP_SHOWN), []);
        let ahead = watch.look(clocks(9_036_000, 94_050), None);
        let wrong = Wrong::ClockJumped(8_000_000);
        assert_eq!(wrong.name(), "clock-jumped");
        assert_eq!(ahead, [News::Wrong(wrong)]);
    }

    #[test]
    fn a_disk_is_nearly_full_before_it_is_full() {
        let mib = |free: u64, all: u64| Room {
            free: free << 20,
            all: all << 20,
        };
        // A large disk, and a small one.
        assert!(!mib(256, 100_000).is_short(false) && mib(255, 100_000).is_short(false));
        assert!(!mib(2, 16).is_short(false) && mib(1, 16).is_short(false));
        let mut watch = Watch::default();
        let mut look = |at, free| watch.look(clocks(at, 0), Some(mib(free, 9_000)));
        assert_eq!(look(0, 300), []);
        let filling = News::Wrong(Wrong::DiskFilling(200));
        assert_eq!(look(1, 200), [filling], "told once");
        assert_eq!(look(2, 100), []);
        assert_eq!(look(3, 300), [], "as much as before is not enough");
        let since = watch.alarms(clocks(3, 0));
        assert_eq!(
            since,
            [Alarm {
                what: Wrong::DiskFilling(300),
                since: 1
            }]
        );
        let mut look = |at| watch.look(clocks(at, 0), Some(mib(320, 9_000)));
        assert_eq!(look(4), [News::Room(1)], "its end, too");
        assert_eq!(look(5), []);
        assert_eq!(watch.alarms(clocks(4, 0)), []);
    }
}
