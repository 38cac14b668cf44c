//! What one round does to one terminal: however many things happened to it, one record and then the actions, in order.

use super::gather::{Ack, Item};
use super::inbox;
use super::known::Known;
use super::plan::{Decided, Shipped};
use crate::Control;
use delivery::{
    Action, Due, Fence, Happening, Lane, PartRef, Shipment, ShipmentId, ShipmentState, Terminal,
    TerminalId, World, decide, decide_not_before,
};
use std::collections::BTreeMap;
use store::{DocumentWrite, Job, SettleJob, TerminalFull};
use terminals::{EntryKey, Shadow, SlotNo};

/// A terminal as it was loaded, and as it is decided to be.
pub(super) struct Case {
    row: Row,
    before: (Terminal, Option<Shipment>),
    /// Its due mark as it was loaded.
    pub mark: Option<Due>,
    /// What it was about; comes back when the row was somebody else's meanwhile.
    pub items: Vec<Item>,
    /// Only its shipment was decided about, or its shadow.
    same_terminal: bool,
    /// What was decided, as [`crate::kill::after`] names it.
    pub moments: Vec<&'static str>,
    /// What is done once it is recorded.
    pub actions: Vec<Action>,
    /// The answer to a text of its owner.
    pub answer: Option<String>,
    sent: Vec<(String, String, PartRef)>,
    documents: Vec<DocumentWrite>,
    placement: Option<BTreeMap<EntryKey, SlotNo>>,
    freed: Vec<SlotNo>,
    /// The mark that a plan answers.
    pub planned: Option<Due>,
}

enum Row {
    Alone(Box<Terminal>, Shadow),
    With(Box<World>),
}

impl Case {
    pub(super) fn of(full: TerminalFull) -> Self {
        Self {
            before: (full.terminal.clone(), None),
            row: Row::Alone(Box::new(full.terminal), full.shadow),
            mark: full.due,
            items: Vec::new(),
            same_terminal: false,
            moments: Vec::new(),
            actions: Vec::new(),
            answer: None,
            sent: Vec::new(),
            documents: Vec::new(),
            placement: None,
            freed: Vec::new(),
            planned: None,
        }
    }

    /// From memory: with a shipment on its way, as recorded. Its due mark is not known.
    pub(super) fn known(known: Known) -> Self {
        let mut case = Self::of(TerminalFull {
            terminal: known.terminal,
            due: None,
            shadow: known.shadow,
            placement: BTreeMap::new(),
            freed: Vec::new(),
        });
        case.attach(known.shipment);
        case
    }

    /// What was recorded, to be kept in memory while its shipment is on its way.
    pub(super) fn into_known(self, recorded: bool) -> Option<Known> {
        let Row::With(world) = self.row else {
            return None;
        };
        let World {
            mut terminal,
            shipment,
            shadow,
            ..
        } = *world;
        // Every record of its row makes it one version newer.
        terminal.version += u64::from(recorded && !self.same_terminal);
        let under_way = terminal.in_flight == Some(shipment.id) && !shipment.state.is_final();
        under_way.then_some(Known {
            terminal,
            shipment,
            shadow,
        })
    }

    /// A plan that was made from `before`.
    pub(super) fn planned(before: Terminal, mark: Option<Due>, decided: Decided) -> Self {
        let mut moments = Vec::new();
        let (row, actions) = match decided.shipped {
            Shipped::Out(world, actions) => {
                moments.push(moment(&world, 0, &actions));
                (Row::With(world), actions)
            }
            Shipped::Alone(terminal) => (Row::Alone(terminal, Shadow::default()), Vec::new()),
        };
        Self {
            row,
            before: (before, None),
            mark,
            items: Vec::new(),
            same_terminal: false,
            moments,
            actions,
            answer: None,
            sent: Vec::new(),
            documents: Vec::new(),
            placement: decided.placement,
            freed: decided.freed,
            planned: decided.due,
        }
    }

    pub(super) fn terminal(&self) -> &Terminal {
        match &self.row {
            Row::Alone(terminal, _) => terminal,
            Row::With(world) => &world.terminal,
        }
    }

    pub(super) fn terminal_mut(&mut self) -> &mut Terminal {
        match &mut self.row {
            Row::Alone(terminal, _) => terminal,
            Row::With(world) => &mut world.terminal,
        }
    }

    /// The shipment that this is about so far.
    pub(super) fn shipment(&self) -> Option<&Shipment> {
        match &self.row {
            Row::Alone(..) => None,
            Row::With(world) => Some(&world.shipment),
        }
    }

    /// From now on it is about `shipment`.
    pub(super) fn attach(&mut self, shipment: Shipment) {
        if let Row::Alone(terminal, shadow) = &mut self.row {
            self.before.1 = Some(shipment.clone());
            self.row = Row::With(Box::new(World {
                terminal: (**terminal).clone(),
                shipment,
                shadow: std::mem::take(shadow),
                moved: Vec::new(),
                notes: Vec::new(),
            }));
        }
    }

