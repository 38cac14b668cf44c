//! `audit()` over a subscriber as stored: tests call it after every step, operators with `kith audit`.

use crate::{Control, retention::gone_before};
use book::SubscriberId;
use delivery::{Violation, audit};
use store::{ShipmentFilter, StoreError};

/// How many shipments of a terminal are looked at.
const SHIPMENTS: u32 = 500;

impl Control {
    /// Every rule that is broken for this subscriber's terminals; none when all is well.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit(&self, subscriber: SubscriberId) -> Result<Vec<Violation>, StoreError> {
        // One snapshot: a decision between two reads would look like a violation.
        self.store()
            .read(move |store| {
                let revision = store.book(subscriber)?.map(|book| book.revision);
                let gone = gone_before(store, subscriber.slice())?;
                let mut found = Vec::new();
                for full in store.terminals_of(subscriber)? {
                    let mut shipments = store.shipments(ShipmentFilter {
                        terminal: Some(full.terminal.id),
                        state: None,
                        after: None,
                        limit: SHIPMENTS,
                    })?;
                    shipments.reverse();
                    // The proof of what was proven long ago came for a shipment that is not among these. Half of them leave
                    // room for proofs that came late.
                    let all = shipments.len() < SHIPMENTS as usize;
                    let middle = shipments.get(shipments.len() / 2).filter(|_| !all);
                    found.extend(audit(&delivery::Stored {
                        terminal: &full.terminal,
                        due: full.due,
                        shadow: &full.shadow,
                        shipments: &shipments,
                        // Nor may it be any more, if it is older than finished shipments are kept.
                        since: middle.map(|shipment| shipment.at).max(gone),
                        revision: revision.unwrap_or_default(),
                    }));
                }
                Ok(found)
            })
            .await
    }
}
