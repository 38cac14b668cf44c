//! Calls at the desk: rung by a telephone system or begun by an agent, verified by a code, ended; and what a call held
//! back goes to the terminals. The steps are `identity::Call`'s; here they are recorded and carried out.

mod proof;

pub use proof::Digits;

use crate::{Control, Event, closing, kill};
use book::{Change, Revision, SubscriberId, standing};
use delivery::Due;
use identity::call::AgentRef;
use identity::{Call, CallRefusal, CallState, Grant, Session};
use store::{DocumentWrite, Job, Refused, StoreError};

/// The longest number that is kept as it came.
const LONGEST: usize = 64;
const DAY: i64 = 86_400_000;
/// How long an ended call waits for the agent's word about changes that were not read back, ms.
const WORD: i64 = 60_000;
/// How often a step is tried again when others write the same call at the same time.
const ATTEMPTS: u32 = 8;
/// The most changes of one call that are looked at.
const CHANGES: u32 = 1000;

/// Why a step of a call was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The call's own rules.
    #[error(transparent)]
    Refused(#[from] CallRefusal),
    /// Too many failures in a row: until then, ms UTC.
    #[error("too many wrong codes: nothing can be tried for a while")]
    Locked(i64),
    /// There is no such call, or another agent has it.
    #[error("there is no such call")]
    NotFound,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Control {
    /// A call begins to ring at all free agents. `keyed`: a telephone system brought it and passes keyed digits on.
    ///
    /// # Errors
    /// The store's.
    pub async fn ring(&self, caller: &str, called: &str, keyed: bool) -> Result<Call, StoreError> {
        let mut octets = [0; 10];
        self.random(&mut octets);
        let id = book::encode('c', &octets);
        let normal = self.normal_number(caller);
        let caller = normal.unwrap_or_else(|| caller.trim().chars().take(LONGEST).collect());
        let called: String = called.chars().take(LONGEST).collect();
        let mut call = Call::ring(id, caller, called, keyed, self.now());
        for owner in self.store().subscribers_by_number(&call.caller).await? {
            call.language = owner.language;
            call.choices.push(owner.id);
        }
        for terminal in self.store().terminals_by_address(&call.caller).await? {
            if !call.choices.contains(&terminal.subscriber) {
                call.choices.push(terminal.subscriber);
            }
        }
        self.store()
            .run(Job::Documents(vec![self.call_record(&call).expecting(0)]))
            .await?;
        self.tell(&call);
        Ok(call)
    }

    /// The call with this id.
    ///
    /// # Errors
    /// The store's.
    pub async fn call(&self, id: &str) -> Result<Option<Call>, StoreError> {
        Ok(self.read_call(id).await?.map(|(call, _)| call))
    }

    /// Every call that is not over, or whose changes have not gone yet; oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn open_calls(&self) -> Result<Vec<Call>, StoreError> {
        let found = self.store().documents_by_index("call", "open").await?;
        let read = found
            .iter()
            .filter_map(|d| serde_json::from_str(&d.value).ok());
        let mut calls: Vec<Call> = read.collect();
        calls.sort_by_key(|call| call.began);
        Ok(calls)
    }

    /// An agent answers; the first one has it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(&self, id: &str, agent: &Session) -> Result<Call, CallError> {
        let named = AgentRef {
            login: agent.login.clone(),
            name: agent.name.clone(),
        };
        let now = self.now();
        self.call_step(id, |call| call.answer(named.clone(), now))
            .await
    }

    /// The verified caller says which book she means.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn choose_book(
        &self,
        id: &str,
        agent: &Session,
        subscriber: SubscriberId,
    ) -> Result<Call, CallError> {
        self.his(id, agent).await?;
        let now = self.now();
        self.call_step(id, |call| call.choose(subscriber, now))
            .await
    }

    /// The caller's yes or no to a change that was read back to her.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_back(
        &self,
        id: &str,
        agent: &Session,
        change: Revision,
        yes: bool,
    ) -> Result<Call, CallError> {
        self.his(id, agent).await?;
        let now = self.now();
        let step = |call: &mut Call| {
            call.read_back(change, yes, now);
            Ok(())
        };
        self.call_step(id, step).await
    }

    /// The agent did something in the call: its ten quiet minutes begin again.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn touch_call(&self, id: &str) -> Result<Call, CallError> {
        let now = self.now();
        let step = |call: &mut Call| {
            call.touch(now);
            Ok(())
        };
        self.call_step(id, step).await
    }

    /// “Send now”: what was changed so far goes to the terminals.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send_in_call(&self, id: &str, agent: &Session) -> Result<Call, CallError> {
        let call = self.his(id, agent).await?;
        if let Some(subscriber) = call.subscriber {
            self.release(subscriber).await?;
        }
        let now = self.now();
        let step = |call: &mut Call| {
            call.sent(Some(&agent.name), now);
            Ok(())
        };
        self.call_step(id, step).await
    }

    /// The call is over; `by` is the agent, or nobody when the caller hung up. Its changes go, unless the agent began to
    /// read them back and has not finished: then his word is waited for.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn end_call(&self, id: &str, by: Option<&Session>) -> Result<Call, CallError> {
        let now = self.now();
        if let Some(agent) = by {
            self.his(id, agent).await?;
        }
        let name = by.map(|agent| agent.name.as_str());
        let call = self.call_step(id, |call| {
            call.end(name, now);
            Ok(())
        });
        let call = call.await?;
        kill::after("call-ended");
        if by.is_none() && !call.read_back.is_empty() && !self.unconfirmed(&call).await?.is_empty()
        {
            return Ok(call);
        }
        self.settle_call(id).await
    }

    /// The agent's word about an ended call whose reading back was not finished: what was confirmed goes, the rest is
    /// undone (`undo_unconfirmed`), or everything goes.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn decide_call(
        &self,
        id: &str,
        agent: &Session,
        undo: UndoInCall,
    ) -> Result<Call, CallError> {
        let call = self.his(id, agent).await?;
        if call.state != CallState::Ended || call.settled {
            return Ok(call);
        }
        let changes = match undo {
            UndoInCall::Nothing => Vec::new(),
            UndoInCall::Unconfirmed => self.unconfirmed(&call).await?,
            UndoInCall::Everything => self.standing_in(&call).await?,
        };
        if let Some(grant) = Grant::of_call_end(&call) {
            for change in changes {
                // A field that somebody else changed since stays as it is: the journal shows both.
                if let Err(error) = self.undo(&grant, change.revision).await {
                    tracing::info!(%error, "a change of a call was not undone");
                }
            }
        }
        self.settle_call(id).await
    }

    /// The changes of this call, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn changes_in(&self, call: &Call) -> Result<Vec<Change>, StoreError> {
        let Some(subscriber) = call.subscriber else {
            return Ok(Vec::new());
        };
        let mut changes = self.store().changes(subscriber, None, CHANGES).await?;
        changes.retain(|change| change.call.as_deref() == Some(&call.id));
        Ok(changes)
    }

    /// Changes of this call to which the caller did not say yes, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn unconfirmed(&self, call: &Call) -> Result<Vec<Change>, StoreError> {
        let mut changes = self.standing_in(call).await?;
        changes.retain(|change| call.read_back.get(&change.revision.0) != Some(&true));
        Ok(changes)
    }

    /// The changes of this call that were not taken back in it, newest first.
    async fn standing_in(&self, call: &Call) -> Result<Vec<Change>, StoreError> {
        let mut changes = self.changes_in(call).await?;
        changes.reverse();
        let mut stand: Vec<Change> = standing(&changes).changes.into_iter().cloned().collect();
        stand.reverse();
        Ok(stand)
    }

    /// Ends calls in which nothing happened for ten minutes, and settles what nobody decided.
    pub(crate) async fn keep_calls(&self) -> Result<(), StoreError> {
        let now = self.now();
        for call in self.open_calls().await? {
            let ended = call.ended.is_some_and(|at| now - at >= WORD);
            let done = if call.is_idle(now) {
                self.end_call(&call.id, None).await.map(drop)
            } else if ended && !call.settled {
                self.settle_call(&call.id).await.map(drop)
            } else {
                Ok(())
            };
            if let Err(CallError::Store(error)) = done {
                return Err(error);
            }
        }
        self.let_go().await
    }

    /// Marks that no call holds back any more, because an edit met the call's end, go too.
    async fn let_go(&self) -> Result<(), StoreError> {
        let held = self.store().held_back().await?;
        if held.is_empty() {
            return Ok(());
        }
        let calls = self.open_calls().await?;
        for terminal in held {
            if !holds_back(&calls, terminal.subscriber) {
                self.release(terminal.subscriber).await?;
            }
        }
        Ok(())
    }

    /// What the call changed goes, the owner is told, and the call is closed. May be repeated after a crash: the marks
    /// are released first, and the text goes once.
    async fn settle_call(&self, id: &str) -> Result<Call, CallError> {
        let (call, _) = self.read_call(id).await?.ok_or(CallError::NotFound)?;
        if call.settled {
            return Ok(call);
        }
        if let Some(subscriber) = call.subscriber {
            // Another call about the same book holds on to its own.
            let mut others = self.open_calls().await?;
            others.retain(|other| other.id != call.id);
            if !holds_back(&others, subscriber) {
                self.release(subscriber).await?;
            }
        }
        kill::after("call-released");
        let mut first = false;
        let call = self
            .call_step(id, |call| {
                first = !call.settled;
                call.settled = true;
                Ok(())
            })
            .await?;
        kill::after("call-settled");
        if first {
            self.say_what_changed(&call).await?;
        }
        Ok(call)
    }

    /// The text after a call (SCREENS.md §3), to the number that owns the book.
    async fn say_what_changed(&self, call: &Call) -> Result<(), StoreError> {
        let Some(text) = self.closing_text(call).await? else {
            return Ok(());
        };
        let Some(subscriber) = call.subscriber else {
            return Ok(());
        };
        let owner = self.store().subscriber(subscriber).await?;
        if let Some(Err(error)) = owner.map(|owner| self.text(&owner.msisdn, &text)) {
            tracing::error!(%error, "the text after a call was not sent");
        }
        Ok(())
    }

    /// What the text after this call says; none when nothing changed.
    ///
    /// # Errors
    /// The store's.
    pub async fn closing_text(&self, call: &Call) -> Result<Option<String>, StoreError> {
        let Some(id) = call.subscriber else {
            return Ok(None);
        };
        let Some(subscriber) = self.store().subscriber(id).await? else {
            return Ok(None);
        };
        let mut changes = self.store().changes(id, None, CHANGES).await?;
        changes.retain(|change| change.call.as_deref() == Some(&call.id));
        let brand = self.brand(subscriber.language);
        let service = &self.settings().service_number;
        changes.reverse();
        Ok(closing::text(subscriber.language, brand, service, &changes))
    }

    /// Due marks that a call holds back go now.
    async fn release(&self, subscriber: SubscriberId) -> Result<(), StoreError> {
        let now = self.now();
        let terminals = self.store().terminals_of(subscriber).await?;
        let held = terminals.into_iter().filter_map(|full| {
            let due = full.due.filter(|due| due.at == i64::MAX)?;
            Some((full.terminal.id, Due { at: now, ..due }))
        });
        let marks: Vec<_> = held.collect();
        if marks.is_empty() {
            return Ok(());
        }
        let job = Job::MarkDue {
            marks,
            replace: true,
        };
        self.store().run(job).await?;
        self.wake_for(subscriber.slice());
        Ok(())
    }

    /// The call, if this agent has it.
    async fn his(&self, id: &str, agent: &Session) -> Result<Call, CallError> {
        let call = self.call(id).await?;
        call.filter(|call| call.is_with(&agent.login))
            .ok_or(CallError::NotFound)
    }

    async fn read_call(&self, id: &str) -> Result<Option<(Call, u64)>, StoreError> {
        let document = self.store().document("call", id).await?;
        Ok(document.and_then(|document| {
            let call = serde_json::from_str(&document.value).ok()?;
            Some((call, document.version))
        }))
    }

    /// One step of a call, recorded; repeated when somebody else took a step meanwhile.
    async fn call_step(
        &self,
        id: &str,
        mut take: impl FnMut(&mut Call) -> Result<(), CallRefusal>,
    ) -> Result<Call, CallError> {
        for _ in 0..ATTEMPTS {
            let (known, version) = self.read_call(id).await?.ok_or(CallError::NotFound)?;
            let mut call = known.clone();
            take(&mut call)?;
            if call == known {
                return Ok(call);
            }
            let write = self.call_record(&call).expecting(version);
            match self.store().run(Job::Documents(vec![write])).await {
                Err(StoreError::Refused(Refused::Stale)) => continue,
                done => done?,
            }
            if (call.state, call.level, call.settled) != (known.state, known.level, known.settled) {
                self.tell(&call);
            }
            return Ok(call);
        }
        Err(StoreError::Refused(Refused::Stale).into())
    }

    /// As it is stored. Calls are kept as long as the journal (DECISIONS.md, “retention”).
    fn call_record(&self, call: &Call) -> DocumentWrite {
        let kept = self.settings().retention.journal;
        DocumentWrite::put("call", call.id.clone(), call)
            .indexed(if call.settled { "closed" } else { "open" })
            .until(call.began.saturating_add(kept))
    }

    fn tell(&self, call: &Call) {
        self.emit(Event::Call {
            id: call.id.clone(),
            state: call.state.as_str().to_owned(),
            level: call.level,
        });
    }
}

/// Whether one of these calls holds back what it changes in this book.
fn holds_back(calls: &[Call], subscriber: SubscriberId) -> bool {
    calls
        .iter()
        .any(|call| call.subscriber == Some(subscriber) && !call.settled)
}

/// Which of an ended call's changes are taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoInCall {
    /// None: all go.
    Nothing,
    /// Those without the caller's yes.
    Unconfirmed,
    /// All.
    Everything,
}
