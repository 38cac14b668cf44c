//! Logging in: by a one-time code sent to one's own telephone (portal), or by a password (every face).

use crate::Control;
use book::{Language, SubscriberId, Understood, region_of, understand};
use identity::account::login as as_login;
use identity::{Account, Code, Face, Failures, Purpose, Role, Session, Tried};
use identity::{code, digest, password, session};
use store::{DocumentWrite, Job, Refused, StoreError};

/// Why somebody was not let in; the same for known and unknown names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The code or password is wrong.
    Wrong,
    /// The code is too old, or was tried too often, or there is none.
    Over,
    /// Too many failures in a row: until then, ms UTC.
    Locked(i64),
}

/// Somebody who may open books in the portal.
struct Person {
    /// Her number, E.164: the subject of codes and failures.
    number: String,
    name: String,
    role: Role,
    language: Language,
    subscribers: Vec<SubscriberId>,
    password: Option<String>,
}

/// Octets of the longest login or number that is looked at.
const LONGEST_LOGIN: usize = 64;
/// How often a try is made again when others write the same counter at the same time.
const ATTEMPTS: u32 = 8;

impl Control {
    /// Sends a log-in code to the owner or guardian whose number this is. Answers the same for known and unknown ones.
    ///
    /// # Errors
    /// The store's.
    pub async fn start_log_in(&self, number: &str) -> Result<(), StoreError> {
        let Some(person) = self.person(number).await? else {
            return Ok(());
        };
        let now = self.now();
        let failures = self.failures(&person.number).await?.0;
        let key = code_key(&person.number);
        let known = self.store().document("code", &key).await?;
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
            &person.number,
            &digits,
            pepper.expose(),
            now,
        );
        let write = DocumentWrite::put("code", key, &code).until(code.expires());
        self.store().run(Job::Documents(vec![write])).await?;
        let brand = self.brand(person.language);
        let text = match person.language {
            Language::En => format!(
                "{digits} is your {brand} code to log in. Type it on the page. Never tell it to anyone, not even our staff."
            ),
            Language::ZhHans => format!(
                "【{brand}】登录验证码{digits}，请在网页上输入。切勿告诉任何人，包括我们的客服。"
            ),
        };
        if let Err(error) = self.text(&person.number, &text) {
            tracing::error!(%error, "a log-in code was not sent");
        }
        Ok(())
    }

    /// Lets the owner or guardian of `number` in with the code that she got. Gives the cookie's secret.
    ///
    /// # Errors
    /// The outer result is the store's; the inner says why she was not let in.
    pub async fn log_in(
        &self,
        number: &str,
        digits: &str,
    ) -> Result<Result<String, Denied>, StoreError> {
        let Some(person) = self.person(number).await? else {
            return Ok(Err(Denied::Over));
        };
        // Two tries at once are two tries: the second finds another version and looks again.
        for _ in 0..ATTEMPTS {
            match self.try_code(&person, digits).await {
                Err(StoreError::Refused(Refused::Stale)) => {}
                done => return done,
            }
        }
        Ok(Err(Denied::Over))
    }

    async fn try_code(
        &self,
        person: &Person,
        digits: &str,
    ) -> Result<Result<String, Denied>, StoreError> {
        let now = self.now();
        let (mut failures, version) = self.failures(&person.number).await?;
        if let Some(until) = failures.locked(now) {
            return Ok(Err(Denied::Locked(until)));
        }
        let key = code_key(&person.number);
        let Some(document) = self.store().document("code", &key).await? else {
            return Ok(Err(Denied::Over));
        };
        let Ok(mut code) = serde_json::from_str::<Code>(&document.value) else {
            return Ok(Err(Denied::Over));
        };
        let pepper = self.vault().pepper();
        let pepper = pepper.expose();
        let tried = code.check(Purpose::Portal, &person.number, digits, pepper, now);
        match tried {
            Tried::Right => failures.succeed(),
            Tried::Wrong(_) => failures.fail(now),
            Tried::Over => return Ok(Err(Denied::Over)),
        }
        // A used code is gone, so that the next log-in gets a new one at once.
        let tried_code = match tried {
            Tried::Right => DocumentWrite::remove("code", document.key),
            _ => DocumentWrite::put("code", document.key, &code).until(code.expires()),
        };
        let mut writes = vec![
            tried_code.expecting(document.version),
            failed(&person.number, &failures, version),
        ];
        let entered = (tried == Tried::Right).then(|| {
            let session = Session {
                face: Face::Portal,
                login: person.number.clone(),
                name: person.name.clone(),
                role: person.role,
                subscribers: person.subscribers.clone(),
                expires: now + session::life(Face::Portal),
            };
            let (cookie, write) = self.new_session(&session);
            writes.push(write);
            cookie
        });
        self.store().run(Job::Documents(writes)).await?;
        Ok(entered.ok_or(Denied::Wrong))
    }

    /// Lets somebody in by her password. In the portal the login is her number, as she types it.
    ///
    /// # Errors
    /// The outer result is the store's; the inner says why she was not let in.
    pub async fn log_in_with_password(
        &self,
        face: Face,
        login: &str,
        password: &str,
    ) -> Result<Result<String, Denied>, StoreError> {
        // Nobody has a login as long as this; it would only fill the disk.
        if login.len() > LONGEST_LOGIN || password.len() > 4 * password::LONGEST {
            return Ok(Err(Denied::Wrong));
        }
        let person = match face {
            Face::Portal => self.person(login).await?,
            Face::Desk | Face::Console => self.staff(face, login).await?,
        };
        let subject = person
            .as_ref()
            .map_or_else(|| as_login(login), |person| person.number.clone());
        for _ in 0..ATTEMPTS {
            let now = self.now();
            let (mut failures, version) = self.failures(&subject).await?;
            if let Some(until) = failures.locked(now) {
                return Ok(Err(Denied::Locked(until)));
            }
            let hash = person.as_ref().and_then(|person| person.password.clone());
            let password = password.to_owned();
            let right = self
                .at_leisure(move |memory| password::is(&password, hash.as_deref(), memory))
                .await?;
            let mut writes = Vec::new();
            let entered = match &person {
                Some(person) if right => {
                    failures.succeed();
                    let (cookie, write) = self.new_session(&Session {
                        face,
                        login: person.number.clone(),
                        name: person.name.clone(),
                        role: person.role,
                        subscribers: person.subscribers.clone(),
                        expires: now + session::life(face),
                    });
                    writes.push(write);
                    Some(cookie)
                }
                _ => {
                    failures.fail(now);
                    None
                }
            };
            let count = failed(&subject, &failures, version);
            // Guesses at names that nobody has are forgotten after a day, so that they fill no disk.
            writes.push(match (&person, self.account(&subject).await?) {
                (None, None) => count.until(now + 86_400_000),
                _ => count,
            });
            match self.store().run(Job::Documents(writes)).await {
                Ok(()) => return Ok(entered.ok_or(Denied::Wrong)),
                Err(StoreError::Refused(Refused::Stale)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Err(Denied::Wrong))
    }

    /// The session behind a cookie of this face.
    ///
    /// # Errors
    /// The store's.
    pub async fn session(&self, face: Face, cookie: &str) -> Result<Option<Session>, StoreError> {
        let document = self.store().document("session", &digest(cookie)).await?;
        let session: Option<Session> =
            document.and_then(|document| serde_json::from_str(&document.value).ok());
        Ok(session.filter(|session| session.expires > self.now() && session.face == face))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_out(&self, cookie: &str) -> Result<(), StoreError> {
        let gone = DocumentWrite::remove("session", digest(cookie));
        self.store().run(Job::Documents(vec![gone])).await
    }

    /// A new session's cookie, and its record.
    pub(crate) fn new_session(&self, session: &Session) -> (String, DocumentWrite) {
        let cookie = self.secret();
        let write = DocumentWrite::put("session", digest(&cookie), session)
            .indexed(&session.login)
            .until(session.expires)
            .expecting(0);
        (cookie, write)
    }

    /// 256 random bits as text.
    pub(crate) fn secret(&self) -> String {
        let mut octets = [0; 32];
        self.random(&mut octets);
        data_encoding::BASE64URL_NOPAD.encode(&octets)
    }

    /// The number that somebody in one of our regions means, in its normal form.
    pub fn normal_number(&self, typed: &str) -> Option<String> {
        // A national number is read in the service's own region first.
        let home = region_of(&self.settings().service_number);
        let regions = [region_of(typed), home, Some("GB".into()), Some("CN".into())];
        regions
            .into_iter()
            .flatten()
            .find_map(|region| match understand(typed, &region) {
                Ok(Understood::Clear(reading)) => reading.normal,
                _ => None,
            })
    }

    /// Who logs in by this number: its owner, or family. Several owners of one number cannot log in by it.
    async fn person(&self, typed: &str) -> Result<Option<Person>, StoreError> {
        let Some(number) = self.normal_number(typed) else {
            return Ok(None);
        };
        let owners = self.store().subscribers_by_number(&number).await?;
        let account = self.account(&number).await?;
        if account.as_ref().is_some_and(|account| account.disabled) {
            return Ok(None);
        }
        let mut person = match (&owners[..], &account) {
            ([owner], _) => Person {
                number,
                name: owner.name.clone(),
                role: Role::Owner,
                language: owner.language,
                subscribers: vec![owner.id],
                password: None,
            },
            (_, Some(account)) => Person {
                number,
                name: account.name.clone(),
                role: Role::Guardian,
                language: account.language,
                subscribers: Vec::new(),
                password: None,
            },
            _ => return Ok(None),
        };
        if let Some(account) = account {
            person.password = account.password;
            for id in account.subscribers {
                if !person.subscribers.contains(&id) {
                    person.subscribers.push(id);
                }
            }
        }
        Ok((!person.subscribers.is_empty()).then_some(person))
    }

    async fn staff(&self, face: Face, typed: &str) -> Result<Option<Person>, StoreError> {
        let account = self.account(&as_login(typed)).await?;
        let account = account.filter(|a: &Account| !a.disabled && a.role.opens(face));
        Ok(account.map(|account| Person {
            number: account.login,
            name: account.name,
            role: account.role,
            language: account.language,
            subscribers: Vec::new(),
            password: account.password,
        }))
    }

    /// Until when nothing may be tried for this number or login, ms UTC.
    ///
    /// # Errors
    /// The store's.
    pub async fn locked_until(&self, subject: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.failures(subject).await?.0.locked(self.now()))
    }

    /// Failures in a row of a subject, with their version.
    pub(crate) async fn failures(&self, subject: &str) -> Result<(Failures, u64), StoreError> {
        let document = self.store().document("failures", subject).await?;
        Ok(document.map_or_else(Default::default, |document| {
            let failures = serde_json::from_str(&document.value).unwrap_or_default();
            (failures, document.version)
        }))
    }

    /// What texts and pages call the service in this language.
    pub fn brand(&self, language: Language) -> &str {
        match language {
            Language::En => &self.settings().brand,
            Language::ZhHans => &self.settings().brand_zh,
        }
    }
}

/// The record of failures in a row.
pub(crate) fn failed(subject: &str, failures: &Failures, version: u64) -> DocumentWrite {
    DocumentWrite::put("failures", subject, failures).expecting(version)
}

fn code_key(number: &str) -> String {
    format!("portal/{number}")
}
