//! What must hold at every step: `audit()`, and what only somebody can see who sees the cards.

use crate::fence::ALL_SHIPMENTS;
use crate::node::Node;
use crate::world::{Found, World};
use control::{Event, TerminalState};
use delivery::{Lane, NodeId, Outbound, PartRef, Target};
use store::{ShipmentFilter, TerminalFull};
use terminals::{ChannelKind, Owner, Proof};

/// Every so many steps, or more, all terminals are looked at.
const ALL: u64 = 64;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl World {
    /// Every rule, for every terminal that a node said it wrote since the last look; sometimes for all of them.
    pub async fn check(&mut self) -> Found {
        self.listen();
        if std::mem::take(&mut self.unheard) {
            self.look_anew().await?;
        }
        let subscribers: Vec<_> = std::mem::take(&mut self.touched).into_iter().collect();
        let shipments: Vec<_> = std::mem::take(&mut self.moved).into_iter().collect();
        let (rows, moved) = self
            .store
            .read(move |store| {
                let mut rows = Vec::new();
                for id in subscribers {
                    let revision = store
                        .book(id)?
                        .map(|book| book.revision)
                        .unwrap_or_default();
                    rows.push((revision, store.terminals_of(id)?));
                }
                let mut moved = Vec::new();
                for id in shipments {
                    moved.extend(store.shipment(id)?);
                }
                Ok((rows, moved))
            })
            .await
            .map_err(text)?;
        for shipment in moved {
            let known = self.shipments.entry(shipment.terminal).or_default();
            match known.binary_search_by_key(&shipment.id, |known| known.id) {
                Ok(at) => known.splice(at..=at, [shipment]).for_each(drop),
                Err(at) => known.insert(at, shipment),
            }
        }
        for (revision, terminals) in rows {
            for full in terminals {
                let id = full.terminal.id;
                let shipments = self.shipments.entry(id).or_default();
                let broken = delivery::audit(&delivery::Stored {
                    terminal: &full.terminal,
                    due: full.due,
                    shadow: &full.shadow,
                    shipments,
                    since: None,
                    revision,
                });
                if let Some(broken) = broken.first() {
                    return Err(format!(
                        "{}: {}: {}",
                        broken.rule, full.terminal.msisdn, broken.found
                    ));
                }
                self.shadow_is_true(&full)?;
            }
        }
        if self.steps >= self.next_all {
            // It reads every shipment: the longer the life, the rarer.
            let shipments: usize = self.shipments.values().map(Vec::len).sum();
            self.next_all = self.steps + ALL + u64::try_from(shipments).unwrap_or(0);
            self.check_all().await?;
        }
        Ok(())
    }

    /// Every shipment as it is stored.
    async fn look_anew(&mut self) -> Found {
        self.touched.extend(self.subscribers.iter().copied());
        for known in &self.terminals {
            let of = ShipmentFilter {
                terminal: Some(known.id),
                limit: ALL_SHIPMENTS,
                ..ShipmentFilter::default()
            };
            let mut shipments = self.store.shipments(of).await.map_err(text)?;
            shipments.sort_unstable_by_key(|shipment| shipment.id);
            self.shipments.insert(known.id, shipments);
        }
        Ok(())
    }

    /// The same, of everything as it is stored.
    pub async fn check_all(&self) -> Found {
        for id in &self.subscribers {
            let broken = self.watcher.audit(*id).await.map_err(text)?;
            if let Some(broken) = broken.first() {
                return Err(format!("{}: {}", broken.rule, broken.found));
            }
            for full in &self.store.terminals_of(*id).await.map_err(text)? {
                self.shadow_is_true(full)?;
            }
        }
        Ok(())
    }

    /// What the nodes say that they wrote.
    pub fn listen(&mut self) {
        for node in &mut self.nodes {
            let Some(running) = &mut node.running else {
                continue;
            };
            // What was written and not heard of, nobody told.
            self.unheard |= running.line.struck();
            while let Ok(emitted) = running.emitted.try_recv() {
                match emitted.event {
                    Event::Change { subscriber, .. } => {
                        self.touched.insert(subscriber);
                    }
                    Event::Shipment { id, terminal, .. } => {
                        self.wrote
                            .insert((running.node, terminal.subscriber.slice()));
                        self.touched.insert(terminal.subscriber);
                        self.moved.insert(id);
                    }
                    Event::Terminal { id, .. } => {
                        self.touched.insert(id.subscriber);
                    }
                    _ => {}
                }
            }
        }
    }

    /// What was told to people is in their books, once.
    pub async fn check_books(&self) -> Found {
        for (n, id) in self.subscribers.iter().enumerate() {
            let told = self.told.get(id).copied().unwrap_or(0);
            if !self.touched.contains(id) {
                continue;
            }
            let book = self.store.book(*id).await.map_err(text)?;
            let revision = book.as_ref().map_or(0, |book| book.revision.0);
            if revision < told {
                return Err(format!(
                    "lost edits: subscriber {n} was told revision {told} and has {revision}"
                ));
            }
            let mut names: Vec<_> = book
                .iter()
                .flat_map(|book| book.friends.values().map(|friend| friend.name.as_str()))
                .collect();
            names.sort_unstable();
            if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()) {
                return Err(format!("an edit was done twice: {twice:?}"));
            }
        }
        Ok(())
    }

    /// Rules 4 and 5: what the shadow calls proven stands on the card, or is in doubt.
    fn shadow_is_true(&self, full: &TerminalFull) -> Found {
        let terminal = &full.terminal;
        // After a restore the copy may say anything, until the terminal was made sure of.
        let sure_in = terminal.record.sure_in.unwrap_or(terminal.incarnation);
        if terminal.retired || self.restored.is_some_and(|restored| sure_in != restored) {
            return Ok(());
        }
        for (slot, state) in &full.shadow.slots {
            let claims = !state.doubt && state.proof > Proof::Accepted;
            if !claims || matches!(state.owner, Owner::Unknown | Owner::Foreign) {
                continue;
            }
            if terminal.channel == ChannelKind::SmsCard {
                let phone = self.phones.get(&terminal.msisdn);
                if !phone.is_none_or(|phone| phone.was_given(&state.content)) {
                    return Err(format!(
                        "shadow-by-proof: {} is said to have card {} and never got it",
                        terminal.msisdn, slot.0
                    ));
                }
                continue;
            }
            let Some(sim) = terminal
                .iccid
                .as_ref()
                .and_then(|iccid| self.sims.get(iccid))
            else {
                continue;
            };
            let (ext1, number) = match slot.ext1_record() {
                Some(number) => (true, usize::from(number)),
                None => (false, usize::from(slot.0)),
            };
            let Some(record) = sim.record(ext1, number) else {
                continue;
            };
            // What the owner may have typed since is not ours to look at (docs/SIMULATION.md, “stays open”).
            if self.restored.is_some() && full.shadow.in_use && state.content.is_empty() {
                continue;
            }
            let blank = record.iter().all(|octet| *octet == 0xFF);
            let same = if state.content.is_empty() {
                blank || ext1
            } else {
                *record == state.content
            };
            if !same {
                return Err(format!(
                    "shadow-by-proof: slot {} of {} is said to hold {} and holds {}",
                    slot.0,
                    terminal.msisdn,
                    hex::encode(&state.content),
                    hex::encode(record)
                ));
            }
        }
        Ok(())
    }

    /// Rules 2 and 6, of what one turn of a node handed out.
    pub async fn check_sent(&mut self, node: NodeId, sent: &[Outbound]) -> Found {
        let mut bulk = false;
        let leases = match self.shared && !sent.is_empty() {
            true => self
                .store
                .read(|store| store.leases())
                .await
                .map_err(text)?,
            false => Vec::new(),
        };
        for message in sent {
            let Target::Part(part) = message.target else {
                continue;
            };
            let slice = part.shipment.slice();
            let lease = leases.iter().find(|lease| lease.slice == slice);
            if let Some(other) = lease.filter(|lease| lease.node != node) {
                return Err(format!(
                    "fence: a node sent for slice {slice}, which is another's at epoch {}",
                    other.epoch
                ));
            }
            let first = self.was_recorded(message, part).await?;
            if first && message.lane == Lane::Interactive && bulk {
                return Err("interactive-first: a bulk shipment went out before a person's".into());
            }
            bulk |= first && message.lane == Lane::Bulk;
        }
        Ok(())
    }

    /// Rule 2: shipment, octets and counter are in the store; whether it is the first message of a new shipment.
    async fn was_recorded(&mut self, message: &Outbound, part: PartRef) -> Found<bool> {
        let not = |what: &str| {
            let PartRef {
                shipment,
                packet,
                part,
                sending,
            } = part;
            format!(
                "recorded-before-sent: {}/{packet}.{part}#{sending} went out and {what}",
                shipment.0
            )
        };
        let shipment = self.store.shipment(part.shipment).await.map_err(text)?;
        let shipment = shipment.ok_or_else(|| not("no such shipment is stored"))?;
        let packet = shipment
            .packets
            .iter()
            .find(|packet| packet.n == part.packet);
        let packet = packet.ok_or_else(|| not("no such packet is stored"))?;
        let known = packet.parts.iter().find(|known| known.n == part.part);
        let known = known.ok_or_else(|| not("no such part is stored"))?;
        if known.user_data != message.user_data {
            return Err(not("other octets are stored"));
        }
        if packet.sendings < part.sending {
            return Err(not("this sending is not stored"));
        }
        let full = self.store.terminal(shipment.terminal).await.map_err(text)?;
        let full = full.ok_or_else(|| not("its terminal is not stored"))?;
        if full.terminal.retired {
            return Err(not("its terminal is retired"));
        }
        if let (Some(counter), Some(iccid)) = (packet.counter, full.terminal.iccid) {
            if full.terminal.counter_next <= counter {
                return Err(not("its counter is not stored as used"));
            }
            let mut known = self.terminals.iter();
            let wrong = known.any(|known| known.id == shipment.terminal && known.wrong_keys);
            let octets = message.user_data.clone();
            let before = self
                .counters
                .insert((iccid.clone(), wrong, counter, part.part), octets);
            if before.is_some_and(|before| before != message.user_data) {
                return Err(not(&format!(
                    "counter {counter} of card {iccid} went out before, in another packet"
                )));
            }
        }
        Ok(part.sending == 1 && part.packet == 1 && part.part == 1)
    }

    /// What is not right yet, if anything.
    pub async fn all_right(&self) -> Found<Option<String>> {
        for (n, known) in self.terminals.iter().enumerate() {
            let view = self.watcher.terminal_view(known.id).await.map_err(text)?;
            let Some(view) = view else { continue };
            let state = view.state;
            if !matches!(state, TerminalState::InSync | TerminalState::Retired) {
                let row = &view.full.terminal;
                let row = (
                    view.full.due,
                    row.in_flight,
                    row.next_try,
                    row.planned,
                    row.proven,
                );
                let why = view
                    .trouble
                    .or(view.full.terminal.last_outcome)
                    .unwrap_or_default();
                let owner = self.owner_of(known.id.subscriber.slice()).await?;
                return Ok(Some(format!(
                    "terminal {n} ({}{owner}) is {state:?}: {why} {row:?}",
                    known.msisdn
                )));
            }
        }
        Ok(None)
    }

    /// Whose slice it is, in words.
    async fn owner_of(&self, slice: u8) -> Found<String> {
        if !self.shared {
            return Ok(String::new());
        }
        let leases = self.store.read(|store| store.leases()).await;
        let leases = leases.map_err(text)?;
        let lease = leases.iter().find(|lease| lease.slice == slice);
        let is = |node: &Node| {
            let running = node.running.as_ref();
            running.is_some_and(|running| lease.is_some_and(|l| l.node == running.node))
        };
        let at = self.nodes.iter().position(is);
        Ok(format!(", of node {at:?}, {lease:?}"))
    }

    /// Every terminal's real content equals its book.
    pub async fn compare(&self) -> Found {
        for (n, known) in self.terminals.iter().enumerate() {
            let view = self.watcher.terminal_view(known.id).await.map_err(text)?;
            let Some(view) = view.filter(|view| view.state == TerminalState::InSync) else {
                continue;
            };
            let wanted = view
                .plan
                .shown
                .iter()
                .map(|entry| (entry.name.clone(), entry.number.clone()));
            let Some(phone) = self.phones.get(&known.msisdn) else {
                continue;
            };
            let sim = phone.iccid.as_ref().and_then(|iccid| self.sims.get(iccid));
            if let Some(sim) = sim {
                let mut wanted: Vec<_> = wanted.chain(sim.own.clone()).collect();
                wanted.sort();
                let shown = sim.shown();
                // On a card in use, what was added after the back-up stays (docs/SIMULATION.md, “stays open”).
                let may_stay = self.restored.is_some() && !sim.own.is_empty();
                let lacks = wanted.iter().any(|entry| !shown.contains(entry));
                if lacks || (wanted != shown && !may_stay) {
                    return Err(format!(
                        "terminal {n} ({}) shows {shown:?}, and its book wants {wanted:?}",
                        known.msisdn
                    ));
                }
                continue;
            }
            for entry in &view.plan.shown {
                let proof = view.full.shadow.get(entry.slot).proof;
                if proof > Proof::Accepted && !phone.was_given(&entry.content) {
                    return Err(format!(
                        "terminal {n} ({}) never got the card of {}",
                        known.msisdn, entry.name
                    ));
                }
            }
        }
        Ok(())
    }
}
