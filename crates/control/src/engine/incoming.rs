//! What the communication module brings: answers of gateways, receipts, messages from terminals.

use super::Stored;
use crate::{Control, Event, kill};
use book::Language;
use delivery::{Answer, Happening, ShipmentId, Target, Terminal, TerminalId, Trouble};
use store::{DocumentWrite, Job, SettleJob, ShipmentFilter, StoreError, TerminalFull};
use terminals::{ChannelKind, read_proof};

/// How far back an answer is looked for among a terminal's shipments.
const SHIPMENTS_BACK: u32 = 32;
/// Parts of one long answer that are kept until it is whole.
const ANSWER_PARTS: usize = 8;
/// How long a message from a terminal that is no proof is kept.
const MOBILE_KEPT: i64 = 90 * 86_400_000;
/// How often its sender is told who we are.
const ANSWER_EVERY: i64 = 86_400_000;

impl Control {
    /// Takes in one event; what came with a token is answered once it is stored (SMPP.md, row 9).
    pub(super) async fn take_in(&self, event: delivery::Event, stored: &Stored) {
        let ack = match &event {
            delivery::Event::Receipt { ack, .. } | delivery::Event::Mobile { ack, .. } => {
                Some(*ack)
            }
            _ => None,
        };
        let mobile = matches!(event, delivery::Event::Mobile { .. });
        let done = self.happened(event).await;
        if ack.is_some() {
            kill::after(if mobile {
                "answer-stored"
            } else {
                "receipt-stored"
            });
        }
        if let Err(error) = &done {
            tracing::error!(%error, "an event of the network could not be stored");
        }
        if let Some(ack) = ack {
            stored(ack, done.is_ok());
            kill::after(if mobile {
                "answer-acknowledged"
            } else {
                "receipt-acknowledged"
            });
        }
    }

    async fn happened(&self, event: delivery::Event) -> Result<(), StoreError> {
        match event {
            delivery::Event::Accepted {
                target: Target::Part(part),
                gateway,
                message_id,
            } => {
                let happening = Happening::Accepted {
                    part,
                    gateway,
                    message_id,
                };
                self.to_shipment(part.shipment, &happening).await
            }
            delivery::Event::Refused {
                target: Target::Part(part),
                class,
                reason,
                ..
            } => {
                let happening = Happening::Refused {
                    part,
                    class,
                    reason,
                };
                self.to_shipment(part.shipment, &happening).await
            }
            delivery::Event::NoAnswer {
                target: Target::Part(part),
                ..
            } => {
                self.to_shipment(part.shipment, &Happening::NoAnswer { part })
                    .await
            }
            delivery::Event::Receipt {
                gateway,
                message_id,
                target,
                state,
                error,
                ..
            } => {
                let part = match target {
                    Some(Target::Part(part)) => Some(part),
                    Some(Target::Notice { .. }) => None,
                    None => self.sent_before(&gateway, &message_id).await?,
                };
                let Some(part) = part else {
                    return Ok(());
                };
                let happening = Happening::Receipt { part, state, error };
                self.to_shipment(part.shipment, &happening).await
            }
            delivery::Event::Mobile {
                from,
                udhi,
                dcs,
                user_data,
                ..
            } => self.heard_from(&from, udhi, dcs, &user_data).await,
            delivery::Event::Gateway {
                gateway,
                up,
                reason,
                ..
            } => {
                tracing::info!(gateway, up, reason, "gateway");
                let state = if up { "up" } else { "down" };
                self.emit(Event::Gateway {
                    name: gateway,
                    state: state.into(),
                });
                Ok(())
            }
            delivery::Event::Accepted { .. }
            | delivery::Event::Refused { .. }
            | delivery::Event::NoAnswer { .. } => Ok(()), // notices: nothing waits for them
        }
    }

    /// What an earlier process sent under this id, in whatever form the gateway gives it back; two different matches
    /// are none (SMPP.md, row 3).
    async fn sent_before(
        &self,
        gateway: &str,
        id: &str,
    ) -> Result<Option<delivery::PartRef>, StoreError> {
        if let Some(part) = self.store().sent(gateway, id).await? {
            return Ok(Some(part));
        }
        let mut found = None;
        for form in wire::smpp::receipt::forms(id) {
            for form in [form.to_ascii_uppercase(), form] {
                let part = self.store().sent(gateway, &form).await?;
                if part.is_some() && found.is_some() && part != found {
                    return Ok(None);
                }
                found = found.or(part);
            }
        }
        Ok(found)
    }

