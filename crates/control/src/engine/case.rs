//! What one round does to one terminal: however many things happened to it, one record and then the actions, in order.

use super::gather::Item;
use super::plan::{Decided, Shipped};
use crate::Control;
use delivery::{
    Action, Due, Happening, Lane, PartRef, Shipment, ShipmentId, ShipmentState, Terminal,
    TerminalId, World, decide,
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

    /// Whether it sends what nobody waits for.
    pub(super) fn is_bulk(&self) -> bool {
        let mut sends = self.actions.iter().filter_map(|action| match action {
            Action::Send(messages) => messages.first(),
            _ => None,
        });
        sends.any(|message| message.lane == Lane::Bulk)
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
        let actions = decide(world, happening, &house.settings().policy, now);
        self.moments.push(moment(world, moved, &actions));
        self.actions.extend(actions);
    }

    /// A message that is no proof.
    pub(super) fn hear(&mut self, documents: Vec<DocumentWrite>, answer: Option<String>, now: i64) {
        self.terminal_mut().last_heard = Some(now);
        self.documents.extend(documents);
        self.answer = self.answer.take().or(answer);
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

    /// What is recorded by the slice's owner at `epoch`; none when nothing changed.
    pub(super) fn job(&mut self, epoch: u64) -> Option<Job> {
        let (terminal, shipment) = &self.before;
        let same = self.terminal() == terminal && self.shipment() == shipment.as_ref();
        let beside = self.sent.len() + self.documents.len() + self.freed.len();
        if same && beside == 0 && self.placement.is_none() && self.planned.is_none() {
            return None;
        }
        let mut job = match &self.row {
            Row::Alone(terminal, _) => SettleJob::of((**terminal).clone()),
            Row::With(world) => settle(world),
        };
        job.epoch = epoch;
        job.sent = std::mem::take(&mut self.sent);
        job.documents = std::mem::take(&mut self.documents);
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
