//! Terminals with something on its way, kept in memory between two events about them. The owner of a slice is the only
//! one that decides about them; whoever else writes a terminal's row makes its next decision here stale, and that
//! forgets it.

use delivery::{Shipment, ShipmentId, Terminal, TerminalId};
use std::collections::HashMap;
use terminals::Shadow;

/// How many are kept at least; at most twice as many. What is not here is read again.
const KEPT: usize = 4096;

/// A terminal with its shipment, as recorded.
pub(super) struct Known {
    pub terminal: Terminal,
    pub shipment: Shipment,
    pub shadow: Shadow,
}

/// Those that were heard of last.
#[derive(Default)]
pub(super) struct Knowledge {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    terminals: HashMap<TerminalId, Known>,
    shipments: HashMap<ShipmentId, TerminalId>,
    addresses: HashMap<String, TerminalId>,
}

impl Generation {
    fn take(&mut self, id: TerminalId) -> Option<Known> {
        let known = self.terminals.remove(&id)?;
        self.shipments.remove(&known.shipment.id);
        self.addresses.remove(&known.terminal.msisdn);
        Some(known)
    }
}

impl Knowledge {
    pub(super) fn keep(&mut self, known: Known) {
        let id = known.terminal.id;
        self.forget(id);
        if self.young.terminals.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.shipments.insert(known.shipment.id, id);
        self.young
            .addresses
            .insert(known.terminal.msisdn.clone(), id);
        self.young.terminals.insert(id, known);
    }

    pub(super) fn take(&mut self, id: TerminalId) -> Option<Known> {
        self.young.take(id).or_else(|| self.old.take(id))
    }

    pub(super) fn forget(&mut self, id: TerminalId) {
        self.take(id);
    }

    /// The terminal that this is on its way to.
    pub(super) fn of_shipment(&self, id: ShipmentId) -> Option<TerminalId> {
        let generations = [&self.young, &self.old];
        generations
            .iter()
            .find_map(|of| of.shipments.get(&id).copied())
    }

    /// The terminal with this number that has something on its way; there may be others.
    pub(super) fn at(&self, address: &str) -> Option<&Known> {
        let generations = [&self.young, &self.old];
        generations
            .iter()
            .find_map(|of| of.terminals.get(of.addresses.get(address)?))
    }
}