    async fn to_shipment(&self, id: ShipmentId, happening: &Happening) -> Result<(), StoreError> {
        match self.store().shipment(id).await? {
            Some(shipment) => self.happen(shipment.terminal, id, happening).await,
            None => Ok(()),
        }
    }

    /// A message from a terminal: a card's answer, or a text.
    async fn heard_from(
        &self,
        from: &str,
        udhi: bool,
        dcs: u8,
        user_data: &[u8],
    ) -> Result<(), StoreError> {
        let mut terminals = Vec::new();
        for id in self.store().terminals_by_address(from).await? {
            terminals.extend(self.store().terminal(id).await?);
        }
        // Nobody's phone: nothing is kept of it.
        if terminals.is_empty() {
            return Ok(());
        }
        if udhi {
            let mut engine = self.0.engine.lock().await;
            let mut parts = engine.answers.remove(from).unwrap_or_default();
            parts.push(user_data.to_vec());
            let whole = match wire::ota::join(&parts) {
                Ok(_) => Some(parts),
                // One answer by itself is whole even when an older one lost a part.
                Err(_) if wire::ota::join(&[user_data]).is_ok() => Some(vec![user_data.to_vec()]),
                Err(_) => {
                    let first = parts.len().saturating_sub(ANSWER_PARTS);
                    engine
                        .answers
                        .insert(from.to_owned(), parts.split_off(first));
                    None
                }
            };
            drop(engine);
            if let Some(parts) = whole {
                for full in &terminals {
                    if self.answered(full, &parts).await? {
                        return Ok(());
                    }
                }
                let waits = |full: &&TerminalFull| full.terminal.in_flight.is_some();
                if let Some(full) = terminals.iter().find(waits) {
                    return self.unreadable(full.terminal.id).await;
                }
            }
        }
        for full in terminals.into_iter().take(1) {
            self.heard(full.terminal.id, udhi, dcs, user_data).await?;
        }
        Ok(())
    }

    /// A card answers what is on its way, and nobody can read it: a person must look at the keys. Kith goes on trying,
    /// because anybody can send a message from anybody's number; the next proof takes the trouble away.
    async fn unreadable(&self, id: TerminalId) -> Result<(), StoreError> {
        let _engine = self.0.engine.lock().await;
        let Some(full) = self.store().terminal(id).await? else {
            return Ok(());
        };
        let mut terminal = full.terminal;
        terminal.last_heard = Some(self.now());
        terminal.trouble = Some(Trouble {
            key: "keys".into(),
            sentence: "The card answers, and its answer cannot be read with the keys that stand here: check KIc, KID and the card profile.".into(),
        });
        self.settle_terminal(terminal, Vec::new()).await
    }

    /// A terminal's row alone, with documents.
    async fn settle_terminal(
        &self,
        terminal: Terminal,
        documents: Vec<DocumentWrite>,
    ) -> Result<(), StoreError> {
        let id = terminal.id;
        let job = SettleJob {
            documents,
            ..SettleJob::of(terminal)
        };
        self.store().run(Job::Settle(Box::new(job))).await?;
        self.emit(Event::Terminal { id, state: None });
        Ok(())
    }

    /// Whether this was an answer of this terminal's card.
    async fn answered(&self, full: &TerminalFull, parts: &[Vec<u8>]) -> Result<bool, StoreError> {
        let terminal = &full.terminal;
        if terminal.channel != ChannelKind::SimOta {
            return Ok(false);
        }
        let Some(card) = terminal.card_profile.as_deref().and_then(|n| self.card(n)) else {
            return Ok(false);
        };
        let Ok(keys) = self.keys(terminal, &card) else {
            return Ok(false);
        };
        let response = match read_proof(&card, &keys, parts) {
            Ok(response) => response,
            Err(error) => {
                tracing::info!(%error, "an answer that is not this card's");
                return Ok(false);
            }
        };
        let answer = Answer {
            counter: response.cntr.value(),
            rsc: response.rsc,
            executed: response
                .executed
                .map(|done| (done.commands, u16::from_be_bytes(done.sw), done.data)),
            checked: response.checked,
        };
        if let Some(shipment) = self.shipment_with(terminal.id, answer.counter).await? {
            self.happen(terminal.id, shipment, &Happening::Answer(answer))
                .await?;
        }
        Ok(true)
    }

