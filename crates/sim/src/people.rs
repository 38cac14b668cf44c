//! What people do: through the real `Control` of a node that is up, again when it could not.

use crate::action::Action;
use crate::node;
use crate::phones::{Phone, Sim, iccid};
use crate::world::{Found, Next, Terminal, World};
use book::{
    Edit, FriendDraft, FriendNo, FriendPatch, Language, NumberDraft, Revision, SubscriberId,
};
use control::{
    Control, EditError, EditOptions, NewCard, NewSubscriber, NewTerminal, ProvisionError,
    TerminalPatch,
};
use delivery::{Due, HoldState, Lane, TerminalId};
use identity::{Grant, JobKind};
use std::sync::atomic::Ordering::Relaxed;
use store::{Job, Store, StoreError};
use terminals::ChannelKind;

const NAMES: [&str; 8] = [
    "Mei",
    "Dr Lee",
    "Ann",
    "小梅",
    "José",
    "Ольга",
    "Plumber Jo",
    "奶奶",
];

/// What came of it: done (or refused for good), or to be tried again.
type Done = Found<bool>;

fn name(friend: u32) -> String {
    let at = usize::try_from(friend).unwrap_or(0) % NAMES.len();
    format!("{} {friend}", NAMES.get(at).copied().unwrap_or_default())
}

fn number(friend: u32) -> NumberDraft {
    // Every seventh is longer than a record has room for.
    let tail = if friend % 7 == 3 {
        "p0123456789012"
    } else {
        ""
    };
    NumberDraft {
        number: format!("+447700900{:03}{tail}", friend % 1000),
        keep: true,
        ..NumberDraft::default()
    }
}

fn edited<T>(done: Result<T, EditError>) -> Result<Option<T>, ()> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(EditError::Store(_)) => Err(()),
        // Refused by the book's rules, done before, or nothing there to change.
        Err(_) => Ok(None),
    }
}

fn provided<T>(done: Result<T, ProvisionError>) -> Result<Option<T>, ()> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(ProvisionError::Store(_)) => Err(()),
        Err(_) => Ok(None),
    }
}

fn stored<T>(done: Result<T, StoreError>) -> Result<Option<T>, ()> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(StoreError::Refused(_)) => Ok(None),
        Err(_) => Err(()),
    }
}

impl World {
    /// Does it; `false`: it could not be done now.
    pub async fn act(&mut self, no: u64, action: &Action) -> Done {
        if let Some(done) = self.nature(action) {
            return Ok(done);
        }
        match action {
            Action::BackUp => {
                self.backup = Some(self.store.snapshot().await.map_err(|e| e.to_string())?);
                return Ok(true);
            }
            Action::Restore => {
                self.restore().await?;
                return Ok(true);
            }
            Action::Leave { node, back_after } => {
                let Some(control) = self.control(*node).filter(|_| self.is_awake(*node)) else {
                    return Ok(true);
                };
                control.hand_over_leases().await;
                if let Some(node) = self.nodes.get_mut(*node) {
                    node.running = None;
                }
                self.after(*back_after, Next::Start { node: *node });
                return Ok(true);
            }
            _ => {}
        }
        let running = self.awake();
        let Some(n) = self.chance.pick(&running).copied() else {
            return Ok(false);
        };
        let Some(control) = self.control(n) else {
            return Ok(false);
        };
        let done = self.ask(&control, no, action).await?;
        self.after_turn(n).await?;
        Ok(done)
    }

    fn control(&self, n: usize) -> Option<Control> {
        Some(self.nodes.get(n)?.running.as_ref()?.control.clone())
    }

