//! Subscribers and terminals: taken in, changed, retired; and what an administrator sends to a terminal.

use crate::cards::key_set;
use crate::engine::{OTA_KEYS, join_keys};
use crate::{Control, Event, TerminalView};
use book::{Language, Revision, Subscriber, SubscriberId, Understood, region_of, understand};
use delivery::{Due, Lane, ShipmentState, Terminal, TerminalId, new_card};
use store::{Job, Refused, SettleJob, StoreError};
use terminals::{ChannelKind, Content};
use wire::ota::{Counter, CounterRule};

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

/// What changes about a subscriber.
#[derive(Debug, Clone, Default)]
pub struct SubscriberPatch {
    /// Her number, as typed.
    pub msisdn: Option<String>,
    /// How she is called.
    pub name: Option<String>,
    /// The language of texts to her.
    pub language: Option<Language>,
    /// Two letters.
    pub region: Option<String>,
}

/// A card that takes another's place.
#[derive(Debug, Clone)]
pub struct NewCard {
    /// Its ICCID.
    pub iccid: String,
    /// KIc, hex.
    pub kic: String,
    /// KID, hex.
    pub kid: String,
    /// Its profile's name; as before when absent.
    pub profile: Option<String>,
}

/// What changes about a terminal.
#[derive(Debug, Clone, Default)]
pub struct TerminalPatch {
    /// A new card. The shadow is empty then.
    pub card: Option<NewCard>,
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
    /// It is not as the caller saw it.
    #[error("somebody else changed this meanwhile: read it again and repeat the change")]
    Stale,
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

/// How often a change is made again when delivery changes the terminal at the same time.
const ATTEMPTS: u32 = 64;

impl Control {
    /// Takes in a subscriber with an empty book.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn create_subscriber(
        &self,
        new: NewSubscriber,
    ) -> Result<Subscriber, ProvisionError> {
        self.create_subscriber_once(new, None).await
    }

