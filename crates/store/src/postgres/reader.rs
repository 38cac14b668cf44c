//! Connections that only read: each question sees one state, of every server that it asks.

use super::connect::{Known, Place, gone};
use super::{Patience, Postgres};
use crate::StoreError;
use crate::readers::Asker;
use crate::table::{Asked, At, Database, Load};
use crate::value::{Row, slice_of};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

/// What a question begins with.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The same where whole tables are counted: the server itself ends what takes longer, and the connection stays.
const COUNTED: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '60s'";
/// No statement goes on after its connection was given up (`Patience::USUAL`).
const ENDED: &str = "SET statement_timeout = '9s'";

/// How long a server that can be done without is waited for until it takes a connection.
const SHORT: Duration = Duration::from_secs(2);

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct How {
    asker: Asker,
    /// There are others: one that is away is not tried, somebody does that (`connect::watch`).
    watched: bool,
    /// It can be done without.
    spared: bool,
}

/// One server as a reader knows it.
struct Source {
    known: Arc<Known>,
    db: RefCell<Option<Postgres>>,
    /// A question is being answered: what it sees is one state.
    inside: Cell<bool>,
    /// The question has seen something of it.
    seen: Cell<bool>,
    /// The question does without it, to its end.
    left_out: Cell<bool>,
}

impl Source {
    /// Asks this server; the first that is asked of it begins the question's snapshot there.
    fn ask<T>(
        &self,
        how: How,
        question: impl Fn(&Postgres) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let health = &self.known.health;
        let away = health.away_for().is_some() || how.spared && health.is_doubted();
        let away = how.watched && away;
        if self.left_out.get() || (away && !self.seen.get()) {
            return Err(StoreError::Away {
                why: "it was away when it was asked".into(),
            });
        }
        let answer = self.ask_there(how, question)?;
        self.seen.set(true);
        Ok(answer)
    }

    fn ask_there<T>(
        &self,
        how: How,
        question: impl Fn(&Postgres) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let counts = how.asker == Asker::Count;
        let begin = if counts { COUNTED } else { BEGIN };
        let patience = match how.spared {
            true => Patience::SHORT,
            false if counts => Patience::COUNT,
            false => Patience::USUAL,
        };
        let mut db = self.db.borrow_mut();
        if !self.inside.replace(true) {
            // A connection that broke since the last question is noticed by asking.
            if let Some(known) = &*db {
                known.patience.set(patience);
                known.begin(begin);
                let answer = question(known);
                // Whoever waited that long for a count does not begin it again.
                let over = (counts || how.spared) && known.silent.get();
                if over || !matches!(answer, Err(StoreError::Away { .. })) {
                    return answer;
                }
            }
            *db = None;
            *db = Some(self.connected(how, patience, begin)?);
        }
        question(db.as_ref().ok_or_else(gone)?)
    }

    fn connected(
        &self,
        how: How,
        patience: Patience,
        begin: &'static str,
    ) -> Result<Postgres, StoreError> {
        let new = match how.spared {
            true => self.known.connect_within(SHORT),
            false => self.known.connect(),
        };
        let new = new.inspect_err(|error| self.known.health.hurt(error))?;
        new.patience.set(patience);
        self.known.demand_slices(&new)?;
        self.known.notice_failover(&new)?;
        new.batch("be opened", ENDED)?;
        new.begin(begin);
        Ok(new)
    }

    fn leave(&self) {
        self.seen.set(false);
        self.left_out.set(false);
        if self.inside.replace(false) {
            let ended = self
                .db
                .borrow()
                .as_ref()
                .map(|db| db.batch("end a question", "COMMIT"));
            if !matches!(ended, Some(Ok(()))) {
                *self.db.borrow_mut() = None;
            }
        }
    }
}

/// Connections that only read, one to each server.
pub(crate) struct Reader {
    sources: Vec<Source>,
    place: Place,
    /// Whose question it is.
    asker: Cell<Asker>,
}

