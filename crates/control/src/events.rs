//! What pages and programs are told as it happens (API.md, `GET /events`). A hint: the truth is in the store.

use crate::{Control, TerminalState, locked};
use book::{Revision, SubscriberId};
use delivery::{ShipmentId, ShipmentState, TerminalId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Something that changed, with its new state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A book.
    Change {
        /// Whose.
        subscriber: SubscriberId,
        /// Its revision now.
        revision: Revision,
    },
    /// A shipment.
    Shipment {
        /// Which.
        id: ShipmentId,
        /// Of which terminal.
        terminal: TerminalId,
        /// Its state now.
        state: ShipmentState,
    },
    /// A terminal.
    Terminal {
        /// Which.
        id: TerminalId,
        /// Its state now, where it was worked out.
        state: Option<TerminalState>,
    },
    /// A gateway.
    Gateway {
        /// Which.
        name: String,
        /// `up` or `down`.
        state: String,
    },
    /// A shared group, its members or its campaign.
    Campaign {
        /// Of which group.
        group: book::GroupNo,
        /// Which campaign, if it is about one.
        id: Option<delivery::CampaignNo>,
    },
    /// A call at the desk.
    Call {
        /// Which.
        id: String,
        /// `ringing`, `answered` or `ended`.
        state: String,
        /// 0, 1 or 2.
        level: u8,
    },
}

/// An event with its place in the order of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// From 1, without gaps, since the process started.
    pub id: u64,
    /// What happened.
    pub event: Event,
    /// Whether it happened at this node, or another told of it.
    pub here: bool,
}

/// The last events, so that a listener that was away for a moment misses none.
#[derive(Default)]
pub(crate) struct Recent {
    last: u64,
    events: VecDeque<Arc<Emitted>>,
}

const KEPT: usize = 1024;

impl Control {
    /// Tells everybody who listens, here and at other nodes.
    pub fn emit(&self, event: Event) {
        if self.0.owner.shared() {
            locked(&self.0.abroad).add(&event);
        }
        self.spread(event, true);
    }

    pub(crate) fn spread(&self, event: Event, here: bool) {
        let mut recent = locked(&self.0.recent);
        recent.last += 1;
        let emitted = Arc::new(Emitted {
            id: recent.last,
            event,
            here,
        });
        if recent.events.len() == KEPT {
            recent.events.pop_front();
        }
        recent.events.push_back(Arc::clone(&emitted));
        // Under the lock, so that listeners see the order of the ids. No listener is no error.
        let _ = self.0.emitted.send(emitted);
    }

    /// Everything from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Emitted>> {
        self.0.emitted.subscribe()
    }

    /// What came after event `id`, as far as it is kept.
    pub fn emitted_since(&self, id: u64) -> Vec<Arc<Emitted>> {
        let recent = locked(&self.0.recent);
        let after = recent.events.iter().filter(|e| e.id > id);
        after.cloned().collect()
    }
}