    /// The shipment of this terminal with a packet of this counter, newest first.
    async fn shipment_with(
        &self,
        terminal: TerminalId,
        counter: u64,
    ) -> Result<Option<ShipmentId>, StoreError> {
        let shipments = self
            .store()
            .shipments(ShipmentFilter {
                terminal: Some(terminal),
                state: None,
                after: None,
                limit: SHIPMENTS_BACK,
            })
            .await?;
        let carries = |shipment: &delivery::Shipment| {
            let mut packets = shipment.packets.iter();
            packets.any(|packet| packet.counter == Some(counter))
        };
        Ok(shipments.into_iter().find(carries).map(|s| s.id))
    }

    /// What a terminal sent that was no proof, newest first: when, and the text as far as it is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn texts_of(&self, id: TerminalId) -> Result<Vec<(i64, String)>, StoreError> {
        let key = book::encode_in('t', id.subscriber, id.no);
        let found = self.store().documents_by_index("mobile", &key).await?;
        let mut texts: Vec<(i64, String)> = found.iter().filter_map(text_of).collect();
        texts.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(texts)
    }

    /// A message that is no proof: stored, shown on the terminal's page, answered once a day with who we are.
    async fn heard(
        &self,
        id: TerminalId,
        udhi: bool,
        dcs: u8,
        user_data: &[u8],
    ) -> Result<(), StoreError> {
        let now = self.now();
        // The whole row is written: nobody else may decide about it meanwhile.
        let engine = self.0.engine.lock().await;
        let Some(full) = self.store().terminal(id).await? else {
            return Ok(());
        };
        let mut terminal = full.terminal;
        let key = book::encode_in('t', terminal.id.subscriber, terminal.id.no);
        let value = serde_json::json!({
            "at": now, "udhi": udhi, "dcs": dcs, "user_data": hex::encode(user_data),
        });
        terminal.last_heard = Some(now);
        let answered = self.store().document("answered", &key).await?;
        let mut documents = vec![
            DocumentWrite::put("mobile", format!("{key}/{now}"), &value)
                .indexed(&key)
                .until(now + MOBILE_KEPT),
        ];
        let tell = answered.is_none_or(|document| document.expires.unwrap_or(0) < now);
        if tell {
            documents.push(DocumentWrite::put("answered", key, &true).until(now + ANSWER_EVERY));
        }
        let number = terminal.msisdn.clone();
        self.settle_terminal(terminal, documents).await?;
        drop(engine);
        if tell {
            let owner = self.store().subscriber(id.subscriber).await?;
            let language = owner.map_or(Language::En, |owner| owner.language);
            let (brand, service) = (self.brand(language), &self.settings().service_number);
            let text = match language {
                Language::En => {
                    format!("{brand} keeps your phone book. To change it, call {service}.")
                }
                Language::ZhHans => format!("【{brand}】为您保管电话簿。要修改请拨{service}。"),
            };
            if let Err(error) = self.text(&number, &text) {
                tracing::warn!(%error, "the answer to a text was not sent");
            }
        }
        Ok(())
    }
}

/// A stored message as a text: the default alphabet one octet a septet, UCS-2, or its octets in hex.
fn text_of(document: &store::Document) -> Option<(i64, String)> {
    let value: serde_json::Value = serde_json::from_str(&document.value).ok()?;
    let octets = hex::decode(value["user_data"].as_str()?).ok()?;
    let (udhi, dcs) = (value["udhi"].as_bool()?, value["dcs"].as_u64()?);
    let text = match dcs {
        0 | 1 if !udhi => String::from_utf8(octets.clone()).ok(),
        8 if !udhi => {
            let units = octets
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
        }
        _ => None,
    };
    Some((
        value["at"].as_i64()?,
        text.unwrap_or_else(|| hex::encode(octets)),
    ))
}
