//! Subscribers and terminals: taken in, changed, retired; and what an administrator sends to a terminal.

use crate::engine::{OTA_KEYS, join_keys};
use crate::{Control, Event};
use book::{Language, Revision, Subscriber, SubscriberId, Understood, region_of, understand};
use delivery::{Due, Lane, Terminal, TerminalId};
use store::{Job, Refused, StoreError};
use terminals::{ChannelKind, Content};

/// A subscriber to be taken in.
#[derive(Debug, Clone)]
pub struct NewSubscriber {
    /// Her number, as typed.
    pub msisdn: String,
    /// How she is called.
    pub name: String,
    /// The language of texts to her.
    pub language: Language,
    /// Two letters; from the number when absent.
    pub region: Option<String>,
}

/// A terminal to be taken in.
#[derive(Debug, Clone)]
pub struct NewTerminal {
    /// Whose.
    pub subscriber: SubscriberId,
    /// How it is reached.
    pub channel: ChannelKind,
    /// Its number, as typed.
    pub msisdn: String,
    /// The card profile's name (SIM OTA).
    pub card_profile: Option<String>,
    /// The card's ICCID (SIM OTA).
    pub iccid: Option<String>,
    /// KIc and KID, hex (SIM OTA).
    pub keys: Option<(String, String)>,
    /// The first counter that was never used with these keys.
    pub counter: Option<u64>,
    /// The card holds entries already: read before the first write.
    pub in_use: bool,
    /// The terminal profile's name; a plain phone of its channel when absent.
    pub terminal_profile: Option<String>,
}

/// What changes about a terminal.
#[derive(Debug, Clone, Default)]
pub struct TerminalPatch {
    /// A new card: its ICCID, KIc, KID, and card profile. The shadow is empty then.
    pub card: Option<(String, String, String, Option<String>)>,
    /// Which friends go there.
    pub content: Option<Content>,
}

/// Why it was not taken in; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// A value is wrong: which, and a sentence.
    #[error("{sentence}")]
    Wrong {
        /// The field, as the API names it.
        field: &'static str,
        /// What is wrong and what to do.
        sentence: String,
    },
    /// It belongs to another.
    #[error("{0}")]
    Taken(String),
    /// It is not there.
    #[error("there is no such subscriber or terminal")]
    NotFound,
    /// The store could not.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(Refused::Taken(_)) => Self::Taken(error.to_string()),
            StoreError::Refused(Refused::Missing) => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

fn wrong(field: &'static str, sentence: impl Into<String>) -> ProvisionError {
    ProvisionError::Wrong {
        field,
        sentence: sentence.into(),
    }
}