    /// Something happened to its shipment.
    pub(super) fn happen(&mut self, house: &Control, happening: &Happening, now: i64) {
        let Row::With(world) = &mut self.row else {
            return;
        };
        if let Happening::Accepted {
            part,
            gateway,
            message_id: Some(id),
        } = happening
        {
            self.sent.push((gateway.clone(), id.clone(), *part));
        }
        let moved = world.moved.len();
        let policy = &house.settings().policy;
        let actions = match happening {
            Happening::Start | Happening::Accepted { .. } | Happening::Answer(_) => {
                decide(world, happening, policy, now)
            }
            // Something went wrong, or did not come: the table knows whether the way is closed for many.
            _ => {
                let lane = world.shipment.lane;
                let network = house.network();
                let closed = network.retry_after(&world.terminal.msisdn, lane, now);
                let not_before = closed.map_or(i64::MIN, |wait| now.saturating_add(wait));
                decide_not_before(world, happening, policy, now, not_before)
            }
        };
        self.moments.push(moment(world, moved, &actions));
        self.actions.extend(actions);
    }

    /// A message that is no proof.
    pub(super) fn hear(&mut self, documents: Vec<DocumentWrite>, answer: Option<String>, now: i64) {
        self.terminal_mut().last_heard = Some(now);
        self.documents.extend(documents);
        self.answer = self.answer.take().or(answer);
    }

    /// Whose turn it is: people first, then who has waited longest (rule 6).
    pub(super) fn turn(&self) -> (Lane, i64) {
        let lane = self.shipment().map_or(Lane::Interactive, |s| s.lane);
        (lane, self.planned.map_or(i64::MIN, |mark| mark.at))
    }

    /// The parts of each bulk shipment that is about to be sent.
    pub(super) fn bulk(&self) -> impl Iterator<Item = usize> {
        let of_bulk = |action: &Action| match action {
            Action::Send(parts) => parts.iter().filter(|part| part.lane == Lane::Bulk).count(),
            _ => 0,
        };
        self.actions.iter().map(of_bulk).filter(|parts| *parts > 0)
    }

    /// How many documents are written with it.
    pub(super) fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Which terminal, and its shipment with its state, as it is decided.
    pub(super) fn outcome(&self) -> (TerminalId, Option<(ShipmentId, ShipmentState)>) {
        let shipment = self.shipment();
        (
            self.terminal().id,
            shipment.map(|shipment| (shipment.id, shipment.state)),
        )
    }

    /// Its parts go out only while this is open: the fence of the epoch that they are recorded at, whatever this node holds
    /// by the time the record is answered.
    pub(super) fn sends_within(&mut self, fence: Option<&Fence>) {
        for action in &mut self.actions {
            if let Action::Send(messages) = action {
                for message in messages {
                    message.fence = fence.cloned();
                }
            }
        }
    }

    /// What is recorded by the slice's owner at `epoch`; none when nothing changed.
    pub(super) fn job(&mut self, epoch: u64) -> Option<Job> {
        let (terminal, shipment) = &self.before;
        self.same_terminal = self.terminal() == terminal;
        let same = self.same_terminal && self.shipment() == shipment.as_ref();
        let beside = self.sent.len() + self.documents.len() + self.freed.len();
        if same && beside == 0 && self.placement.is_none() && self.planned.is_none() {
            return None;
        }
        let mut job = match &self.row {
            Row::Alone(terminal, _) => SettleJob::of((**terminal).clone()),
            Row::With(world) => settle(world),
        };
        job.epoch = epoch;
        job.same_terminal = self.same_terminal;
        job.sent = std::mem::take(&mut self.sent);
        job.documents = std::mem::take(&mut self.documents);
        let slice = job.terminal.id.subscriber.slice();
        let inbox = self.items.iter().filter_map(|item| match &item.ack {
            Some(Ack::Inbox(of, key)) if *of == slice => Some(inbox::removed(slice, key)),
            _ => None,
        });
        job.documents.extend(inbox);
        job.placement = self.placement.take();
        job.freed = std::mem::take(&mut self.freed);
        job.clear_due = self.planned;
        Some(Job::Settle(Box::new(job)))
    }
}

/// What a decision records, as [`crate::kill::after`] names it; `moved` slots had moved before it.
fn moment(world: &World, moved: usize, actions: &[Action]) -> &'static str {
    let sends = actions
        .iter()
        .any(|action| matches!(action, Action::Send(_)));
    match world.shipment.state {
        ShipmentState::Proven if world.moved.len() <= moved => "proof-recorded",
        ShipmentState::Proven => "shadow-moved",
        ShipmentState::Failed | ShipmentState::Superseded => "failure-recorded",
        ShipmentState::Waiting => "parts-accepted",
        ShipmentState::Queued | ShipmentState::Sending if sends => "shipment-recorded",
        ShipmentState::Queued | ShipmentState::Sending => "part-accepted",
    }
}

/// The job that records what decisions changed.
fn settle(world: &World) -> SettleJob {
    let mut moved = world.moved.clone();
    moved.sort_unstable();
    moved.dedup();
    let slots = moved.into_iter().map(|slot| (slot, world.shadow.get(slot)));
    SettleJob {
        shipment: Some(world.shipment.clone()),
        slots: slots.collect(),
        ..SettleJob::of(world.terminal.clone())
    }
}
