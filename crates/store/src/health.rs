//! How the database is: what readiness, the console and the pages say of it.

use crate::StoreError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Something is wrong with the database: since when (ms UTC), and what, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ill {
    /// Since when, ms UTC.
    pub since: i64,
    /// What is wrong and what is safe, a sentence.
    pub sentence: String,
    /// It answers, and has no room or cannot write; else it does not answer.
    pub full: bool,
    /// Where there are several servers, the slices of subscribers that lie on this one: `128-255`.
    pub slices: Option<String>,
}

/// Something that happened to the database, and that people must hear of though nothing is wrong any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Its file was not as it was left: copied back, or moved.
    CopiedBack,
    /// Another server of it took over.
    FailedOver,
}

impl What {
    /// As the log and the metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopiedBack => "store-copied-back",
            Self::FailedOver => "store-failed-over",
        }
    }
}

/// Shared by the threads of one server's connections.
#[derive(Clone, Default)]
pub(crate) struct Health(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    ill: Option<Ill>,
    /// What happened, and when last, ms UTC.
    happened: BTreeMap<What, i64>,
    /// Its slices, where there are several servers.
    slices: Option<String>,
    /// Since when it does not answer.
    away: Option<Instant>,
    /// Somebody waits for it, and it may be away.
    doubted: bool,
    /// When it was last found to have no room.
    full: Option<Instant>,
}

/// A small change may find room where the next one does not: it has room once nothing failed for so long.
const ROOM_FOR: Duration = Duration::from_secs(2);

impl Health {
    /// That of one server of several, which has these slices.
    pub(crate) fn of_slices(slices: String) -> Self {
        let state = State {
            slices: Some(slices),
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// How long it has not answered; none when it does.
    pub(crate) fn away_for(&self) -> Option<Duration> {
        self.lock().away.map(|since| since.elapsed())
    }

    /// Whether somebody waits for it for long already.
    pub(crate) fn is_doubted(&self) -> bool {
        self.lock().doubted
    }

    pub(crate) fn ill(&self) -> Option<Ill> {
        self.lock().ill.clone()
    }

    /// What happened since this process began, and when last, ms UTC.
    pub(crate) fn all_happened(&self) -> BTreeMap<What, i64> {
        self.lock().happened.clone()
    }

    /// Something happened just now.
    pub(crate) fn happened(&self, what: What) {
        self.lock().happened.insert(what, now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It answers.
    pub(crate) fn well(&self) {
        let mut state = self.lock();
        state.away = None;
        state.doubted = false;
        if state.full.is_some_and(|at| at.elapsed() < ROOM_FOR) {
            return;
        }
        state.full = None;
        if let Some(was) = state.ill.take() {
            tracing::info!(target: "alert", what = "store", since = was.since, "the database is back");
        }
    }

    /// Somebody waits for an answer for long. A slow page, or a commit that waits for another, is no proof: where there are
    /// several servers, whose slices would all rest, this one is looked at before (`connect::watch`).
    pub(crate) fn silent(&self, why: &str) {
        let mut state = self.lock();
        if state.slices.is_some() {
            state.doubted = true;
            return;
        }
        drop(state);
        self.away(why);
    }

    /// It does not answer.
    pub(crate) fn away(&self, why: &str) {
        let which = self.which();
        self.set(false, format!(
            "The database{which} does not answer ({why}). What was saved is safe; nothing new can be saved until it is back, and Kith goes on by itself then."
        ));
    }

    /// It refused, if the error says something about the database rather than about one job.
    pub(crate) fn hurt(&self, error: &StoreError) {
        match error {
            StoreError::Away { why } => self.away(why),
            StoreError::Full { why } => {
                let which = self.which();
                self.set(true, format!(
                    "The database{which} has no room or cannot write ({why}). What was saved is safe; make room, and Kith goes on by itself."
                ));
            }
            _ => {}
        }
    }

    /// Which one it is, where there are several.
    fn which(&self) -> String {
        let slices = self.lock().slices.clone();
        slices.map_or_else(String::new, |slices| {
            format!(" with the slices {slices} of subscribers")
        })
    }

    fn set(&self, full: bool, sentence: String) {
        let since = now();
        let mut state = self.lock();
        state.full = full.then(Instant::now);
        state.doubted = false;
        state.away = match full {
            true => None,
            false => state.away.or_else(|| Some(Instant::now())),
        };
        let slices = state.slices.clone();
        let ill = &mut state.ill;
        match ill {
            Some(ill) => (ill.sentence, ill.full) = (sentence, full),
            None => {
                tracing::error!(target: "alert", what = "store", since, "{sentence}");
                *ill = Some(Ill {
                    since,
                    sentence,
                    full,
                    slices,
                });
            }
        }
    }
}

/// Now, ms UTC.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}