impl Control {
    /// Takes in a subscriber with an empty book.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn create_subscriber(
        &self,
        new: NewSubscriber,
    ) -> Result<Subscriber, ProvisionError> {
        let name = new.name.trim().to_owned();
        if name.is_empty() {
            return Err(wrong("name", "Write how the subscriber is called."));
        }
        let msisdn = full_number(&new.msisdn, new.region.as_deref())?;
        let region = new.region.or_else(|| region_of(&msisdn)).ok_or_else(|| {
            wrong(
                "region",
                "This number's country is not known: give a region, two letters.",
            )
        })?;
        let subscriber = Subscriber {
            id: SubscriberId::new(
                u8::try_from(self.random_u64() & 0xFF).unwrap_or(0),
                self.random_u64() >> 9,
            ),
            msisdn,
            name,
            language: new.language,
            region: region.to_ascii_uppercase(),
        };
        self.store()
            .run(Job::CreateSubscriber(subscriber.clone()))
            .await?;
        Ok(subscriber)
    }

    /// Takes in a terminal of a subscriber; what her book holds is due at once.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn add_terminal(&self, new: NewTerminal) -> Result<Terminal, ProvisionError> {
        let subscriber = self.store().subscriber(new.subscriber).await?;
        let subscriber = subscriber.ok_or(ProvisionError::NotFound)?;
        let msisdn = full_number(&new.msisdn, Some(&subscriber.region))?;
        let (keys, iccid, card_profile) = match new.channel {
            ChannelKind::SimOta => {
                let (kic, kid) = new
                    .keys
                    .ok_or_else(|| wrong("keys", "A SIM needs its keys, kic and kid, in hex."))?;
                let profile = new
                    .card_profile
                    .ok_or_else(|| wrong("card_profile", "A SIM needs its card profile."))?;
                let iccid = new
                    .iccid
                    .ok_or_else(|| wrong("iccid", "A SIM needs its ICCID, 18 to 20 digits."))?;
                let iccid = checked_iccid(&iccid)?;
                (
                    self.sealed(&kic, &kid, &profile)?,
                    Some(iccid),
                    Some(profile),
                )
            }
            ChannelKind::SmsCard => (Vec::new(), None, None),
        };
        let terminal_profile = new.terminal_profile.unwrap_or_else(|| {
            match new.channel {
                ChannelKind::SimOta => "feature-phone",
                ChannelKind::SmsCard => "card-phone",
            }
            .to_owned()
        });
        if self.phone(&terminal_profile).is_none() {
            return Err(wrong(
                "terminal_profile",
                format!("There is no terminal profile “{terminal_profile}”."),
            ));
        }
        let known = self.store().terminals_of(subscriber.id).await?;
        let no = known
            .iter()
            .map(|full| full.terminal.id.no)
            .max()
            .unwrap_or(0)
            + 1;
        let terminal = Terminal {
            id: TerminalId {
                subscriber: subscriber.id,
                no,
            },
            channel: new.channel,
            msisdn,
            iccid,
            card_profile,
            terminal_profile,
            content: Content::All,
            keys,
            counter_next: new.counter.unwrap_or(1),
            incarnation: self.store().incarnation().await?,
            in_use: new.in_use,
            in_flight: None,
            planned: Revision(0),
            proven: Revision(0),
            tries: 0,
            next_try: None,
            absent: false,
            last_heard: None,
            last_outcome: None,
            trouble: None,
            retired: false,
        };
        self.store()
            .run(Job::AddTerminal(Box::new(terminal.clone())))
            .await?;
        let book = self.store().book(subscriber.id).await?;
        if book.is_some_and(|book| !book.friends.is_empty()) {
            self.mark(terminal.id, |_| {}).await?;
        }
        Ok(terminal)
    }

    /// A new card in a terminal (its shadow is empty then), or other content for it.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn change_terminal(
        &self,
        id: TerminalId,
        patch: TerminalPatch,
    ) -> Result<(), ProvisionError> {
        let full = self.store().terminal(id).await?;
        let mut terminal = full.ok_or(ProvisionError::NotFound)?.terminal;
        let blank = patch.card.is_some();
        if let Some((iccid, kic, kid, profile)) = patch.card {
            let profile = profile
                .or(terminal.card_profile)
                .ok_or_else(|| wrong("card_profile", "A SIM needs its card profile."))?;
            terminal.keys = self.sealed(&kic, &kid, &profile)?;
            terminal.iccid = Some(checked_iccid(&iccid)?);
            terminal.card_profile = Some(profile);
            terminal.counter_next = 1;
            terminal.in_use = false;
            terminal.in_flight = None;
            terminal.tries = 0;
            terminal.next_try = None;
            terminal.trouble = None;
            terminal.proven = Revision(0);
        }
        if let Some(content) = patch.content {
            terminal.content = content;
        }
        let due = Some(self.due_now(id.subscriber).await?);
        self.store()
            .run(Job::ChangeTerminal {
                terminal: Box::new(terminal),
                blank,
                due,
            })
            .await?;
        self.emit(Event::Terminal { id, state: None });
        self.wake();
        Ok(())
    }

    /// Nothing more is sent to this terminal.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn retire(&self, id: TerminalId) -> Result<(), ProvisionError> {
        let full = self.store().terminal(id).await?;
        let mut terminal = full.ok_or(ProvisionError::NotFound)?.terminal;
        terminal.retired = true;
        terminal.in_flight = None;
        terminal.next_try = None;
        self.store()
            .run(Job::ChangeTerminal {
                terminal: Box::new(terminal),
                blank: false,
                due: None,
            })
            .await?;
        self.emit(Event::Terminal { id, state: None });
        Ok(())
    }

    /// Sends now what is due; with `all`, everything again.
    ///
    /// # Errors
    /// The store's.
    pub async fn send(&self, id: TerminalId, all: bool) -> Result<(), StoreError> {
        self.mark(id, |due| due.everything |= all).await
    }

    /// Sends now what the subscriber's open edits made due (F9, “send now”).
    ///
    /// # Errors
    /// The store's.
    pub async fn send_now(&self, subscriber: SubscriberId) -> Result<(), StoreError> {
        for full in self.store().terminals_of(subscriber).await? {
            if full.due.is_some() && !full.terminal.retired {
                self.mark(full.terminal.id, |_| {}).await?;
            }
        }
        Ok(())
    }

    /// Reads back what Kith wrote.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify(&self, id: TerminalId) -> Result<(), StoreError> {
        self.mark(id, |due| due.verify = true).await
    }

    /// A harmless exchange that proves keys, route and answer.
    ///
    /// # Errors
    /// The store's.
    pub async fn test(&self, id: TerminalId) -> Result<(), StoreError> {
        self.mark(id, |due| due.test = true).await
    }

    async fn mark(&self, id: TerminalId, set: impl FnOnce(&mut Due)) -> Result<(), StoreError> {
        let mut due = self.due_now(id.subscriber).await?;
        set(&mut due);
        self.store()
            .run(Job::MarkDue {
                marks: vec![(id, due)],
                replace: false,
            })
            .await?;
        self.wake();
        Ok(())
    }

    async fn due_now(&self, subscriber: SubscriberId) -> Result<Due, StoreError> {
        let now = self.now();
        let book = self.store().book(subscriber).await?;
        Ok(Due {
            revision: book.map_or(Revision(0), |book| book.revision),
            at: now,
            since: now,
            lane: Lane::Interactive,
            everything: false,
            verify: false,
            test: false,
        })
    }

    fn sealed(&self, kic: &str, kid: &str, profile: &str) -> Result<Vec<u8>, ProvisionError> {
        let card = self.card(profile).ok_or_else(|| {
            wrong(
                "card_profile",
                format!("There is no card profile “{profile}”."),
            )
        })?;
        let octets = |digits: &str| {
            hex::decode(digits.trim())
                .map_err(|_| wrong("keys", "A key is written in hex: 32, 48 or 64 digits."))
        };
        let (kic, kid) = (octets(kic)?, octets(kid)?);
        card.keys(&kic, &kid)
            .map_err(|error| wrong("keys", error.to_string()))?;
        let pair =
            join_keys(&kic, &kid).ok_or_else(|| wrong("keys", "These keys are too long."))?;
        Ok(self.vault().seal(OTA_KEYS, &pair))
    }
}

/// The E.164 form of a number that a terminal is reached by.
fn full_number(typed: &str, region: Option<&str>) -> Result<String, ProvisionError> {
    let region = region.unwrap_or("ZZ");
    let reading = match understand(typed, region) {
        Ok(Understood::Clear(reading)) => reading,
        Ok(Understood::TwoReadings { .. }) => {
            return Err(wrong(
                "msisdn",
                format!("“{typed}” can be read in two ways: write it with + and its country."),
            ));
        }
        Err(error) => return Err(wrong("msisdn", error.to_string())),
    };
    reading.normal.ok_or_else(|| {
        wrong(
            "msisdn",
            format!("“{typed}” is not a full telephone number: write it with + and its country."),
        )
    })
}

fn checked_iccid(iccid: &str) -> Result<String, ProvisionError> {
    let digits: String = iccid.chars().filter(|c| !c.is_whitespace()).collect();
    let right = (18..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    right
        .then_some(digits)
        .ok_or_else(|| wrong("iccid", "An ICCID has 18 to 20 digits."))
}