    /// What needs no node.
    fn nature(&mut self, action: &Action) -> Option<bool> {
        match *action {
            Action::Off { terminal } | Action::On { terminal } => {
                if let Some(number) = self.terminals.get(terminal).map(|t| t.msisdn.clone()) {
                    self.power(&number, matches!(action, Action::On { .. }));
                }
            }
            Action::Down { gateway } => self.gateway(gateway, false),
            Action::Up { gateway } => self.gateway(gateway, true),
            Action::Fault { which, permille } => {
                if let Some(fault) = self.faults.get_mut(which) {
                    *fault = permille;
                }
            }
            Action::Crash {
                node,
                requests,
                heard,
                sent,
                back_after,
            } => {
                if let Some(running) = self.nodes.get_mut(node).and_then(|n| n.running.as_mut()) {
                    running.line.end(requests, heard);
                    running.sent_at_end = usize::try_from(sent).unwrap_or(0);
                    running.back_after = back_after;
                }
            }
            Action::Outage {
                node,
                after,
                requests,
                heard,
            } => {
                if let Some(running) = self.nodes.get_mut(node).and_then(|n| n.running.as_mut()) {
                    running.line.outage(after, requests, heard);
                }
            }
            Action::Pause { node, ms } => {
                let until = self.time.now() + ms;
                if let Some(node) = self.nodes.get_mut(node) {
                    node.paused = until;
                }
            }
            Action::Stall { node, requests, ms } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.stall = Some((requests.saturating_sub(1), ms));
                }
            }
            Action::Clock { node, ms } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.ahead.fetch_add(ms, Relaxed);
                }
            }
            _ => return None,
        }
        Some(true)
    }

    fn subscriber(&self, n: usize) -> Option<SubscriberId> {
        self.subscribers.get(n).copied()
    }

    async fn nth(&self, subscriber: SubscriberId, nth: usize) -> Option<FriendNo> {
        let book = self.store.book(subscriber).await.ok()??;
        let friends: Vec<_> = book.friends.keys().copied().collect();
        let at = nth.checked_rem(friends.len())?;
        friends.get(at).copied()
    }

    async fn ask(&mut self, control: &Control, no: u64, action: &Action) -> Done {
        let tried = match action {
            Action::Subscriber => return self.new_subscriber(control, no).await,
            Action::Sim {
                subscriber,
                kind,
                in_use,
            } => {
                return self
                    .new_terminal(control, no, *subscriber, Some((kind, *in_use)))
                    .await;
            }
            Action::CardPhone { subscriber } => {
                return self.new_terminal(control, no, *subscriber, None).await;
            }
            Action::Swap {
                terminal,
                wrong_keys,
            } => {
                return self.swap(control, no, *terminal, *wrong_keys).await;
            }
            Action::Add { subscriber, .. }
            | Action::Rename { subscriber, .. }
            | Action::Renumber { subscriber, .. }
            | Action::Remove { subscriber, .. }
            | Action::Undo { subscriber, .. } => {
                return self.edit(control, no, *subscriber, action).await;
            }
            Action::Decide { subscriber, yes } => {
                let Some(id) = self.subscriber(*subscriber) else {
                    return Ok(true);
                };
                let held = self
                    .store
                    .holds(Some(id), true)
                    .await
                    .map_err(|e| e.to_string())?;
                let Some(hold) = held.iter().find(|hold| hold.state == HoldState::Held) else {
                    return Ok(true);
                };
                let grant = Grant::of_job(JobKind::CommandLine, id);
                edited(control.decide_hold(&grant, hold.no, *yes).await).map(drop)
            }
            Action::Send { terminal, all } => {
                let Some(id) = self.terminal(*terminal) else {
                    return Ok(true);
                };
                stored(control.send(id, *all).await).map(drop)
            }
            Action::Verify { terminal } => {
                let Some(id) = self.terminal(*terminal) else {
                    return Ok(true);
                };
                stored(control.verify(id).await).map(drop)
            }
            Action::Test { terminal } => {
                let Some(id) = self.terminal(*terminal) else {
                    return Ok(true);
                };
                stored(control.test(id).await).map(drop)
            }
            Action::Bulk { terminal } => {
                let Some(id) = self.terminal(*terminal) else {
                    return Ok(true);
                };
                let now = control.now();
                let due = Due {
                    everything: true,
                    ..Due::new(Revision(0), now, Lane::Bulk)
                };
                let job = Job::MarkDue {
                    marks: vec![(id, due)],
                    replace: false,
                };
                stored(control.store().run(job).await).map(drop)
            }
            Action::Retire { terminal } => {
                let Some(id) = self.terminal(*terminal) else {
                    return Ok(true);
                };
                provided(control.retire(id, |_| true).await).map(drop)
            }
            _ => Ok(()),
        };
        Ok(tried.is_ok())
    }

    fn terminal(&self, n: usize) -> Option<TerminalId> {
        self.terminals.get(n).map(|terminal| terminal.id)
    }

    async fn new_subscriber(&mut self, control: &Control, no: u64) -> Done {
        let n = self.subscribers.len();
        let new = NewSubscriber {
            msisdn: format!("+447700900{:03}", 900 + n),
            name: format!("Subscriber {n}"),
            language: if n.is_multiple_of(2) {
                Language::En
            } else {
                Language::ZhHans
            },
            region: Some("GB".into()),
        };
        let done = control
            .create_subscriber_once(new, Some(&format!("r{no}")))
            .await;
        match provided(done) {
            Ok(Some(made)) => {
                self.subscribers.push(made.id);
                Ok(true)
            }
            Ok(None) => Err("a subscriber was refused".into()),
            Err(()) => Ok(false),
        }
    }

    async fn new_terminal(
        &mut self,
        control: &Control,
        no: u64,
        subscriber: usize,
        sim: Option<(&String, bool)>,
    ) -> Done {
        let Some(id) = self.subscriber(subscriber) else {
            return Ok(false);
        };
        let n = self.terminals.len();
        let msisdn = format!("+447700900{:03}", 700 + n);
        let made = match sim {
            Some((kind, in_use)) => Some(Sim::make(kind, self.sims.len(), in_use)?),
            None => None,
        };
        let new = NewTerminal {
            subscriber: id,
            channel: if made.is_some() {
                ChannelKind::SimOta
            } else {
                ChannelKind::SmsCard
            },
            msisdn: msisdn.clone(),
            card_profile: made.as_ref().map(|sim| sim.profile.name.clone()),
            iccid: made.as_ref().map(|sim| sim.card.iccid().to_owned()),
            keys: made.as_ref().map(|sim| (sim.kic.clone(), sim.kid.clone())),
            counter: None,
            in_use: sim.is_some_and(|(_, in_use)| in_use),
            terminal_profile: None,
        };
        let done = control
            .add_terminal_once(new, Some(&format!("r{no}")))
            .await;
        let id = match done {
            Ok(terminal) => terminal.id,
            Err(ProvisionError::Store(_)) => return Ok(false),
            Err(error) => return Err(format!("a terminal was refused: {error}")),
        };
        let iccid = made.as_ref().map(|sim| sim.card.iccid().to_owned());
        if let (Some(sim), Some(iccid)) = (made, iccid.clone()) {
            self.sims.insert(iccid, sim);
        }
        self.phones.insert(
            msisdn.clone(),
            Phone {
                on: true,
                iccid,
                ..Phone::default()
            },
        );
        let kind = sim.map(|(kind, _)| kind.clone()).unwrap_or_default();
        self.terminals.push(Terminal {
            id,
            msisdn,
            kind,
            wrong_keys: false,
        });
        Ok(true)
    }

    async fn edit(
        &mut self,
        control: &Control,
        no: u64,
        subscriber: usize,
        action: &Action,
    ) -> Done {
        let Some(id) = self.subscriber(subscriber) else {
            return Ok(false);
        };
        self.touched.insert(id);
        let change = async |nth: usize, patch: FriendPatch| {
            let friend = self.nth(id, nth).await?;
            Some(Edit::ChangeFriend {
                friend,
                patch,
                based_on: None,
            })
        };
        let edit = match action {
            Action::Add { friend, .. } => Some(Edit::AddFriend(FriendDraft {
                name: name(*friend),
                numbers: vec![number(*friend)],
                ..FriendDraft::default()
            })),
            Action::Rename { nth, friend, .. } => {
                let patch = FriendPatch {
                    name: Some(name(*friend)),
                    ..FriendPatch::default()
                };
                change(*nth, patch).await
            }
            Action::Renumber { nth, friend, .. } => {
                let numbers = Some(vec![number(*friend)]);
                change(
                    *nth,
                    FriendPatch {
                        numbers,
                        ..FriendPatch::default()
                    },
                )
                .await
            }
            Action::Remove { nth, .. } => self.nth(id, *nth).await.map(Edit::RemoveFriend),
            Action::Undo { back, .. } => {
                let book = self.store.book(id).await.map_err(|e| e.to_string())?;
                let revision = book.map_or(0, |book| book.revision.0);
                let revision = Revision(revision.saturating_sub(*back));
                let change = self
                    .store
                    .change(id, revision)
                    .await
                    .map_err(|e| e.to_string())?;
                change.map(|change| Edit::Undo(Box::new(change)))
            }
            _ => None,
        };
        let Some(edit) = edit else { return Ok(true) };
        let grant = Grant::of_job(JobKind::CommandLine, id);
        let options = EditOptions {
            request: Some(format!("r{no}")),
            if_revision: None,
        };
        match edited(control.edit(&grant, edit, options).await) {
            Ok(Some(edited)) => {
                let told = self.told.entry(id).or_default();
                *told = (*told).max(edited.revision.0);
                if let Some(hold) = edited.hold {
                    self.note(format_args!("held: {hold}"));
                }
                Ok(true)
            }
            Ok(None) => {
                self.note(format_args!("refused"));
                Ok(true)
            }
            Err(()) => Ok(false),
        }
    }

    /// A new card goes into the phone, and somebody types its particulars in.
    async fn swap(&mut self, control: &Control, no: u64, terminal: usize, wrong: bool) -> Done {
        let Some(known) = self.terminals.get(terminal).filter(|t| !t.kind.is_empty()) else {
            return Ok(true);
        };
        let (id, msisdn, kind) = (known.id, known.msisdn.clone(), known.kind.clone());
        let put_in = match self.swaps.get(&no) {
            Some(known) => known.clone(),
            None => {
                let sim = Sim::make(&kind, self.sims.len(), false)?;
                let new = iccid(self.sims.len());
                self.sims.insert(new.clone(), sim);
                if let Some(phone) = self.phones.get_mut(&msisdn) {
                    phone.iccid = Some(new.clone());
                }
                self.swaps.insert(no, new.clone());
                new
            }
        };
        let done = self.type_card(control, id, &put_in, wrong).await;
        if done.is_ok()
            && let Some(known) = self.terminals.get_mut(terminal)
        {
            known.wrong_keys = wrong;
        }
        Ok(done.is_ok())
    }

    async fn type_card(
        &self,
        control: &Control,
        id: TerminalId,
        iccid: &str,
        wrong: bool,
    ) -> Result<(), ()> {
        let Some(sim) = self.sims.get(iccid) else {
            return Ok(());
        };
        let card = NewCard {
            iccid: iccid.to_owned(),
            kic: if wrong {
                "0f".repeat(16)
            } else {
                sim.kic.clone()
            },
            kid: if wrong {
                "f0".repeat(16)
            } else {
                sim.kid.clone()
            },
            profile: None,
        };
        let patch = TerminalPatch {
            card: Some(card),
            content: None,
        };
        provided(control.change_terminal(id, patch, |_| true).await).map(drop)
    }

    /// The back-up takes the store's place, as `kith restore` does it: every process ends, and a new incarnation begins.
    async fn restore(&mut self) -> Found {
        let Some(octets) = &self.backup else {
            return Ok(());
        };
        let before = self.store.incarnation(0).await.map_err(|e| e.to_string())?;
        self.store = Store::from_snapshot(octets).map_err(|e| e.to_string())?;
        while self.store.incarnation(0).await.map_err(|e| e.to_string())? <= before {
            self.store.renew().await.map_err(|e| e.to_string())?;
        }
        self.restored = Some(self.store.incarnation(0).await.map_err(|e| e.to_string())?);
        let chance = self.chance.fork();
        let (store, settings) = (self.store.clone(), self.settings.clone());
        (self.watcher, _) =
            node::control(&self.time, &Default::default(), chance, store, settings)?;
        for node in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get_mut(node) {
                node.running = None;
            }
            let wait = self.chance.within(1, 5_000);
            self.after(wait, Next::Start { node });
        }
        self.told.clear();
        self.unheard = true;
        // Cards that were put in since are not known any more: somebody must type them in again.
        for known in &mut self.terminals {
            let full = self
                .store
                .terminal(known.id)
                .await
                .map_err(|e| e.to_string())?;
            let inside = self
                .phones
                .get(&known.msisdn)
                .and_then(|phone| phone.iccid.clone());
            known.wrong_keys |= full.is_some_and(|full| full.terminal.iccid != inside);
        }
        Ok(())
    }

    /// People look after the house: what needs a person gets one.
    pub async fn people_look(&mut self) -> Found {
        let Some(n) = (0..self.nodes.len()).find(|n| self.control(*n).is_some()) else {
            return Ok(());
        };
        for at in 0..self.terminals.len() {
            let Some(known) = self.terminals.get(at) else {
                continue;
            };
            let (id, msisdn, wrong) = (known.id, known.msisdn.clone(), known.wrong_keys);
            let full = self.store.terminal(id).await.map_err(|e| e.to_string())?;
            let Some(full) = full.filter(|full| !full.terminal.retired) else {
                continue;
            };
            let Some(control) = self.control(n) else {
                return Ok(());
            };
            if wrong {
                let inside = self
                    .phones
                    .get(&msisdn)
                    .and_then(|phone| phone.iccid.clone());
                self.note(format_args!("somebody corrects the keys of terminal {at}"));
                let done = self
                    .type_card(&control, id, &inside.unwrap_or_default(), false)
                    .await;
                if done.is_ok()
                    && let Some(known) = self.terminals.get_mut(at)
                {
                    known.wrong_keys = false;
                }
            } else if let Some(trouble) = full.terminal.trouble {
                self.note(format_args!(
                    "somebody looks at terminal {at}: {}",
                    trouble.sentence
                ));
                control.send(id, false).await.map_err(|e| e.to_string())?;
            } else {
                continue;
            }
            self.after_turn(n).await?;
            self.every_node_looks(0);
        }
        Ok(())
    }
}
