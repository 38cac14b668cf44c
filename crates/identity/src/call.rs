//! A telephone call as a state machine: ringing, answered, ended; level 0 unverified, 1 verified, 2 with a second
//! proof (SCREENS.md §3). Decisions only: what happened goes in, the changed call comes out.

use crate::{Code, Purpose, Tried};
use book::{Language, Revision, SubscriberId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Codes that may be sent in one call.
pub const CODES: u8 = 2;
/// A call without events for so long ends itself, ms (DECISIONS.md, “when edits go”).
pub const IDLE: i64 = 10 * 60_000;
/// How long the page of an ended call may still be looked at, ms.
pub const LOOK_BACK: i64 = 30 * 60_000;

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// At all free agents.
    Ringing,
    /// One agent has it.
    Answered,
    /// Over.
    Ended,
}

impl CallState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }
}

/// Who has the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    /// The account's login.
    pub login: String,
    /// The name.
    pub name: String,
}

/// A step of the call, for the record: never a digit that was keyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When, ms UTC.
    pub at: i64,
    /// What: `rang`, `answered`, `code`, `wrong`, `verified`, `second`, `sent`, `ended`, `idle`.
    pub what: String,
    /// By whom, where it was not the caller.
    pub by: Option<String>,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id in the API.
    pub id: String,
    /// The number that it claims to come from: normal form where it has one.
    pub caller: String,
    /// The number that was dialled.
    pub called: String,
    /// How far.
    pub state: CallState,
    /// 0, 1 or 2.
    pub level: u8,
    /// Who has it.
    pub agent: Option<AgentRef>,
    /// Whose books this number is known for; not shown before the caller is verified.
    pub choices: Vec<SubscriberId>,
    /// Whose book is open: the only choice, or the one that the verified caller named.
    pub subscriber: Option<SubscriberId>,
    /// A telephone system can pass keyed digits on; else a code is spoken, where policy allows it.
    pub keyed: bool,
    /// The language of the texts to the caller.
    pub language: Language,
    /// The code that was sent.
    pub code: Option<Code>,
    /// How many were sent.
    pub codes_sent: u8,
    /// When it began, ms UTC.
    pub began: i64,
    /// When the agent answered, ms UTC.
    pub answered: Option<i64>,
    /// When it ended, ms UTC.
    pub ended: Option<i64>,
    /// When something last happened in it, ms UTC.
    pub last: i64,
    /// Its changes went to the terminals (or there were none) and the closing text was sent.
    pub settled: bool,
    /// What was read back: the caller's yes or no, by change.
    pub read_back: BTreeMap<u64, bool>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallRefusal {
    /// Another agent was first.
    #[error("another agent has this call")]
    Taken,
    /// It is over.
    #[error("this call has ended")]
    Over,
    /// It is not answered yet.
    #[error("answer the call first")]
    NotAnswered,
    /// Two codes were sent.
    #[error("two codes were sent in this call: that is all; the caller may call again")]
    NoMoreCodes,
    /// Policy, or the telephone system, wants digits keyed.
    #[error("the code is keyed by the caller on her phone, never spoken")]
    KeyedOnly,
    /// A second proof, or a choice, before the first proof.
    #[error("the caller is not verified yet")]
    NotVerified,
    /// This book is not one of the caller's, or one is open already.
    #[error("this call cannot open that book")]
    NoChoice,
    /// The caller is verified already.
    #[error("the caller is verified already")]
    Verified,
}

impl Call {
    /// A call that begins to ring.
    pub fn ring(id: String, caller: String, called: String, keyed: bool, now: i64) -> Self {
        let mut call = Self {
            id,
            caller,
            called,
            state: CallState::Ringing,
            level: 0,
            agent: None,
            choices: Vec::new(),
            subscriber: None,
            keyed,
            language: Language::En,
            code: None,
            codes_sent: 0,
            began: now,
            answered: None,
            ended: None,
            last: now,
            settled: false,
            read_back: BTreeMap::new(),
            steps: Vec::new(),
        };
        call.step("rang", None, now);
        call
    }

    /// The first agent to answer has it; the same agent again is no news.
    ///
    /// # Errors
    /// [`CallRefusal::Taken`], [`CallRefusal::Over`].
    pub fn answer(&mut self, agent: AgentRef, now: i64) -> Result<(), CallRefusal> {
        match self.state {
            CallState::Ringing => {}
            CallState::Answered if self.is_with(&agent.login) => return Ok(()),
            CallState::Answered => return Err(CallRefusal::Taken),
            CallState::Ended => return Err(CallRefusal::Over),
        }
        self.state = CallState::Answered;
        self.answered = Some(now);
        self.step("answered", Some(&agent.name), now);
        self.agent = Some(agent);
        Ok(())
    }