impl Reader {
    pub(crate) fn new(known: &[Arc<Known>], place: Place) -> Self {
        let source = |known: &Arc<Known>| Source {
            known: Arc::clone(known),
            db: RefCell::new(None),
            inside: Cell::new(false),
            seen: Cell::new(false),
            left_out: Cell::new(false),
        };
        Self {
            sources: known.iter().map(source).collect(),
            place,
            asker: Cell::default(),
        }
    }

    /// Somebody's question comes.
    pub(crate) fn enter(&self, asker: Asker) {
        self.asker.set(asker);
    }

    /// The question is answered.
    pub(crate) fn leave(&self) {
        self.sources.iter().for_each(Source::leave);
    }

    /// Asks one of several servers. Where it `may_lack`, one that does not answer is done without: its slices' work rests,
    /// and nobody else's. A question sees a server from its first look to its last, or not at all.
    fn ask_one<T>(
        &self,
        source: &Source,
        may_lack: bool,
        question: impl Fn(&Postgres) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let how = How {
            asker: self.asker.get(),
            watched: true,
            spared: may_lack && !source.seen.get(),
        };
        match source.ask(how, question) {
            Err(StoreError::Away { .. }) if how.spared => {
                source.left_out.set(true);
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    fn ask_only<T>(
        &self,
        only: &Source,
        question: impl Fn(&Postgres) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let how = How {
            asker: self.asker.get(),
            watched: false,
            spared: false,
        };
        only.ask(how, question)
    }
}

/// Home is asked last: its state is no older than the others'. What is noted there before a slice's rows are written (that
/// a campaign has reached somebody, before her mark) is seen by whoever sees these.
impl Database for Reader {
    fn place(&self, slice: u8) -> usize {
        self.place.of(slice)
    }

    fn is_whole(&self) -> bool {
        !self.sources.iter().any(|source| source.left_out.get())
    }

    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError> {
        if let [only] = &self.sources[..] {
            return self.ask_only(only, |db| db.ask(questions));
        }
        let mut found: Vec<Vec<Row>> = questions.iter().map(|_| Vec::new()).collect();
        for (place, source) in self.sources.iter().enumerate().rev() {
            let here = |(at, ..): &Asked| match *at {
                At::Home => place == 0,
                At::Slice(slice) => self.place.of(slice) == place,
                At::Everywhere | At::Reachable => true,
            };
            let mine: Vec<_> = questions.iter().filter(|one| here(one)).cloned().collect();
            if mine.is_empty() {
                continue;
            }
            let may_lack = mine.iter().all(|(at, ..)| *at == At::Reachable);
            let Some(answers) = self.ask_one(source, may_lack, |db| db.ask(&mine))? else {
                continue;
            };
            let asked = questions
                .iter()
                .zip(&mut found)
                .filter(|(one, _)| here(one));
            for ((_, all), rows) in asked.zip(answers) {
                all.extend(rows);
            }
        }
        Ok(found)
    }

    fn load(&self, loads: &[Load]) -> Result<Vec<Vec<Row>>, StoreError> {
        if let [only] = &self.sources[..] {
            return self.ask_only(only, |db| db.load(loads));
        }
        let mut found: Vec<Vec<Row>> = loads.iter().map(|_| Vec::new()).collect();
        for (place, source) in self.sources.iter().enumerate().rev() {
            let mine = |load: &Load| Load {
                keys: load
                    .keys
                    .iter()
                    .filter(|key| !load.table.is_sliced() || self.place.of(slice_of(key)) == place)
                    .cloned()
                    .collect(),
                ..*load
            };
            let mine: Vec<_> = loads.iter().map(mine).collect();
            let mut asked = mine.iter().filter(|load| !load.keys.is_empty()).peekable();
            if asked.peek().is_none() {
                continue;
            }
            let may_lack = asked.all(|load| !load.table.is_sliced());
            let more = self.ask_one(source, may_lack, |db| db.load(&mine))?;
            for (all, more) in found.iter_mut().zip(more.into_iter().flatten()) {
                all.extend(more);
            }
        }
        for rows in &mut found {
            rows.sort_unstable();
        }
        Ok(found)
    }
}
