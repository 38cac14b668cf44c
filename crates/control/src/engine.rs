//! The loop that carries decisions out: what happened and what is due go in, a decision is recorded, and only then is
//! it carried out (rules 1, 2 and 5). It may die after any step: what was recorded is taken up again at the next start.

mod incoming;
mod ship;

pub(crate) use ship::{OTA_KEYS, join_keys};

use crate::{Control, Event, kill};
use delivery::{Action, Happening, Shipment, ShipmentId, ShipmentState, TerminalId, World, decide};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Job, SettleJob, StoreError};
use tokio::sync::mpsc;

/// What the engine keeps in memory: all of it can be rebuilt from the store.
#[derive(Default)]
pub(crate) struct Engine {
    /// When each shipment on its way is looked at again, ms UTC.
    deadlines: BTreeMap<ShipmentId, (TerminalId, i64)>,
    /// Parts of long answers, by the number that sent them.
    answers: BTreeMap<String, Vec<Vec<u8>>>,
    /// The last shipment id given, so that ids of one millisecond differ.
    last_id: u64,
}

/// Tells the communication module that a message was stored (`true`) or could not be.
pub type Stored = Box<dyn Fn(u64, bool) + Send + Sync>;

/// How long the loop sleeps when nothing is known to be due; edits wake it.
const IDLE: i64 = 1_000;
/// How many terminals are planned before the loop listens again.
const BATCH: u32 = 64;

impl Control {
    /// Runs until `stop` resolves. Takes up what an earlier process left.
    pub async fn run(
        &self,
        mut events: mpsc::Receiver<delivery::Event>,
        stored: Stored,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        if let Err(error) = self.take_up().await {
            tracing::error!(%error, "what was on its way could not be taken up");
        }
        loop {
            let wait = match self.work().await {
                Ok(next) => (next - self.now()).clamp(0, IDLE),
                Err(error) => {
                    tracing::error!(%error, "due work could not be done; trying again");
                    IDLE
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            tokio::select! {
                () = &mut stop => break,
                event = events.recv() => match event {
                    Some(event) => self.take_in(event, &stored).await,
                    None => break,
                },
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            // What came together is taken in together, before the clock is looked at again.
            while let Ok(event) = events.try_recv() {
                self.take_in(event, &stored).await;
            }
        }
    }

    /// Shipments on their way when the process ended: packets that nobody took go again, octet for octet.
    async fn take_up(&self) -> Result<(), StoreError> {
        for shipment in self.store().unfinished().await? {
            let happening = if shipment.state == delivery::ShipmentState::Waiting {
                Happening::Clock
            } else {
                Happening::Start
            };
            self.happen(shipment.terminal, shipment.id, &happening)
                .await?;
        }
        Ok(())
    }

    /// Plans and ships what is due, looks at what is overdue. Gives the time of the next thing to do, ms UTC.
    async fn work(&self) -> Result<i64, StoreError> {
        let now = self.now();
        self.beat().await?;
        self.keep_calls().await?;
        self.see_all_off().await?;
        let overdue: Vec<_> = {
            let engine = self.0.engine.lock().await;
            let late = engine.deadlines.iter().filter(|(_, (_, at))| *at <= now);
            late.map(|(id, (terminal, _))| (*terminal, *id)).collect()
        };
        for (terminal, shipment) in overdue {
            self.happen(terminal, shipment, &Happening::Clock).await?;
        }
        for terminal in self.store().waiting(now).await? {
            self.ship(terminal.id, None).await?;
        }
        let due = self.store().due(now, BATCH).await?;
        let more = due.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
        for (terminal, mark) in due {
            self.ship(terminal, Some(mark)).await?;
        }
        if more {
            return Ok(now);
        }
        let deadline = {
            let engine = self.0.engine.lock().await;
            engine.deadlines.values().map(|(_, at)| *at).min()
        };
        let due = self.store().next_due().await?;
        let next_try = self.store().next_try().await?;
        let known = [deadline, due, next_try].into_iter().flatten();
        Ok(known.min().unwrap_or(now + IDLE).max(now + 1))
    }

    /// Something happened to a shipment: decide, record, carry out.
    pub(crate) async fn happen(
        &self,
        terminal: TerminalId,
        shipment: ShipmentId,
        happening: &Happening,
    ) -> Result<(), StoreError> {
        let mut engine = self.0.engine.lock().await;
        let full = self.store().terminal(terminal).await?;
        let known = self.store().shipment(shipment).await?;
        let (Some(full), Some(shipment)) = (full, known) else {
            engine.deadlines.remove(&shipment);
            return Ok(());
        };
        let mut world = World {
            terminal: full.terminal,
            shipment,
            shadow: full.shadow,
            moved: Vec::new(),
            notes: Vec::new(),
        };
        let actions = decide(&mut world, happening, &self.settings().policy, self.now());
        let sent = match happening {
            Happening::Accepted {
                part,
                gateway,
                message_id: Some(id),
            } => vec![(gateway.clone(), id.clone(), *part)],
            _ => Vec::new(),
        };
        let job = settle(&world, sent);
        self.record_and_do(&mut engine, world, job, actions).await
    }

    /// Writes down, then does (EXAMPLES: “write down first, then do”).
    async fn record_and_do(
        &self,
        engine: &mut Engine,
        world: World,
        job: SettleJob,
        actions: Vec<Action>,
    ) -> Result<(), StoreError> {
        let moment = moment(&world, &actions);
        self.store().run(Job::Settle(Box::new(job))).await?;
        kill::after(moment);
        let Shipment {
            id,
            terminal,
            state,
            ..
        } = world.shipment;
        if state.is_final() {
            engine.deadlines.remove(&id);
        }
        for action in actions {
            match action {
                Action::Send(messages) => {
                    for message in messages {
                        // A closed channel: Kith is going down, and what is recorded goes out at the next start.
                        let _ = self.0.outbound.send(message);
                        kill::after("part-handed-over");
                    }
                }
                Action::Wake(at) => {
                    engine.deadlines.insert(id, (terminal, at));
                }
                // The time is in the terminal's row (`next_try`); the loop finds it there.
                Action::Replan(_) => self.wake(),
            }
        }
        self.emit(Event::Shipment {
            id,
            terminal,
            state,
        });
        self.emit(Event::Terminal {
            id: terminal,
            state: None,
        });
        Ok(())
    }
}

/// What a decision records, as [`kill::after`] names it.
fn moment(world: &World, actions: &[Action]) -> &'static str {
    let sends = actions
        .iter()
        .any(|action| matches!(action, Action::Send(_)));
    match world.shipment.state {
        ShipmentState::Proven if world.moved.is_empty() => "proof-recorded",
        ShipmentState::Proven => "shadow-moved",
        ShipmentState::Failed | ShipmentState::Superseded => "failure-recorded",
        ShipmentState::Waiting => "parts-accepted",
        ShipmentState::Queued | ShipmentState::Sending if sends => "shipment-recorded",
        ShipmentState::Queued | ShipmentState::Sending => "part-accepted",
    }
}

/// The job that records what a decision changed.
fn settle(world: &World, sent: Vec<(String, String, delivery::PartRef)>) -> SettleJob {
    let mut moved = world.moved.clone();
    moved.sort_unstable();
    moved.dedup();
    SettleJob {
        shipment: Some(world.shipment.clone()),
        slots: moved
            .into_iter()
            .map(|slot| (slot, world.shadow.get(slot)))
            .collect(),
        sent,
        ..SettleJob::of(world.terminal.clone())
    }
}