    /// Whether this agent has it.
    pub fn is_with(&self, login: &str) -> bool {
        self.agent
            .as_ref()
            .is_some_and(|agent| agent.login == login)
    }

    /// A code goes out. It is bound to this call by its subject, the call's id.
    ///
    /// # Errors
    /// [`CallRefusal`].
    pub fn send_code(&mut self, digits: &str, pepper: &[u8], now: i64) -> Result<(), CallRefusal> {
        self.must_be_answered()?;
        if self.level > 0 {
            return Err(CallRefusal::Verified);
        }
        if self.codes_sent >= CODES {
            return Err(CallRefusal::NoMoreCodes);
        }
        self.codes_sent += 1;
        self.code = Some(Code::new(Purpose::Desk, &self.id, digits, pepper, now));
        self.step("code", None, now);
        Ok(())
    }

    /// Digits as keyed by the caller, or as spoken to the agent. Right ones verify the caller.
    ///
    /// # Errors
    /// [`CallRefusal`].
    pub fn try_code(
        &mut self,
        digits: &str,
        pepper: &[u8],
        now: i64,
    ) -> Result<Tried, CallRefusal> {
        self.must_be_answered()?;
        let tried = match &mut self.code {
            Some(code) => code.check(Purpose::Desk, &self.id, digits, pepper, now),
            None => Tried::Over,
        };
        match tried {
            // Nobody's code is ever right: a call from an unknown number stays at level 0.
            Tried::Right if !self.choices.is_empty() => {
                self.level = self.level.max(1);
                if let [only] = self.choices[..] {
                    self.subscriber = Some(only);
                }
                self.step("verified", None, now);
                Ok(Tried::Right)
            }
            Tried::Right => {
                self.step("wrong", None, now);
                Ok(Tried::Wrong(0))
            }
            Tried::Wrong(left) => {
                self.step("wrong", None, now);
                Ok(Tried::Wrong(left))
            }
            Tried::Over => Ok(Tried::Over),
        }
    }

    /// The verified caller says which of her books she means.
    ///
    /// # Errors
    /// [`CallRefusal::NotVerified`] before; [`CallRefusal::NoChoice`] for any other book.
    pub fn choose(&mut self, subscriber: SubscriberId, now: i64) -> Result<(), CallRefusal> {
        self.must_be_answered()?;
        if self.level == 0 {
            return Err(CallRefusal::NotVerified);
        }
        if self.subscriber.is_some() || !self.choices.contains(&subscriber) {
            return Err(CallRefusal::NoChoice);
        }
        self.subscriber = Some(subscriber);
        self.touch(now);
        Ok(())
    }

    /// A second proof on top of the first: the PIN only ever adds to a verified call.
    ///
    /// # Errors
    /// [`CallRefusal`].
    pub fn second_proof(&mut self, right: bool, now: i64) -> Result<(), CallRefusal> {
        self.must_be_answered()?;
        if self.level == 0 {
            return Err(CallRefusal::NotVerified);
        }
        if right {
            self.level = 2;
        }
        self.step(if right { "second" } else { "wrong" }, None, now);
        Ok(())
    }

    /// The caller's yes or no to one change that was read back to her.
    pub fn read_back(&mut self, change: Revision, yes: bool, now: i64) {
        self.read_back.insert(change.0, yes);
        self.last = now;
    }

    /// “Send now”: what was changed so far goes.
    pub fn sent(&mut self, by: Option<&str>, now: i64) {
        self.step("sent", by, now);
    }

    /// The call is over, whoever hung up. False when it was over before.
    pub fn end(&mut self, by: Option<&str>, now: i64) -> bool {
        if self.state == CallState::Ended {
            return false;
        }
        self.state = CallState::Ended;
        self.ended = Some(now);
        self.code = None;
        self.step("ended", by, now);
        true
    }

    /// Whether nothing has happened for so long that it ends itself.
    pub fn is_idle(&self, now: i64) -> bool {
        self.state != CallState::Ended && now - self.last >= IDLE
    }

    /// Something happened in it: an edit, a search.
    pub fn touch(&mut self, now: i64) {
        self.last = self.last.max(now);
    }

    fn must_be_answered(&self) -> Result<(), CallRefusal> {
        match self.state {
            CallState::Answered => Ok(()),
            CallState::Ringing => Err(CallRefusal::NotAnswered),
            CallState::Ended => Err(CallRefusal::Over),
        }
    }

    fn step(&mut self, what: &str, by: Option<&str>, now: i64) {
        self.last = self.last.max(now);
        self.steps.push(Step {
            at: now,
            what: what.to_owned(),
            by: by.map(str::to_owned),
        });
    }
}

#[cfg(test)]
mod tests;
