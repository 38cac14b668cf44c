//! The fence: a node records only what is in slices whose lease is its own.

use crate::world::{Found, World};
use delivery::{NodeId, Shipment, Terminal};
use store::ShipmentFilter;
use terminals::Shadow;

/// Terminals in slices that are another node's, as stored: with the slice and its epoch. Without their due marks: an edit
/// sets these, at any node.
pub(crate) type OfOthers = Vec<(u8, u64, Option<(Terminal, Shadow)>, Vec<Shipment>)>;

/// More than a life has of one terminal.
pub(crate) const ALL_SHIPMENTS: u32 = 100_000;

impl World {
    /// What a turn said that it recorded, it recorded as the owner. Nothing else has happened since it began.
    pub async fn owners_wrote(&mut self) -> Found {
        self.listen();
        let wrote = std::mem::take(&mut self.wrote);
        if !self.shared || wrote.is_empty() {
            return Ok(());
        }
        let leases = self.store.read(|store| store.leases()).await;
        for lease in leases.map_err(|error| error.to_string())? {
            let other = wrote.iter().find(|(_, slice)| *slice == lease.slice);
            if other.is_some_and(|(node, _)| *node != lease.node) {
                return Err(breach(lease.slice, lease.epoch));
            }
        }
        Ok(())
    }

    /// What is stored of others, as seen by this node. A turn that was stopped tells late what it recorded before, as the
    /// owner that it was then: one commit is on its way while the next is decided. So these are looked at when it goes on,
    /// and when it stops or is over: nothing else happens meanwhile, and they must be the same.
    pub async fn of_others(&self, node: NodeId) -> Found<OfOthers> {
        let known: Vec<_> = self.terminals.iter().map(|known| known.id).collect();
        let read = self.store.read(move |store| {
            let leases = store.leases()?;
            let mut found = OfOthers::new();
            for id in known {
                let slice = id.subscriber.slice();
                let mut others = leases.iter().filter(|lease| lease.node != node);
                let Some(lease) = others.find(|lease| lease.slice == slice) else {
                    continue;
                };
                let shipments = store.shipments(ShipmentFilter {
                    terminal: Some(id),
                    limit: ALL_SHIPMENTS,
                    ..ShipmentFilter::default()
                })?;
                let full = store.terminals_full(&[id])?.pop();
                let row = full.map(|full| (full.terminal, full.shadow));
                found.push((slice, lease.epoch, row, shipments));
            }
            Ok(found)
        });
        read.await.map_err(|error| error.to_string())
    }

    /// The turn that went on changed nothing of others.
    pub async fn others_stand(&mut self, node: NodeId, before: OfOthers) -> Found {
        self.listen();
        self.wrote.clear();
        let after = self.of_others(node).await?;
        let mut both = before.iter().zip(&after);
        match both.find(|(before, after)| before != after) {
            Some(((slice, epoch, ..), _)) => Err(breach(*slice, *epoch)),
            None => Ok(()),
        }
    }
}

fn breach(slice: u8, epoch: u64) -> String {
    format!(
        "fence: a node recorded a shipment of slice {slice}, which is another's at epoch {epoch}"
    )
}
