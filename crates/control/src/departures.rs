//! A subscriber who leaves: her terminals are emptied first where the channel can, then everything of hers is gone
//! (DECISIONS.md, “deleting a subscriber”).

use crate::{Control, Event, ProvisionError, TerminalPatch, TerminalState};
use book::{Revision, Subscriber, SubscriberId};
use delivery::Terminal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{DocumentWrite, Job, Refused, StoreError};
use terminals::Content;

const KIND: &str = "leaving";
/// How long her terminals are waited for, ms.
const PATIENCE: i64 = 7 * 86_400_000;
/// How many are looked at together.
const PAGE: u32 = 100;
/// The longest between two looks at one of them, ms. While she has only just begun to leave they are closer: a phone that
/// is on is empty within seconds.
const RARELY: i64 = 60_000;

/// What is remembered from look to look of those who leave.
#[derive(Default)]
pub(crate) struct Departures {
    /// The last one looked at; none: from the beginning.
    after: Option<String>,
    /// When each was looked at last, ms UTC.
    looked: BTreeMap<String, i64>,
}

impl Departures {
    /// Whether it is time to look at who has been leaving since `since`; then it is remembered.
    fn turn(&mut self, key: &str, since: i64, now: i64) -> bool {
        let wait = (now.saturating_sub(since) / 2).clamp(0, RARELY);
        // A clock that was set back does not put her off.
        let early = |last: &i64| (0..wait).contains(&now.saturating_sub(*last));
        if self.looked.get(key).is_some_and(early) {
            return false;
        }
        self.looked.insert(key.to_owned(), now);
        true
    }

    /// A page was looked at; this was its end.
    fn go_on(&mut self, last: Option<String>, now: i64) {
        if last.is_none() {
            // The next look begins anew. Whoever was not looked at for so long is looked at anyway.
            self.looked
                .retain(|_, at| (0..RARELY).contains(&now.saturating_sub(*at)));
        }
        self.after = last;
    }
}

#[derive(Serialize, Deserialize)]
struct Leaving {
    subscriber: SubscriberId,
    since: i64,
}

