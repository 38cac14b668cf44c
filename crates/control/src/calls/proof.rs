//! Proving who calls: codes and the PIN, counted over all calls of a number.

use super::{ATTEMPTS, CallError, DAY};
use crate::people::failed;
use crate::{Control, Spoken, closing};
use book::Language;
use identity::{Call, CallRefusal, Failures, Session, Tried, code};
use store::{Job, Refused, StoreError};

/// What keyed digits came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// The call's level now.
    pub level: u8,
    /// Tries left with this code.
    pub tries_left: u8,
    /// Nothing more may be tried until then, ms UTC.
    pub locked_until: Option<i64>,
}

impl Control {
    /// Sends a code to the number that the call claims to come from; nothing goes out when nobody here has it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send_call_code(
        &self,
        id: &str,
        agent: &Session,
        language: Language,
    ) -> Result<Call, CallError> {
        let known = self.his(id, agent).await?;
        let now = self.now();
        if let Some(until) = self.failures(&known.caller).await?.0.locked(now) {
            return Err(CallError::Locked(until));
        }
        let digits = code::digits(self.random_u64());
        let pepper = self.vault().pepper();
        let call = self
            .call_step(id, |call| {
                call.language = language;
                call.send_code(&digits, pepper.expose(), now)
            })
            .await?;
        if !call.choices.is_empty() {
            let keyed = call.keyed && self.settings().spoken != Spoken::Always;
            let (brand, service) = (self.brand(language), &self.settings().service_number);
            let text = closing::desk_code(language, keyed, brand, service, &digits);
            if let Err(error) = self.text(&call.caller, &text) {
                tracing::error!(%error, "a desk code was not sent");
            }
        }
        Ok(call)
    }

    /// Whether the agent may type a code that the caller says.
    pub fn may_be_spoken(&self, call: &Call) -> bool {
        match self.settings().spoken {
            Spoken::Never => false,
            Spoken::WithoutTelephone => !call.keyed,
            Spoken::Always => true,
        }
    }

    /// The agent types the code that the caller said.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn spoken_code(
        &self,
        id: &str,
        agent: &Session,
        digits: &str,
    ) -> Result<Digits, CallError> {
        let call = self.his(id, agent).await?;
        if !self.may_be_spoken(&call) {
            return Err(CallRefusal::KeyedOnly.into());
        }
        self.code_digits(id, digits).await
    }

    /// Digits of a code, as the caller keyed them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn code_digits(&self, id: &str, digits: &str) -> Result<Digits, CallError> {
        let pepper = self.vault().pepper();
        let proof = |call: &mut Call, failures: &mut Failures, now| {
            Ok(match call.try_code(digits, pepper.expose(), now)? {
                Tried::Right => {
                    failures.succeed();
                    0
                }
                Tried::Wrong(left) => {
                    failures.fail(now);
                    left
                }
                Tried::Over => 0,
            })
        };
        self.try_proof(id, proof).await
    }

    /// Digits of the PIN, as the caller keyed them: a second proof on top of the first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn pin_digits(&self, id: &str, digits: &str) -> Result<Digits, CallError> {
        let call = self.call(id).await?.ok_or(CallError::NotFound)?;
        // A number that is locked out costs no sum.
        let locked = self.locked_until(&call.caller).await?.is_some();
        let right = match call.subscriber {
            Some(subscriber) if !locked => self.is_pin(subscriber, digits).await?,
            _ => false,
        };
        let proof = |call: &mut Call, failures: &mut Failures, now| {
            call.second_proof(right, now)?;
            if right {
                failures.succeed();
            } else {
                failures.fail(now);
            }
            Ok(failures.left())
        };
        self.try_proof(id, proof).await
    }

    /// A try at a proof, counted over all calls and codes of the number; gives the tries that are left with it.
    async fn try_proof(
        &self,
        id: &str,
        proof: impl Fn(&mut Call, &mut Failures, i64) -> Result<u8, CallRefusal>,
    ) -> Result<Digits, CallError> {
        for _ in 0..ATTEMPTS {
            let now = self.now();
            let (mut call, version) = self.read_call(id).await?.ok_or(CallError::NotFound)?;
            let (mut failures, counted) = self.failures(&call.caller).await?;
            if let Some(until) = failures.locked(now) {
                return Ok(Digits {
                    level: call.level,
                    tries_left: 0,
                    locked_until: Some(until),
                });
            }
            let tries_left = proof(&mut call, &mut failures, now)?;
            let writes = vec![
                self.call_record(&call).expecting(version),
                match call.choices[..] {
                    // Numbers that nobody here has fill no disk.
                    [] => failed(&call.caller, &failures, counted).until(now + DAY),
                    _ => failed(&call.caller, &failures, counted),
                },
            ];
            match self.store().run(Job::Documents(writes)).await {
                Err(StoreError::Refused(Refused::Stale)) => continue,
                done => done?,
            }
            self.tell(&call);
            return Ok(Digits {
                level: call.level,
                tries_left,
                locked_until: failures.locked(now),
            });
        }
        Err(StoreError::Refused(Refused::Stale).into())
    }
}
