//! Who asks, and what waits for a reader. Some readers are kept for delivery and the leases, and no page ever takes them:
//! a few slow pages must not end a lease.

use crate::StoreError;
use crate::writer::Question;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Asker {
    /// Pages, and people's work.
    #[default]
    People,
    /// Delivery's steps, and the leases.
    Delivery,
    /// Somebody who counts whole tables: that it is slow says nothing about the database.
    Count,
}

#[derive(Default)]
struct Waiting {
    delivery: VecDeque<Question>,
    others: VecDeque<(Asker, Question)>,
    closed: bool,
}

impl Waiting {
    /// The next questions of one asker, in order, at most so many; a count goes alone. Delivery's go first.
    fn take(&mut self, kept: bool, most: usize) -> Option<(Asker, Vec<Question>)> {
        if !self.delivery.is_empty() {
            let some = self.delivery.len().min(most);
            return Some((Asker::Delivery, self.delivery.drain(..some).collect()));
        }
        if kept {
            return None;
        }
        let (asker, first) = self.others.pop_front()?;
        let mut questions = vec![first];
        while asker == Asker::People
            && questions.len() < most
            && let Some((_, next)) = self
                .others
                .pop_front_if(|(asker, _)| *asker == Asker::People)
        {
            questions.push(next);
        }
        Some((asker, questions))
    }
}

/// Questions that wait for a reader.
#[derive(Default)]
pub(crate) struct Questions {
    waiting: Mutex<Waiting>,
    /// For the readers that take everything, and for those that are kept for delivery.
    came: Condvar,
    came_for_kept: Condvar,
}

impl Questions {
    /// Hands a question in.
    pub(crate) fn ask(&self, asker: Asker, question: Question) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        match asker {
            Asker::Delivery => {
                waiting.delivery.push_back(question);
                self.came_for_kept.notify_one();
            }
            asker => waiting.others.push_back((asker, question)),
        }
        self.came.notify_one();
        Ok(())
    }

    /// Waits for the next questions of one asker, in order, at most so many; a `kept` reader gets delivery's alone. None
    /// once it is closed and nothing waits any more.
    pub(crate) fn next(&self, kept: bool, most: usize) -> Option<(Asker, Vec<Question>)> {
        let mut waiting = self.lock();
        loop {
            if let Some(taken) = waiting.take(kept, most) {
                return Some(taken);
            }
            if waiting.closed {
                return None;
            }
            let came = if kept {
                &self.came_for_kept
            } else {
                &self.came
            };
            waiting = came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody asks any more; what waits is still answered.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.came.notify_all();
        self.came_for_kept.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Question {
        Box::new(|| Box::new(|_| ()))
    }

    fn taken(of: &Questions, kept: bool, most: usize) -> Option<(Asker, usize)> {
        let taken = of.next(kept, most);
        taken.map(|(asker, questions)| (asker, questions.len()))
    }

    #[test]
    fn pages_never_take_the_reader_that_is_kept() {
        let questions = Questions::default();
        for asker in [
            Asker::People,
            Asker::People,
            Asker::Count,
            Asker::People,
            Asker::Delivery,
        ] {
            questions.ask(asker, nothing()).unwrap();
        }
        questions.close();
        assert!(matches!(
            questions.ask(Asker::People, nothing()),
            Err(StoreError::Closed)
        ));
        // Four pages wait, and the kept reader sees delivery's question only.
        assert_eq!(taken(&questions, true, 8), Some((Asker::Delivery, 1)));
        assert_eq!(taken(&questions, true, 8), None);
        // Pages share a snapshot; a count goes alone.
        assert_eq!(taken(&questions, false, 8), Some((Asker::People, 2)));
        assert_eq!(taken(&questions, false, 8), Some((Asker::Count, 1)));
        assert_eq!(taken(&questions, false, 8), Some((Asker::People, 1)));
        assert_eq!(taken(&questions, false, 8), None);
    }

    #[test]
    fn delivery_goes_first_where_all_are_taken() {
        let questions = Questions::default();
        for asker in [Asker::People, Asker::Delivery, Asker::Delivery] {
            questions.ask(asker, nothing()).unwrap();
        }
        assert_eq!(taken(&questions, false, 1), Some((Asker::Delivery, 1)));
        assert_eq!(taken(&questions, false, 8), Some((Asker::Delivery, 1)));
        assert_eq!(taken(&questions, false, 8), Some((Asker::People, 1)));
    }
}
