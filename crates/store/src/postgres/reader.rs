//! Connections that only read: each question sees one state, of every server that it asks.

use super::connect::{Known, Place, gone};
use super::{Patience, Postgres};
use crate::StoreError;
use crate::readers::Asker;
use crate::table::{Asked, At, Database, Load};
use crate::value::{Row, slice_of};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What a question begins with.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The same where whole tables are counted: the server itself ends what takes longer, and the connection stays.
const COUNTED: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '60s'";
/// No statement goes on after its connection was given up (`Patience::USUAL`).
const ENDED: &str = "SET statement_timeout = '9s'";

/// One server as a reader knows it.
struct Source {
    known: Arc<Known>,
    db: RefCell<Option<Postgres>>,
    /// A question is being answered: what it sees is one state.
    inside: Cell<bool>,
}

impl Source {
    /// Asks this server; the first that is asked of it begins the question's snapshot there.
    fn ask<T>(
        &self,
        asker: Asker,
        question: impl Fn(&Postgres) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (begin, patience) = match asker {
            Asker::Count => (COUNTED, Patience::COUNT),
            Asker::People | Asker::Delivery => (BEGIN, Patience::USUAL),
        };
        let mut db = self.db.borrow_mut();
        if !self.inside.replace(true) {
            // A connection that broke since the last question is noticed by asking.
            if let Some(known) = &*db {
                known.patience.set(patience);
                known.begin(begin);
                let answer = question(known);
                // Whoever waited that long for a count does not begin it again.
                let over = asker == Asker::Count && known.silent.get();
                if over || !matches!(answer, Err(StoreError::Away { .. })) {
                    return answer;
                }
            }
            *db = None;
            let new = self.known.connect();
            let new = new.inspect_err(|error| self.known.health.hurt(error))?;
            self.known.notice_failover(&new)?;
            new.batch("be opened", ENDED)?;
            new.patience.set(patience);
            new.begin(begin);
            *db = Some(new);
        }
        question(db.as_ref().ok_or_else(gone)?)
    }

    fn leave(&self) {
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
}

impl Database for Reader {
    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError> {
        if let [only] = &self.sources[..] {
            return only.ask(self.asker.get(), |db| db.ask(questions));
        }
        let mut found: Vec<Vec<Row>> = questions.iter().map(|_| Vec::new()).collect();
        for (place, source) in self.sources.iter().enumerate() {
            let here = |(at, ..): &Asked| match *at {
                At::Home => place == 0,
                At::Slice(slice) => self.place.of(slice) == place,
                At::Everywhere => true,
            };
            let mine: Vec<_> = questions.iter().filter(|one| here(one)).cloned().collect();
            if mine.is_empty() {
                continue;
            }
            let answers = source.ask(self.asker.get(), |db| db.ask(&mine))?;
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
            return only.ask(self.asker.get(), |db| db.load(loads));
        }
        let mut found: Vec<Vec<Row>> = loads.iter().map(|_| Vec::new()).collect();
        for (place, source) in self.sources.iter().enumerate() {
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
            if mine.iter().all(|load| load.keys.is_empty()) {
                continue;
            }
            for (all, more) in found
                .iter_mut()
                .zip(source.ask(self.asker.get(), |db| db.load(&mine))?)
            {
                all.extend(more);
            }
        }
        for rows in &mut found {
            rows.sort_unstable();
        }
        Ok(found)
    }
}
