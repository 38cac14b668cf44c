//! From a due mark to a recorded shipment, and out.

use super::{Engine, settle};
use crate::{Control, Event};
use delivery::{
    Due, Happening, Lane, Packet, PacketState, Part, PartState, Shipment, ShipmentId, ShipmentKind,
    ShipmentState, Terminal, TerminalId, Trouble, World, after_restore, decide, next_counter,
};
use store::{Job, SettleJob, StoreError, TerminalFull};
use terminals::{CardProfile, Owner, Plan, PlannedPacket, Proof, Purpose, encode_packet, sim};
use wire::ota::KeySet;

/// The purpose that a terminal's OTA keys are sealed for.
pub(crate) const OTA_KEYS: &str = "ota-keys";

impl Control {
    /// Plans `id` now and ships the plan; with nothing to write, clears the mark and says that it is proven.
    pub(crate) async fn ship(&self, id: TerminalId, due: Option<Due>) -> Result<(), StoreError> {
        let mut engine = self.0.engine.lock().await;
        let Some((subscriber, book, holds)) = self.book_of(id.subscriber).await? else {
            return Ok(());
        };
        let Some(full) = self.store().terminal(id).await? else {
            return Ok(());
        };
        // What a verified call holds back goes when it lets go, whoever asks.
        let held = full.due.is_some_and(|mark| mark.at == i64::MAX);
        if full.terminal.retired || full.terminal.in_flight.is_some() || held {
            return Ok(());
        }
        let due = due.or(full.due.filter(|mark| mark.at <= self.now()));
        let incarnation = self.store().incarnation().await?;
        let mut terminal = full.terminal.clone();
        terminal.next_try = None;
        // After a restore nothing is assumed: what is on the terminal is read, or written anew, before anything else.
        let recheck = after_restore(&mut terminal, &full.shadow, incarnation);
        let recheck = recheck.map(|how| how.mark(due, book.revision, self.now()));
        let work = recheck.or(due);
        let everything = work.is_some_and(|mark| mark.everything);
        let planned = self.plan_for(&subscriber, &book, &holds, &full, everything);
        let work = match planned.plan {
            Ok(plan) => work_of(&full, planned.card.as_ref(), plan, work),
            Err(error) => Err(error.to_string()),
        };
        let (kind, plan) = match work {
            Ok(work) => work,
            Err(sentence) => return self.give_up(terminal, due, sentence).await,
        };
        terminal.planned = book.revision;
        if plan.packets.is_empty() {
            return self.nothing_to_send(terminal, due, plan).await;
        }
        let packets = match self.seal_packets(
            &mut terminal,
            incarnation,
            planned.card.as_ref(),
            &plan.packets,
        ) {
            Ok(packets) => packets,
            Err(sentence) => return self.give_up(terminal, due, sentence).await,
        };
        let now = self.now();
        let shipment = Shipment {
            id: engine.next_id(id, now),
            terminal: id,
            kind,
            lane: due.map_or(Lane::Interactive, |mark| mark.lane),
            revision: book.revision,
            state: ShipmentState::Queued,
            writes: plan.writes,
            packets,
            at: now,
            gateway: None,
        };
        terminal.in_flight = Some(shipment.id);
        // Somebody acted; what Kith tries again by itself leaves the question standing until there is a proof.
        if due.is_some() {
            terminal.trouble = None;
        }
        let mut world = World {
            terminal,
            shipment,
            shadow: full.shadow,
            moved: Vec::new(),
            notes: Vec::new(),
        };
        let actions = decide(&mut world, &Happening::Start, &self.settings().policy, now);
        let job = SettleJob {
            placement: (kind == ShipmentKind::Write).then_some(plan.placement),
            freed: plan.freed.into_iter().collect(),
            clear_due: due,
            ..settle(&world, Vec::new())
        };
        self.record_and_do(&mut engine, world, job, actions).await?;
        if let Some(mark) = due {
            self.handed_over(mark.at, self.now());
        }
        Ok(())
    }

    /// The packets with their counters and their octets. Counters move in `terminal`, which is recorded with them.
    fn seal_packets(
        &self,
        terminal: &mut Terminal,
        incarnation: u64,
        card: Option<&CardProfile>,
        planned: &[PlannedPacket],
    ) -> Result<Vec<Packet>, String> {
        let keys = card.map(|card| self.keys(terminal, card)).transpose()?;
        let mut packets = Vec::new();
        for (n, planned) in (1..).zip(planned) {
            let counter = next_counter(terminal, incarnation).map_err(|error| error.to_string())?;
            // Its low bits are new for every packet to this phone, which is what a reference must be.
            let [.., high, low] = counter.octets();
            let messages = encode_packet(
                terminal.channel,
                card,
                planned,
                keys.as_ref(),
                counter,
                u16::from_be_bytes([high, low]),
            )
            .map_err(|error| error.to_string())?;
            packets.push(Packet {
                n,
                planned: planned.clone(),
                counter: keys.is_some().then_some(counter.value()),
                state: PacketState::Queued,
                sendings: 0,
                proof: Proof::None,
                deadline: None,
                outcome: None,
                parts: (1..)
                    .zip(messages)
                    .map(|(n, message)| Part {
                        n,
                        user_data: message.octets,
                        udhi: message.udhi,
                        pid: message.pid,
                        dcs: message.dcs,
                        state: PartState::Queued,
                        message_id: None,
                        at: None,
                    })
                    .collect(),
            });
        }
        Ok(packets)
    }

