//! What happened here, for the pages of other nodes: gathered for a moment, the newest state of each thing, told once. It
//! may be lost: a page shows it at its next look then.

use crate::events::Event;
use crate::{Control, locked};
use book::{GroupNo, SubscriberId};
use delivery::{CampaignNo, ShipmentId, TerminalId};
use std::collections::BTreeMap;

/// Things that are told of at once, at most: a campaign's thousands are seen at the next look.
const MOST: usize = 1_000;

/// What an event is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Book(SubscriberId),
    Terminal(TerminalId),
    Shipment(ShipmentId),
    Campaign(GroupNo, Option<CampaignNo>),
    Call(String),
}

impl About {
    /// None for what is this node's own: every node has gateways, and its own view of them.
    fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Change { subscriber, .. } => Self::Book(*subscriber),
            Event::Terminal { id, .. } => Self::Terminal(*id),
            Event::Shipment { id, .. } => Self::Shipment(*id),
            Event::Campaign { group, id } => Self::Campaign(*group, *id),
            Event::Call { id, .. } => Self::Call(id.clone()),
            Event::Gateway { .. } => return None,
        })
    }
}

/// What is not told yet.
#[derive(Debug, Default)]
pub(crate) struct Abroad(BTreeMap<About, Event>);

impl Abroad {
    pub(crate) fn add(&mut self, event: &Event) {
        let Some(about) = About::of(event) else {
            return;
        };
        if self.0.len() < MOST || self.0.contains_key(&about) {
            self.0.insert(about, event.clone());
        }
    }

    fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}

impl Control {
    /// What happened here since the last call, and where the other nodes listen.
    pub fn events_for_others(&self) -> (Vec<String>, Vec<Event>) {
        let events = locked(&self.0.abroad).take();
        (self.0.owner.others(), events)
    }

    /// What happened at another node is told to those who listen here, and goes no further.
    pub fn heard(&self, events: Vec<Event>) {
        for event in events {
            self.spread(event, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use book::Revision;

    fn change(subscriber: u64, revision: u64) -> Event {
        Event::Change {
            subscriber: SubscriberId(subscriber),
            revision: Revision(revision),
        }
    }

    #[test]
    fn the_newest_state_of_each_is_told_once_and_no_gateway_is() {
        let mut abroad = Abroad::default();
        abroad.add(&change(1, 1));
        abroad.add(&change(2, 1));
        abroad.add(&change(1, 2));
        abroad.add(&Event::Gateway {
            name: "carrier".into(),
            state: "up".into(),
        });
        assert_eq!(abroad.take(), [change(1, 2), change(2, 1)]);
        assert_eq!(abroad.take(), []);
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_known_stays_new() {
        let mut abroad = Abroad::default();
        for subscriber in 0..3_000 {
            abroad.add(&change(subscriber, 1));
        }
        abroad.add(&change(7, 2));
        let told = abroad.take();
        assert_eq!(told.len(), MOST);
        assert_eq!(told[7], change(7, 2));
    }
}