impl Control {
    /// Takes leave of a subscriber if she is as the caller saw her. Gives whether she is gone already; else her terminals
    /// are being emptied, and she goes when they are, or after seven days.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn delete_subscriber(
        &self,
        id: SubscriberId,
        as_seen: impl FnOnce(&Subscriber, Revision) -> bool,
    ) -> Result<bool, ProvisionError> {
        self.changeable(id, as_seen).await?;
        let since = self.leaving(id).await?;
        let leaving = Leaving {
            subscriber: id,
            since: since.unwrap_or_else(|| self.now()),
        };
        let write = DocumentWrite::put(KIND, id.0.to_string(), &leaving);
        self.store().run(Job::Documents(vec![write])).await?;
        match self.see_off(&leaving).await {
            // The engine was quicker.
            Err(ProvisionError::NotFound) => Ok(true),
            done => done,
        }
    }

    /// Since when a subscriber has been leaving, ms UTC.
    ///
    /// # Errors
    /// The store's.
    pub async fn leaving(&self, id: SubscriberId) -> Result<Option<i64>, StoreError> {
        let document = self.store().document(KIND, &id.0.to_string()).await?;
        let leaving: Option<Leaving> = document.and_then(|d| serde_json::from_str(&d.value).ok());
        Ok(leaving.map(|leaving| leaving.since))
    }

    /// Sees off whose terminals are empty, or were waited for long enough: a page a look, so that many whose phones are
    /// off keep nobody behind them waiting. What fails about one of them keeps nobody else, either.
    pub(crate) async fn see_all_off(&self, state: &mut Departures) -> Result<(), StoreError> {
        let page = self.store().documents(KIND, state.after.as_deref(), PAGE);
        let page = page.await?;
        let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        let last = page.last().map(|document| document.key.clone());
        let mut done = Ok(());
        for document in page {
            let Ok(leaving) = serde_json::from_str::<Leaving>(&document.value) else {
                continue;
            };
            if !state.turn(&document.key, leaving.since, self.now()) {
                continue;
            }
            match self.see_off(&leaving).await {
                Ok(_) | Err(ProvisionError::NotFound) => {}
                Err(ProvisionError::Store(error)) => done = done.and(Err(error)),
                Err(error) => tracing::warn!(%error, "a subscriber cannot be seen off yet"),
            }
        }
        state.go_on(last.filter(|_| full), self.now());
        done
    }

    /// Goes on with a departure, whoever began it and wherever it was broken off: gives whether she is gone.
    async fn see_off(&self, leaving: &Leaving) -> Result<bool, ProvisionError> {
        let id = leaving.subscriber;
        let patient = self.now() < leaving.since.saturating_add(PATIENCE);
        let mut empty = true;
        for full in self.store().terminals_of(id).await? {
            if !full.terminal.retired && patient {
                empty &= self.emptied(full.terminal).await?;
            }
        }
        if !empty {
            return Ok(false);
        }
        match self.store().run(Job::DeleteSubscriber(id)).await {
            // Somebody saw her off at the same moment, or only the rest was left to be done.
            Ok(()) | Err(StoreError::Refused(Refused::Missing)) => {}
            Err(error) => return Err(error.into()),
        }
        // Not before she is gone: whoever is still there must be found again.
        let key = id.0.to_string();
        let done = Job::Documents(vec![
            DocumentWrite::remove("pin", &key),
            DocumentWrite::remove(KIND, &key),
        ]);
        self.store().run(done).await?;
        self.emit(Event::Change {
            subscriber: id,
            revision: Revision(0),
        });
        Ok(true)
    }

    /// Whether nothing of Kith's is on a terminal any more, as far as its channel can take it away; sees to it that it
    /// will be.
    async fn emptied(&self, terminal: Terminal) -> Result<bool, ProvisionError> {
        let id = terminal.id;
        if !terminal.channel.can_remove() {
            self.retire(id, |_| true).await?;
            return Ok(true);
        }
        let nobody = Content::Groups(BTreeSet::new());
        if terminal.content != nobody {
            let patch = TerminalPatch {
                card: None,
                content: Some(nobody),
            };
            self.change_terminal(id, patch, |_| true).await?;
        }
        let view = self.terminal_view(id).await?;
        Ok(view.is_none_or(|view| view.state == TerminalState::InSync))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::testing::{Clock, house_at, house_over, owner, sim};
    use store::{Servers, Store};

    #[test]
    fn who_leaves_is_looked_at_soon_and_then_once_a_minute() {
        let mut state = Departures::default();
        let looks = |state: &mut Departures, seconds: std::ops::Range<i64>| {
            let looked = seconds.filter(|s| state.turn("1", 0, s * 1_000));
            looked.collect::<Vec<_>>()
        };
        let first = looks(&mut state, 0..60);
        assert_eq!(first, [0, 1, 2, 4, 8, 16, 32]);
        let hours = looks(&mut state, 60..36_000);
        let apart = |pair: &[i64]| pair[1] - pair[0] >= 60;
        assert!(hours.windows(2).all(apart), "{hours:?}");
        assert!(hours.len() > 590, "{}", hours.len());
        // A clock set back puts nobody off.
        assert!(state.turn("1", 0, 100_000));
    }

    #[tokio::test]
    async fn who_could_not_be_deleted_is_not_forgotten() {
        let server = pgbox::shared().unwrap();
        let url = server.database("departures").unwrap();
        let store = Store::connect(&Servers::one(url)).unwrap();
        let clock = Clock::default();
        let control = house_over(clock.clone(), store);
        let id = owner(&control, 100).await;
        // What stays of those who left cannot be written.
        server.closed("departures", "departed", true).unwrap();
        let failed = control.delete_subscriber(id, |_, _| true).await;
        assert!(
            matches!(failed, Err(ProvisionError::Store(_))),
            "{failed:?}"
        );
        assert!(control.store().subscriber(id).await.unwrap().is_some());
        assert!(control.leaving(id).await.unwrap().is_some());
        clock.pass(RARELY);
        assert!(control.look_after().await.is_err());
        assert!(control.leaving(id).await.unwrap().is_some());
        server.closed("departures", "departed", false).unwrap();
        clock.pass(RARELY);
        control.look_after().await.unwrap();
        assert_eq!(control.store().subscriber(id).await.unwrap(), None);
        assert_eq!(control.leaving(id).await.unwrap(), None);
        control.store().close().await;
    }

    #[tokio::test]
    async fn what_is_left_of_a_departure_is_done_by_the_next_look() {
        let control = house_at(Clock::default(), Settings::default());
        let id = owner(&control, 100).await;
        let key = id.0.to_string();
        let leaving = Leaving {
            subscriber: id,
            since: control.now(),
        };
        let left = vec![
            DocumentWrite::put("pin", &key, &0),
            DocumentWrite::put(KIND, &key, &leaving),
        ];
        // The process ended between the two.
        for job in [Job::Documents(left), Job::DeleteSubscriber(id)] {
            control.store().run(job).await.unwrap();
        }
        control.look_after().await.unwrap();
        for kind in ["pin", KIND] {
            let left = control.store().documents(kind, None, 9).await.unwrap();
            assert_eq!(left, []);
        }
    }

    #[tokio::test]
    async fn many_whose_phones_are_off_keep_nobody_behind_them() {
        let clock = Clock::default();
        let control = house_at(clock.clone(), Settings::default());
        // Nobody plans for them: their terminals are never empty.
        for n in 0..250 {
            let id = owner(&control, n).await;
            let card = format!("894400000000000{n:04}");
            control.add_terminal(sim(id, n, &card)).await.unwrap();
            assert!(!control.delete_subscriber(id, |_, _| true).await.unwrap());
        }
        // The process ended before she was seen off; her key is behind all others.
        let last = owner(&control, 999).await;
        let leaving = Leaving {
            subscriber: last,
            since: control.now(),
        };
        let write = DocumentWrite::put(KIND, "9".repeat(20), &leaving);
        control
            .store()
            .run(Job::Documents(vec![write]))
            .await
            .unwrap();
        for _ in 0..3 {
            clock.pass(1_000);
            control.look_after().await.unwrap();
        }
        assert_eq!(control.store().subscriber(last).await.unwrap(), None);
        let left = control.store().documents(KIND, None, 1_000).await.unwrap();
        assert!(left.len() >= 250, "{}", left.len());
        // Those who were waited for long enough go, page by page.
        clock.pass(PATIENCE);
        for _ in 0..5 {
            clock.pass(1_000);
            control.look_after().await.unwrap();
        }
        let all = control.store().subscribers(None, 1_000).await.unwrap();
        assert_eq!(all, []);
    }
}
