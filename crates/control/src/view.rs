//! What pages and programs show of books and terminals: worked out by the same plan that would be sent (rule 8).

use crate::{Control, SharedFrom};
use book::{Book, Revision, Subscriber};
use delivery::{Hold, HoldState, PacketState, TerminalId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{StoreError, TerminalFull};
use terminals::{EntryState, EntryView, LeftOut, Plan, Proof, TerminalStatus, entries};

/// A book as its reader sees it.
#[derive(Debug, Clone)]
pub struct BookView {
    /// Whose.
    pub subscriber: Subscriber,
    /// The friends and groups, with the friends that shared groups bring ([`book::FriendNo::is_shared`]: read-only).
    pub book: Book,
    /// What every terminal of the subscriber holds of it.
    pub terminals: Vec<TerminalView>,
    /// The brakes that hold parts of it.
    pub holds: Vec<Hold>,
    /// The shared groups that she carries; a shared friend's group says which one brings her.
    pub shared: Vec<SharedFrom>,
}

impl BookView {
    /// The shared group that brings a friend, if one does.
    pub fn brought_by(&self, friend: &book::Friend) -> Option<&SharedFrom> {
        let brings = |from: &&SharedFrom| friend.groups.contains(&from.group);
        self.shared.iter().find(brings)
    }
}

/// API.md, a terminal's `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalState {
    /// Everything desired and not held is proven, as far as the channel can prove.
    InSync,
    /// Nothing is sent any more.
    Retired,
    /// Changes wait for the quiet seconds, the call's end or “send now”.
    Due,
    /// On its way.
    Sending,
    /// For the terminal or the network; `next_try` says when.
    Waiting,
    /// A person must act.
    Trouble,
}

impl TerminalState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Retired => "retired",
            Self::Due => "due",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Trouble => "trouble",
        }
    }
}

/// One terminal with everything that is known of it.
#[derive(Debug, Clone)]
pub struct TerminalView {
    /// The row, its due mark, shadow and placement.
    pub full: TerminalFull,
    /// Its state.
    pub state: TerminalState,
    /// The book's revision now.
    pub desired_revision: Revision,
    /// The revision that is proven to be there.
    pub proven_revision: Revision,
    /// The most that its channel can prove.
    pub highest_proof: Proof,
    /// Entries that it holds or will hold.
    pub used: u16,
    /// Entries that it can hold for Kith.
    pub of: u16,
    /// Every entry with its state.
    pub entries: Vec<EntryView>,
    /// What does not fit, with reasons.
    pub left_out: Vec<LeftOut>,
    /// The plan that would be sent now.
    pub plan: Plan,
    /// When it is tried again, ms UTC.
    pub next_try: Option<i64>,
    /// What a person must do something about.
    pub trouble: Option<String>,
}

impl Control {
    /// The terminal with everything that is known of it.
    ///
    /// # Errors
    /// The store's.
    pub async fn terminal_view(&self, id: TerminalId) -> Result<Option<TerminalView>, StoreError> {
        let Some((subscriber, book, holds)) = self.book_of(id.subscriber).await? else {
            return Ok(None);
        };
        match self.store().terminal(id).await? {
            Some(full) => Ok(Some(self.view(&subscriber, &book, &holds, full).await?)),
            None => Ok(None),
        }
    }

    /// The plan that would be sent to a terminal now; nothing is sent.
    ///
    /// # Errors
    /// The store's.
    pub async fn plan(&self, id: TerminalId) -> Result<Option<Plan>, StoreError> {
        Ok(self.terminal_view(id).await?.map(|view| view.plan))
    }

    pub(crate) async fn view(
        &self,
        subscriber: &Subscriber,
        book: &Book,
        holds: &[Hold],
        full: TerminalFull,
    ) -> Result<TerminalView, StoreError> {
        let planned = self.plan_for(subscriber, book, holds, &full, false);
        let terminal = &full.terminal;
        let mut trouble = terminal.trouble.as_ref().map(|t| t.sentence.clone());
        let plan = planned.plan.unwrap_or_else(|error| {
            trouble.get_or_insert(error.to_string());
            Plan::default()
        });
        let mut status = TerminalStatus {
            trouble: trouble.clone(),
            held: held_friends(holds),
            ..TerminalStatus::default()
        };
        let mut next_try = terminal.next_try;
        if let Some(id) = terminal.in_flight {
            if let Some(shipment) = self.store().shipment(id).await? {
                status.in_flight = unproven_slots(&shipment);
                let deadline = shipment.packets.iter().filter_map(|p| p.deadline).min();
                next_try = next_try.or(deadline);
                status.waiting = terminal.absent || terminal.tries > 0;
                status.sending = !status.waiting;
            }
        } else {
            status.waiting = terminal.next_try.is_some();
        }
        let entries = entries(
            terminal.channel,
            book,
            &planned.desired,
            &plan,
            &full.shadow,
            &status,
        );
        let state = if terminal.retired {
            TerminalState::Retired
        } else if trouble.is_some() {
            TerminalState::Trouble
        } else if status.waiting {
            TerminalState::Waiting
        } else if status.sending {
            TerminalState::Sending
        } else if full.due.is_some() || !plan.packets.is_empty() {
            TerminalState::Due
        } else {
            TerminalState::InSync
        };
        let used = plan.shown.len() + full_of(&entries, EntryState::Foreign);
        Ok(TerminalView {
            state,
            desired_revision: book.revision,
            proven_revision: terminal.proven,
            highest_proof: terminal.channel.highest_proof(),
            used: u16::try_from(used).unwrap_or(u16::MAX),
            of: plan
                .capacity
                .saturating_add(u16::try_from(full_of(&entries, EntryState::Foreign)).unwrap_or(0)),
            entries,
            left_out: plan.left_out.clone(),
            plan,
            next_try,
            trouble,
            full,
        })
    }
}

fn full_of(entries: &[EntryView], state: EntryState) -> usize {
    entries.iter().filter(|entry| entry.state == state).count()
}

fn held_friends(holds: &[Hold]) -> BTreeSet<book::FriendNo> {
    let open = holds.iter().filter(|hold| hold.state == HoldState::Held);
    open.flat_map(|hold| hold.released.iter().map(|(no, _)| *no))
        .collect()
}

/// The slots of packets that are not proven yet.
fn unproven_slots(shipment: &delivery::Shipment) -> BTreeSet<terminals::SlotNo> {
    let open = shipment
        .packets
        .iter()
        .filter(|packet| packet.state != PacketState::Proven);
    open.flat_map(|packet| packet.planned.commands.iter().flatten())
        .filter_map(|write| shipment.writes.get(*write))
        .map(|write| write.slot)
        .collect()
}