    /// The card's keys, unsealed for this moment.
    pub(crate) fn keys(&self, terminal: &Terminal, card: &CardProfile) -> Result<KeySet, String> {
        let sealed = self.vault().open(OTA_KEYS, &terminal.keys);
        let pair = sealed.map_err(|error| error.to_string())?;
        let (kic, kid) = split_keys(pair.expose())
            .ok_or("The stored keys are not a pair: give the terminal its keys again.")?;
        card.keys(kic, kid).map_err(|error| error.to_string())
    }

    async fn nothing_to_send(
        &self,
        mut terminal: Terminal,
        due: Option<Due>,
        plan: Plan,
    ) -> Result<(), StoreError> {
        let id = terminal.id;
        terminal.proven = terminal.planned;
        terminal.trouble = None;
        self.settle_alone(terminal, due, Some(plan)).await?;
        self.emit(Event::Terminal { id, state: None });
        Ok(())
    }

    /// Nothing can be sent until a person has done something.
    async fn give_up(
        &self,
        mut terminal: Terminal,
        due: Option<Due>,
        sentence: String,
    ) -> Result<(), StoreError> {
        let id = terminal.id;
        tracing::warn!(%sentence, "a terminal needs help");
        terminal.trouble = Some(Trouble {
            key: "ours".into(),
            sentence,
        });
        self.settle_alone(terminal, due, None).await?;
        self.emit(Event::Terminal { id, state: None });
        Ok(())
    }

    async fn settle_alone(
        &self,
        terminal: Terminal,
        due: Option<Due>,
        plan: Option<Plan>,
    ) -> Result<(), StoreError> {
        let job = SettleJob {
            placement: plan.map(|plan| plan.placement),
            clear_due: due,
            ..SettleJob::of(terminal)
        };
        self.store().run(Job::Settle(Box::new(job))).await
    }
}

/// What a due mark asks for: a test, a read-back, or the plan (its reads first, when a card in use wants them).
fn work_of(
    full: &TerminalFull,
    card: Option<&CardProfile>,
    mut plan: Plan,
    due: Option<Due>,
) -> Result<(ShipmentKind, Plan), String> {
    let asked = |flag: fn(&Due) -> bool| due.as_ref().is_some_and(flag);
    if let Some(card) = card {
        if asked(|due| due.test) {
            plan.packets = vec![sim::test(card).map_err(|error| error.to_string())?];
            plan.writes.clear();
            return Ok((ShipmentKind::Test, plan));
        }
        if asked(|due| due.verify) {
            let ours = full.shadow.slots.iter().filter(|(slot, state)| {
                slot.ext1_record().is_none() && matches!(state.owner, Owner::Ours(_))
            });
            plan.packets =
                sim::reads(card, ours.map(|(slot, _)| *slot)).map_err(|error| error.to_string())?;
            plan.writes.clear();
            return Ok((ShipmentKind::Verify, plan));
        }
    }
    let reads = plan
        .packets
        .iter()
        .any(|packet| matches!(packet.purpose, Purpose::Read(_)));
    let kind = if reads {
        ShipmentKind::Read
    } else {
        ShipmentKind::Write
    };
    Ok((kind, plan))
}

/// A pair of keys as it is sealed: the length of KIc, KIc, KID.
pub(crate) fn join_keys(kic: &[u8], kid: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(kic.len()).ok()?;
    Some([&[length], kic, kid].concat())
}

fn split_keys(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, keys) = pair.split_first()?;
    keys.split_at_checked(usize::from(*length))
}

impl Engine {
    /// 0 ‖ slice(8) ‖ ms since 1970 (41) ‖ sequence (14): in the order of planning (DECISIONS.md, “slice, ids”).
    fn next_id(&mut self, terminal: TerminalId, now: i64) -> ShipmentId {
        let time = (u64::try_from(now).unwrap_or(0) & ((1 << 41) - 1)) << 14;
        self.last_id = time.max(self.last_id + 1);
        ShipmentId(u64::from(terminal.subscriber.slice()) << 55 | self.last_id)
    }
}
