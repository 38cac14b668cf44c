//! Logging in to the portal: a one-time code by SMS to the owner's own terminal, then a session.

use crate::Control;
use book::{Language, Subscriber, Understood, region_of, understand};
use identity::{Code, Failures, Purpose, Session, Tried, code, digest, session};
use store::{DocumentWrite, Job, StoreError};

/// Why somebody was not let in; the same for known and unknown numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The code is wrong; so many tries are left.
    Wrong(u8),
    /// The code is too old, or was tried too often, or there is none.
    Over,
    /// Too many failures in a row: until then, ms UTC.
    Locked(i64),
}

impl Control {
    /// Sends a log-in code to the owner of `number`. Answers the same for known and unknown numbers.
    ///
    /// # Errors
    /// The store's.
    pub async fn start_log_in(&self, number: &str) -> Result<(), StoreError> {
        let Some(subscriber) = self.owner_of(number).await? else {
            return Ok(());
        };
        let now = self.now();
        let failures = self.failures(&subscriber.msisdn).await?.0;
        let known = self
            .store()
            .document("code", &code_key(&subscriber))
            .await?;
        // At most two texts in the life of a code, however often somebody asks: nobody can be flooded.
        let lives =
            known.is_some_and(|document| document.expires.unwrap_or(0) > now + code::LIFE / 2);
        if lives || failures.locked(now).is_some() {
            return Ok(());
        }
        let digits = code::digits(self.random_u64());
        let pepper = self.vault().pepper();
        let code = Code::new(
            Purpose::Portal,
            &subscriber.msisdn,
            &digits,
            pepper.expose(),
            now,
        );
        let write = DocumentWrite {
            kind: "code",
            key: code_key(&subscriber),
            value: serde_json::to_string(&code).ok(),
            index: None,
            expires: Some(code.expires()),
            expect: None,
        };
        self.store().run(Job::Documents(vec![write])).await?;
        let brand = &self.settings().brand;
        let text = match subscriber.language {
            Language::En => format!(
                "{digits} is your {brand} code to log in. Type it on the page. Never tell it to anyone, not even our staff."
            ),
            Language::ZhHans => format!(
                "【亲友簿】登录验证码{digits}，请在网页上输入。切勿告诉任何人，包括我们的客服。"
            ),
        };
        if let Err(error) = self.text(&subscriber.msisdn, &text) {
            tracing::error!(%error, "a log-in code was not sent");
        }
        Ok(())
    }

    /// Lets the owner of `number` in with the code that she got. Gives the cookie's secret.
    ///
    /// # Errors
    /// The outer result is the store's; the inner says why she was not let in.
    pub async fn log_in(
        &self,
        number: &str,
        digits: &str,
    ) -> Result<Result<String, Denied>, StoreError> {
        let Some(subscriber) = self.owner_of(number).await? else {
            return Ok(Err(Denied::Over));
        };
        let now = self.now();
        let (mut failures, failures_version) = self.failures(&subscriber.msisdn).await?;
        if let Some(until) = failures.locked(now) {
            return Ok(Err(Denied::Locked(until)));
        }
        let Some(document) = self
            .store()
            .document("code", &code_key(&subscriber))
            .await?
        else {
            return Ok(Err(Denied::Over));
        };
        let Ok(mut code) = serde_json::from_str::<Code>(&document.value) else {
            return Ok(Err(Denied::Over));
        };
        let pepper = self.vault().pepper();
        let tried = code.check(
            Purpose::Portal,
            &subscriber.msisdn,
            digits,
            pepper.expose(),
            now,
        );
        match tried {
            Tried::Right => failures.succeed(),
            Tried::Wrong(_) => failures.fail(now),
            Tried::Over => return Ok(Err(Denied::Over)),
        }
        let mut octets = [0; 32];
        self.random(&mut octets);
        let cookie = data_encoding::BASE64URL_NOPAD.encode(&octets);
        let mut writes = vec![
            DocumentWrite {
                kind: "code",
                key: document.key,
                value: serde_json::to_string(&code).ok(),
                index: None,
                expires: document.expires,
                // Two tries at once are two tries: the second finds another version.
                expect: Some(document.version),
            },
            DocumentWrite {
                kind: "failures",
                key: subscriber.msisdn.clone(),
                value: serde_json::to_string(&failures).ok(),
                index: None,
                expires: None,
                expect: Some(failures_version),
            },
        ];
        if tried == Tried::Right {
            let session = Session {
                subscriber: subscriber.id,
                name: subscriber.name,
                expires: now + session::LIFE,
            };
            writes.push(DocumentWrite {
                kind: "session",
                key: digest(&cookie),
                value: serde_json::to_string(&session).ok(),
                index: Some(subscriber.msisdn),
                expires: Some(session.expires),
                expect: Some(0),
            });
        }
        self.store().run(Job::Documents(writes)).await?;
        Ok(match tried {
            Tried::Right => Ok(cookie),
            Tried::Wrong(left) => Err(Denied::Wrong(left)),
            Tried::Over => Err(Denied::Over),
        })
    }

    /// The session behind a cookie.
    ///
    /// # Errors
    /// The store's.
    pub async fn session(&self, cookie: &str) -> Result<Option<Session>, StoreError> {
        let document = self.store().document("session", &digest(cookie)).await?;
        let session: Option<Session> =
            document.and_then(|document| serde_json::from_str(&document.value).ok());
        Ok(session.filter(|session| session.expires > self.now()))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_out(&self, cookie: &str) -> Result<(), StoreError> {
        let write = DocumentWrite {
            kind: "session",
            key: digest(cookie),
            value: None,
            index: None,
            expires: None,
            expect: None,
        };
        self.store().run(Job::Documents(vec![write])).await
    }

    /// The owner of a number as she types it; several owners of one number cannot log in by it.
    async fn owner_of(&self, number: &str) -> Result<Option<Subscriber>, StoreError> {
        // A national number is tried in the regions of those who could be meant: here, of the service's own number.
        let regions = [region_of(number), Some("GB".into()), Some("CN".into())];
        for region in regions.into_iter().flatten() {
            let Ok(Understood::Clear(reading)) = understand(number, &region) else {
                continue;
            };
            let Some(msisdn) = reading.normal else {
                continue;
            };
            let mut owners = self.store().subscribers_by_number(&msisdn).await?;
            if owners.len() == 1 {
                return Ok(owners.pop());
            }
        }
        Ok(None)
    }

    async fn failures(&self, msisdn: &str) -> Result<(Failures, u64), StoreError> {
        let document = self.store().document("failures", msisdn).await?;
        Ok(document.map_or_else(Default::default, |document| {
            let failures = serde_json::from_str(&document.value).unwrap_or_default();
            (failures, document.version)
        }))
    }
}

fn code_key(subscriber: &Subscriber) -> String {
    format!("portal/{}", subscriber.msisdn)
}
