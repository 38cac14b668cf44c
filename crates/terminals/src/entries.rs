//! What every page says of every entry of a terminal: the one pure function behind API.md, “An entry”.

use crate::{
    ChannelKind, Desired, EntryKey, LeftOutReason, Owner, Plan, Proof, Shadow, ShownEntry, SlotNo,
    SlotState,
};
use book::{Book, FriendNo};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// API.md, an entry's `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// In the book; goes out when the quiet seconds are over.
    Saved,
    /// A brake holds it until a person says yes.
    Held,
    /// On its way.
    Sending,
    /// Sent; the terminal or the network lets us wait.
    Waiting,
    /// Proven by the terminal.
    OnTerminal,
    /// Delivered, on a channel that cannot prove more.
    Delivered,
    /// Handed over, on a channel that cannot prove more.
    Sent,
    /// Does not go on the terminal; the reason says why.
    LeftOut,
    /// Out of the book, still on the terminal.
    Removing,
    /// A person must act; the reason says what.
    Trouble,
    /// Only on the terminal.
    Foreign,
}

impl EntryState {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Saved,
        Self::Held,
        Self::Sending,
        Self::Waiting,
        Self::OnTerminal,
        Self::Delivered,
        Self::Sent,
        Self::LeftOut,
        Self::Removing,
        Self::Trouble,
        Self::Foreign,
    ];

    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::OnTerminal => "on_terminal",
            Self::Delivered => "delivered",
            Self::Sent => "sent",
            Self::LeftOut => "left_out",
            Self::Removing => "removing",
            Self::Trouble => "trouble",
            Self::Foreign => "foreign",
        }
    }
}

/// What delivery knows of a terminal, as far as its entries show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalStatus {
    /// Slots (and EF_EXT1 records) that the shipment on its way writes and that are not proven yet.
    pub in_flight: BTreeSet<SlotNo>,
    /// That shipment is being handed over, or its answer is not late yet.
    pub sending: bool,
    /// The network said that the terminal is away, or nothing came back in time.
    pub waiting: bool,
    /// A person must act: the sentence.
    pub trouble: Option<String>,
    /// Friends whose change a brake holds.
    pub held: BTreeSet<FriendNo>,
}

/// What stands on the terminal until the new content is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Was {
    /// The name as the phone shows it.
    pub name_shown: String,
    /// The number as the phone shows it.
    pub number_shown: String,
    /// How well that is proven.
    pub proof: Proof,
}

/// An entry of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// Where, when it has a place.
    pub slot: Option<SlotNo>,
    /// Whose; none for what only the phone knows.
    pub key: Option<EntryKey>,
    /// The name as the phone shows (or will show) it.
    pub name_shown: String,
    /// The number as the phone shows (or will show) it.
    pub number_shown: String,
    /// How far it is.
    pub state: EntryState,
    /// Why, for `left_out`, `trouble` and what cannot be removed.
    pub reason: Option<String>,
    /// How well the content shown is proven.
    pub proof: Proof,
    /// What stands there meanwhile.
    pub was: Option<Was>,
}

/// Every entry of a terminal: the wanted ones in order of importance, then what is left out, then what is being removed,
/// then what is only on the terminal.
///
/// `book` is the book as it is; `desired` and `plan` are made from the released content of friends that a brake holds,
/// `plan` against `shadow` as it is now. Names of held friends are the book's, with what was released in `was`.
pub fn entries(
    channel: ChannelKind,
    book: &Book,
    desired: &Desired,
    plan: &Plan,
    shadow: &Shadow,
    status: &TerminalStatus,
) -> Vec<EntryView> {
    let look = Look {
        channel,
        book,
        plan,
        shadow,
        status,
    };
    let mut views: Vec<EntryView> = plan.shown.iter().map(|shown| look.wanted(shown)).collect();
    views.extend(look.left_out(desired));
    views.extend(look.removing());
    views.extend(look.foreign());
    views
}

struct Look<'a> {
    channel: ChannelKind,
    book: &'a Book,
    plan: &'a Plan,
    shadow: &'a Shadow,
    status: &'a TerminalStatus,
}