    /// The same; with a request's id only once.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn create_subscriber_once(
        &self,
        new: NewSubscriber,
        request: Option<&str>,
    ) -> Result<Subscriber, ProvisionError> {
        if let Some(id) = self.made(request).await?
            && let Some(known) = self.store().subscriber(id).await?
        {
            return Ok(known);
        }
        let name = checked_name(&new.name)?;
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
            region: checked_region(&region)?,
        };
        let job = Job::CreateSubscriber(subscriber.clone());
        self.make(job, request, &subscriber.id).await?;
        Ok(subscriber)
    }

    /// Changes a subscriber's particulars if she is as the caller saw her.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn change_subscriber(
        &self,
        id: SubscriberId,
        patch: SubscriberPatch,
        as_seen: impl FnOnce(&Subscriber, Revision) -> bool,
    ) -> Result<Subscriber, ProvisionError> {
        // One at a time: what was seen is what is changed.
        let _one = self.0.people.lock().await;
        let mut subscriber = self.changeable(id, as_seen).await?;
        if let Some(name) = patch.name {
            subscriber.name = checked_name(&name)?;
        }
        if let Some(region) = patch.region {
            subscriber.region = checked_region(&region)?;
        }
        if let Some(msisdn) = patch.msisdn {
            subscriber.msisdn = full_number(&msisdn, Some(&subscriber.region))?;
        }
        subscriber.language = patch.language.unwrap_or(subscriber.language);
        self.store()
            .run(Job::UpdateSubscriber(subscriber.clone()))
            .await?;
        Ok(subscriber)
    }

    /// The subscriber, if she is there and as the caller saw her.
    pub(crate) async fn changeable(
        &self,
        id: SubscriberId,
        as_seen: impl FnOnce(&Subscriber, Revision) -> bool,
    ) -> Result<Subscriber, ProvisionError> {
        let found = self.book_of(id).await?;
        let (subscriber, book, _) = found.ok_or(ProvisionError::NotFound)?;
        if !as_seen(&subscriber, book.revision) {
            return Err(ProvisionError::Stale);
        }
        Ok(subscriber)
    }

    /// Takes in a terminal of a subscriber; what her book holds is due at once.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn add_terminal(&self, new: NewTerminal) -> Result<Terminal, ProvisionError> {
        self.add_terminal_once(new, None).await
    }

    /// The same; with a request's id only once.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn add_terminal_once(
        &self,
        new: NewTerminal,
        request: Option<&str>,
    ) -> Result<Terminal, ProvisionError> {
        if let Some(id) = self.made(request).await?
            && let Some(known) = self.store().terminal(id).await?
        {
            return Ok(known.terminal);
        }
        let subscriber = self.store().subscriber(new.subscriber).await?;
        let subscriber = subscriber.ok_or(ProvisionError::NotFound)?;
        let msisdn = full_number(&new.msisdn, Some(&subscriber.region))?;
        let mut counter = new.counter.unwrap_or(1);
        if Counter::new(counter).is_none() {
            return Err(wrong("counter", "A counter is a number below 2^40."));
        }
        let mut set = None;
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
                set = key_set(&kic, &kid);
                counter = counter.max(self.unused_counter(&iccid, set, None).await?);
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
        let id = TerminalId {
            subscriber: subscriber.id,
            no,
        };
        let mut terminal = Terminal {
            iccid,
            card_profile,
            keys,
            counter_next: counter,
            incarnation: self.store().incarnation(subscriber.id.slice()).await?,
            in_use: new.in_use,
            ..Terminal::new(id, new.channel, msisdn, terminal_profile)
        };
        terminal.record.key_set = set;
        let job = Job::AddTerminal(Box::new(terminal.clone()));
        self.make(job, request, &terminal.id).await?;
        let found = self.book_of(subscriber.id).await?;
        if found.is_some_and(|(_, book, _)| !book.friends.is_empty()) {
            self.mark(terminal.id, |_| {}).await?;
        }
        Ok(terminal)
    }

    /// A new card in a terminal (its shadow is empty then), or other content for it, if it is as the caller saw it.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn change_terminal(
        &self,
        id: TerminalId,
        patch: TerminalPatch,
        as_seen: impl Fn(&TerminalView) -> bool,
    ) -> Result<(), ProvisionError> {
        let blank = patch.card.is_some();
        let card = patch.card.as_ref();
        let unused = match card.map(|card| (checked_iccid(&card.iccid), card)) {
            Some((Ok(iccid), card)) => {
                let set = key_set(&card.kic, &card.kid);
                self.unused_counter(&iccid, set, Some(id)).await?
            }
            // What is wrong with it is said in its turn.
            Some((Err(_), _)) | None => 1,
        };
        self.change_row(id, blank, as_seen, |terminal| {
            if terminal.retired {
                let sentence = "This terminal is retired: take it in anew.";
                return Err(ProvisionError::Taken(sentence.into()));
            }
            if let Some(card) = &patch.card {
                self.put_card(terminal, card, unused)?;
            }
            if let Some(content) = &patch.content {
                terminal.content = content.clone();
            }
            Ok(())
        })
        .await
    }

    /// Nothing more is sent to this terminal, if it is as the caller saw it.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn retire(
        &self,
        id: TerminalId,
        as_seen: impl Fn(&TerminalView) -> bool,
    ) -> Result<(), ProvisionError> {
        self.change_row(id, false, as_seen, |terminal| {
            terminal.retired = true;
            terminal.in_flight = None;
            terminal.next_try = None;
            Ok(())
        })
        .await
    }

    /// Another card, or other keys: nothing of what was known of the old one holds. Its counter begins at `unused` at least.
    fn put_card(
        &self,
        terminal: &mut Terminal,
        card: &NewCard,
        unused: u64,
    ) -> Result<(), ProvisionError> {
        if terminal.channel != ChannelKind::SimOta {
            return Err(wrong("iccid", "This terminal is not written over its SIM."));
        }
        let profile = card.profile.clone().or(terminal.card_profile.take());
        let profile =
            profile.ok_or_else(|| wrong("card_profile", "A SIM needs its card profile."))?;
        let keys = self.sealed(&card.kic, &card.kid, &profile)?;
        let opened = |sealed: &[u8]| self.vault().open(OTA_KEYS, sealed).ok();
        let same_keys = match (opened(&keys), opened(&terminal.keys)) {
            (Some(new), Some(old)) => new.expose() == old.expose(),
            _ => false,
        };
        terminal.keys = keys;
        terminal.record.key_set = key_set(&card.kic, &card.kid);
        terminal.iccid = Some(checked_iccid(&card.iccid)?);
        terminal.card_profile = Some(profile.clone());
        let spi = self.card(&profile).and_then(|card| card.spi().ok());
        let one_higher = spi.is_some_and(|spi| spi.counter == CounterRule::OneHigher);
        new_card(terminal, one_higher && !same_keys, self.now());
        terminal.counter_next = terminal.counter_next.max(unused);
        Ok(())
    }

    /// Changes a terminal's row if it is as the caller saw it; again from fresh state when a step of delivery came
    /// between. What was on its way and is not any more is of no use, and nobody waits for its proof.
    async fn change_row(
        &self,
        id: TerminalId,
        blank: bool,
        as_seen: impl Fn(&TerminalView) -> bool,
        change: impl Fn(&mut Terminal) -> Result<(), ProvisionError>,
    ) -> Result<(), ProvisionError> {
        for _ in 0..ATTEMPTS {
            let mut terminal = self.changeable_terminal(id, &as_seen).await?;
            let under_way = terminal.in_flight;
            change(&mut terminal)?;
            let due = if terminal.retired {
                None
            } else {
                Some(self.due_now(id.subscriber).await?)
            };
            let left = under_way.filter(|_| terminal.in_flight.is_none());
            let shipment = match left {
                Some(shipment) => self.store().shipment(shipment).await?,
                None => None,
            };
            let mut jobs = vec![Job::ChangeTerminal {
                terminal: Box::new(terminal.clone()),
                blank,
                due,
            }];
            // Stale, and so not done, when the change was not.
            terminal.version += 1;
            jobs.extend(shipment.map(|mut shipment| {
                shipment.state = ShipmentState::Superseded;
                Job::Settle(Box::new(SettleJob {
                    shipment: Some(shipment),
                    ..SettleJob::of(terminal)
                }))
            }));
            match self.store().run_all(jobs).await.into_iter().next() {
                Some(Ok(())) => {}
                Some(Err(StoreError::Refused(Refused::Stale))) => continue,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(StoreError::Closed.into()),
            }
            if let Some(shipment) = left {
                self.emit(Event::Shipment {
                    id: shipment,
                    terminal: id,
                    state: ShipmentState::Superseded,
                });
            }
            self.emit(Event::Terminal { id, state: None });
            self.wake_for(id.subscriber.slice());
            return Ok(());
        }
        Err(ProvisionError::Stale)
    }

    /// The terminal, if it is there and as the caller saw it.
    async fn changeable_terminal(
        &self,
        id: TerminalId,
        as_seen: impl Fn(&TerminalView) -> bool,
    ) -> Result<Terminal, ProvisionError> {
        let view = self.terminal_view(id).await?;
        let view = view.ok_or(ProvisionError::NotFound)?;
        if !as_seen(&view) {
            return Err(ProvisionError::Stale);
        }
        Ok(view.full.terminal)
    }

    /// Sends now what is due; with `all`, everything again.
    ///
    /// # Errors
    /// The store's.
    pub async fn send(&self, id: TerminalId, all: bool) -> Result<(), StoreError> {
        self.mark(id, |due| due.everything |= all).await
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
        // A read-back or a test lets nothing go that a verified call holds back: it waits with it.
        let full = self.store().terminal(id).await?;
        let held = full
            .and_then(|full| full.due)
            .is_some_and(|known| known.at == i64::MAX);
        if held && (due.verify || due.test) {
            due.at = i64::MAX;
        }
        self.store()
            .run(Job::MarkDue {
                marks: vec![(id, due)],
                replace: false,
            })
            .await?;
        self.wake_for(id.subscriber.slice());
        Ok(())
    }

    async fn due_now(&self, subscriber: SubscriberId) -> Result<Due, StoreError> {
        let now = self.now();
        let book = self.store().book(subscriber).await?;
        let revision = book.map_or(Revision(0), |book| book.revision);
        Ok(Due::new(revision, now, Lane::Interactive))
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

/// The most characters of a name.
const NAME: usize = 64;

fn checked_name(name: &str) -> Result<String, ProvisionError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong("name", "Write how the subscriber is called."));
    }
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        let sentence = "A name has at most 64 characters, on one line.";
        return Err(wrong("name", sentence));
    }
    Ok(name.to_owned())
}

fn checked_region(region: &str) -> Result<String, ProvisionError> {
    let right = region.len() == 2 && region.bytes().all(|b| b.is_ascii_alphabetic());
    right
        .then(|| region.to_ascii_uppercase())
        .ok_or_else(|| wrong("region", "A region is two letters, as GB or CN."))
}