impl Look<'_> {
    fn wanted(&self, shown: &ShownEntry) -> EntryView {
        let before = self.shadow.get(shown.slot);
        let settled = before.content == shown.content && !before.doubt && !self.is_written(shown);
        let state = if settled {
            self.settled(before.proof)
        } else {
            self.unsettled(shown, &before)
        };
        let mut view = EntryView {
            slot: Some(shown.slot),
            key: Some(shown.key),
            name_shown: shown.name.clone(),
            number_shown: shown.number.clone(),
            state,
            reason: self
                .status
                .trouble
                .clone()
                .filter(|_| state == EntryState::Trouble),
            proof: if settled { before.proof } else { Proof::None },
            was: self.was(shown, settled),
        };
        if self.status.held.contains(&shown.key.friend) {
            self.hold(&mut view);
        }
        view
    }

    /// A held entry shows what the book says, and what stays meanwhile.
    fn hold(&self, view: &mut EntryView) {
        let stays = Was {
            name_shown: view.name_shown.clone(),
            number_shown: view.number_shown.clone(),
            proof: view.proof,
        };
        view.state = EntryState::Held;
        let Some(key) = view.key else { return };
        let Some(friend) = self.book.friends.get(&key.friend) else {
            return;
        };
        view.name_shown.clone_from(&friend.name);
        if let Some(number) = friend
            .numbers
            .iter()
            .find(|n| n.no == key.number)
            .or(friend.numbers.first())
        {
            view.number_shown = number.main();
        }
        view.was.get_or_insert(stays);
        view.proof = Proof::None;
    }

    /// The plan writes the entry, or the end of its number.
    fn is_written(&self, shown: &ShownEntry) -> bool {
        let ext1 = shown
            .content
            .last()
            .filter(|_| self.channel == ChannelKind::SimOta)
            .map(|n| SlotNo::ext1(*n));
        self.plan
            .writes
            .iter()
            .any(|write| write.slot == shown.slot || Some(write.slot) == ext1)
    }

    fn settled(&self, proof: Proof) -> EntryState {
        match (self.channel.highest_proof(), proof) {
            (highest, Proof::Applied | Proof::Verified) if highest >= Proof::Applied => {
                EntryState::OnTerminal
            }
            (Proof::Delivered, proof) if proof >= Proof::Delivered => EntryState::Delivered,
            (Proof::Accepted, proof) if proof >= Proof::Accepted => EntryState::Sent,
            _ if self.status.waiting => EntryState::Waiting,
            _ => EntryState::Sending,
        }
    }

    fn unsettled(&self, shown: &ShownEntry, before: &SlotState) -> EntryState {
        let ext1 = shown.content.last().map(|n| SlotNo::ext1(*n));
        let flight = &self.status.in_flight;
        let in_flight = flight.contains(&shown.slot)
            || self.channel == ChannelKind::SimOta
                && ext1.is_some_and(|slot| flight.contains(&slot));
        if self.status.trouble.is_some() {
            EntryState::Trouble
        } else if self.status.waiting && (in_flight || before.doubt) {
            EntryState::Waiting
        } else if in_flight && self.status.sending {
            EntryState::Sending
        } else if in_flight || before.doubt {
            EntryState::Waiting
        } else {
            EntryState::Saved
        }
    }

    /// What this friend's number still looks like on the terminal, there or at its old place.
    fn was(&self, shown: &ShownEntry, settled: bool) -> Option<Was> {
        if settled {
            return None;
        }
        let here = Some((shown.slot, self.shadow.get(shown.slot)));
        let other = self
            .shadow
            .slots
            .iter()
            .map(|(slot, state)| (*slot, state.clone()));
        let (_, state) = here.into_iter().chain(other).find(|(_, state)| {
            state.owner == Owner::Ours(shown.key) && !state.content.is_empty()
        })?;
        let (name_shown, number_shown) = self.decode(&state.content);
        let same = name_shown == shown.name && number_shown == shown.number;
        (!same).then_some(Was {
            name_shown,
            number_shown,
            proof: state.proof,
        })
    }

    fn left_out(&self, desired: &Desired) -> Vec<EntryView> {
        let dials: BTreeMap<EntryKey, &str> = desired
            .entries
            .iter()
            .map(|w| (w.key, w.dial.as_str()))
            .collect();
        let view = |left: &crate::LeftOut| {
            let friend = self.book.friends.get(&left.key.friend);
            let number = friend.and_then(|f| f.numbers.iter().find(|n| n.no == left.key.number));
            let still = self
                .shadow
                .slots
                .iter()
                .find(|(_, s)| s.owner == Owner::Ours(left.key) && !s.content.is_empty());
            let mut view = EntryView {
                slot: still.map(|(slot, _)| *slot),
                key: Some(left.key),
                name_shown: friend.map(|f| f.name.clone()).unwrap_or_default(),
                number_shown: number
                    .map(book::Number::main)
                    .or_else(|| dials.get(&left.key).map(|d| (*d).to_owned()))
                    .unwrap_or_default(),
                state: EntryState::LeftOut,
                reason: Some(left.reason.sentence()),
                proof: Proof::None,
                was: still.map(|(_, state)| {
                    let (name_shown, number_shown) = self.decode(&state.content);
                    Was {
                        name_shown,
                        number_shown,
                        proof: state.proof,
                    }
                }),
            };
            if self.status.held.contains(&left.key.friend)
                && !matches!(left.reason, LeftOutReason::Full { .. })
            {
                view.state = EntryState::Held;
            }
            view
        };
        self.plan.left_out.iter().map(view).collect()
    }

    /// What is on the terminal and nobody wants any more.
    fn removing(&self) -> Vec<EntryView> {
        let mut views = Vec::new();
        for (slot, state) in &self.shadow.slots {
            let Owner::Ours(key) = state.owner else {
                continue;
            };
            let wanted = self
                .plan
                .shown
                .iter()
                .any(|s| s.key == key || (s.slot == *slot && s.content == state.content))
                || self.plan.left_out.iter().any(|left| left.key == key);
            // One card holds all numbers of a friend, whichever is the first now.
            let card = self.channel == ChannelKind::SmsCard
                && self.plan.shown.iter().any(|s| s.slot == *slot);
            if state.content.is_empty() || wanted || card {
                continue;
            }
            let (name_shown, number_shown) = self.decode(&state.content);
            let can = self.channel.can_remove();
            views.push(EntryView {
                slot: Some(*slot),
                key: Some(key),
                name_shown,
                number_shown,
                state: if can {
                    EntryState::Removing
                } else {
                    EntryState::Foreign
                },
                reason: (!can).then(|| {
                    "It was sent as a card, which cannot be taken back: delete it on the phone."
                        .into()
                }),
                proof: state.proof,
                was: None,
            });
        }
        views
    }

    fn foreign(&self) -> Vec<EntryView> {
        let slots = self.shadow.slots.iter();
        let foreign =
            slots.filter(|(slot, s)| s.owner == Owner::Foreign && slot.ext1_record().is_none());
        foreign
            .map(|(slot, state)| {
                let (name_shown, number_shown) = self.decode(&state.content);
                EntryView {
                    slot: Some(*slot),
                    key: None,
                    name_shown,
                    number_shown,
                    state: EntryState::Foreign,
                    reason: None,
                    proof: state.proof,
                    was: None,
                }
            })
            .collect()
    }

    /// Name and number as the phone shows what a slot holds.
    fn decode(&self, content: &[u8]) -> (String, String) {
        match self.channel {
            ChannelKind::SimOta => {
                let tail = content
                    .last()
                    .map(|n| self.shadow.get(SlotNo::ext1(*n)).content)
                    .filter(|tail| !tail.is_empty());
                crate::sim::shown_of(content, tail.as_deref())
            }
            ChannelKind::SmsCard => crate::card_sms::shown_of(content),
        }
    }
}
