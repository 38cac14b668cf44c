//! The things that delivery decides about, as they are stored.

use crate::{Class, Lane};
use book::{FriendNo, Revision, SubscriberId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use terminals::{ChannelKind, Content, PlannedPacket, Proof, SlotNo, Write};
use wire::ota::{CounterRule, Spi};
use wire::sms::udh;

/// A terminal: its subscriber and its number among his terminals, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TerminalId {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Which of his, from 1; never given again.
    pub no: u32,
}

/// 0 ‖ slice(8) ‖ time-ordered(55) (DECISIONS.md, “slice, ids”).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShipmentId(pub u64);

impl ShipmentId {
    /// The slice that holds it: its subscriber's.
    pub const fn slice(self) -> u8 {
        SubscriberId(self.0).slice()
    }

    /// When it was planned, ms UTC, as its id says (DECISIONS.md, “slice, ids”).
    pub const fn planned_at(self) -> i64 {
        (self.0 >> 14 & ((1 << 41) - 1)).cast_signed()
    }
}

/// What a terminal asks of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nobody must act, and it is worth knowing: nothing was proven for as long as a message is valid.
    Notice,
    /// A person must act.
    Person,
}

/// A terminal as it is stored. `due` belongs to edits (any node writes it), the rest to the slice's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// Which.
    pub id: TerminalId,
    /// How often its row was written; the store refuses a row that was read before another's write.
    #[serde(skip)]
    pub version: u64,
    /// How it is reached.
    pub channel: ChannelKind,
    /// Its number, E.164 with `+`.
    pub msisdn: String,
    /// The card's ICCID (SIM OTA).
    pub iccid: Option<String>,
    /// The card profile's name (SIM OTA).
    pub card_profile: Option<String>,
    /// The terminal profile's name.
    pub terminal_profile: String,
    /// Which friends go there.
    pub content: Content,
    /// KIc and KID, sealed by the vault (SIM OTA).
    #[serde(with = "hex::serde")]
    pub keys: Vec<u8>,
    /// The next security counter that was never used (rule 2).
    pub counter_next: u64,
    /// The incarnation of the store in which `counter_next` was last moved.
    pub incarnation: u64,
    /// Records must be read before they are written (a card in use).
    pub in_use: bool,
    /// The shipment on its way, at most one.
    pub in_flight: Option<ShipmentId>,
    /// The book's revision that the last plan was made from.
    pub planned: Revision,
    /// The book's revision that is proven to be on the terminal.
    pub proven: Revision,
    /// Tries without proof since the last proof.
    pub tries: u32,
    /// When it is tried again, ms UTC, and why it waits.
    pub next_try: Option<i64>,
    /// The network said that it is off or away.
    pub absent: bool,
    /// When it was last heard of, ms UTC.
    pub last_heard: Option<i64>,
    /// What the last attempt came to, a sentence.
    pub last_outcome: Option<String>,
    /// A person must act.
    pub trouble: Option<Trouble>,
    /// Nothing is sent any more.
    pub retired: bool,
    /// What is remembered from shipment to shipment.
    #[serde(default)]
    pub record: Record,
}

/// What delivery remembers of a terminal from one shipment to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// How often each class of outcome came since the last proof: the waits grow by it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<Class, u16>,
    /// When the oldest plan was made of which nothing is proven yet, ms UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven_since: Option<i64>,
    /// What the owner and the administrator should know while Kith goes on trying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// The store's incarnation in which the terminal's content was last made sure of; the row's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure_in: Option<u64>,
    /// Counters from the first up to before the second were jumped over, and are never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<(u64, u64)>,
    /// The lane of its last shipment: what is tried again stays in it (rule 6).
    pub lane: Lane,
    /// Since when its card's keys are in use, ms UTC: earlier shipments had other counters.
    pub keys_since: i64,
    /// A digest of these keys: whose the counter is. Unknown of a terminal that was written before they were told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_set: Option<u64>,
}

/// Something worth knowing: nobody must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `expired`.
    pub key: String,
    /// What happened and what goes on, a sentence.
    pub sentence: String,
    /// Since when, ms UTC.
    pub since: i64,
}

impl Terminal {
    /// What it asks of people; a retired one asks nothing.
    pub fn needs(&self) -> Option<Need> {
        if self.retired {
            None
        } else if self.trouble.is_some() {
            Some(Need::Person)
        } else {
            self.record.notice.is_some().then_some(Need::Notice)
        }
    }

    /// A terminal that nothing was ever sent to, for all of its owner's book.
    pub fn new(
        id: TerminalId,
        channel: ChannelKind,
        msisdn: String,
        terminal_profile: String,
    ) -> Self {
        Self {
            id,
            version: 0,
            channel,
            msisdn,
            iccid: None,
            card_profile: None,
            terminal_profile,
            content: Content::All,
            keys: Vec::new(),
            counter_next: 1,
            incarnation: 1,
            in_use: false,
            in_flight: None,
            planned: Revision(0),
            proven: Revision(0),
            tries: 0,
            next_try: None,
            absent: false,
            last_heard: None,
            last_outcome: None,
            trouble: None,
            retired: false,
            record: Record::default(),
        }
    }

    /// Another outcome of this class; gives how often it came since the last proof, from 1.
    pub(crate) fn failed(&mut self, class: Class) -> u16 {
        let times = self.record.failures.entry(class).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Something is proven: every wait begins anew.
    pub(crate) fn proof_came(&mut self) {
        self.tries = 0;
        self.record.failures.clear();
        self.record.unproven_since = None;
        self.record.notice = None;
    }
}

/// What a person must do something about: a stable key and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// `keys`, `tar`, `security`, `counter`, `silent`, `card`, `memory`, `number`, `barred`, `gateway`, `ours`.
    pub key: String,
    /// What is wrong and what to do.
    pub sentence: String,
}

/// The mark that a terminal has something to be sent (rule 1), written in the transaction of the edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The revision that made it due.
    pub revision: Revision,
    /// When it goes, ms UTC; [`Due::IN_CALL`] while a verified call holds it back, [`Due::PAUSED`] while its campaign is.
    pub at: i64,
    /// When the first of the coalesced edits came, ms UTC.
    pub since: i64,
    /// In which lane.
    pub lane: Lane,
    /// Send everything, whatever the shadow says.
    pub everything: bool,
    /// Read back instead of writing.
    pub verify: bool,
    /// Only a harmless exchange that proves keys, route and answer.
    pub test: bool,
    /// The newest change of what shared groups bring here, a [`crate::CampaignNo`] or a joining's number; 0: none. A mark
    /// that got a newer one meanwhile is not cleared by a plan that was made before.
    pub shared: u64,
}

impl Due {
    /// Planned at `at` (ms UTC) from whatever the book is then, and nothing asked beside.
    pub fn new(revision: Revision, at: i64, lane: Lane) -> Self {
        Self {
            revision,
            at,
            since: at,
            lane,
            everything: false,
            verify: false,
            test: false,
            shared: 0,
        }
    }

    /// `at` of a mark that a verified call holds back.
    pub const IN_CALL: i64 = i64::MAX;
    /// `at` of a mark whose campaign is paused.
    pub const PAUSED: i64 = i64::MAX - 1;

    /// Whether it waits for somebody's word, not for a time.
    pub fn is_held_back(&self) -> bool {
        self.at >= Self::PAUSED
    }
}

/// What a shipment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentKind {
    /// Writes what is due.
    Write,
    /// Reads records of a card in use before the first write.
    Read,
    /// Reads back what Kith wrote.
    Verify,
    /// Proves keys, route and answer.
    Test,
}

/// API.md, a shipment's `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentState {
    /// Recorded, nothing handed to a gateway yet.
    Queued,
    /// Handed to a gateway.
    Sending,
    /// Taken by the gateway; the proof is awaited.
    Waiting,
    /// Every packet is proven.
    Proven,
    /// Given up: see the packets' outcomes.
    Failed,
    /// A newer plan took its place.
    Superseded,
}

impl ShipmentState {
    /// Whether nothing more happens to it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Proven | Self::Failed | Self::Superseded)
    }
}

/// One plan on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Which.
    pub id: ShipmentId,
    /// To which terminal.
    pub terminal: TerminalId,
    /// What for.
    pub kind: ShipmentKind,
    /// In which lane.
    pub lane: Lane,
    /// The book's revision that the plan was made from.
    pub revision: Revision,
    /// How far.
    pub state: ShipmentState,
    /// The plan's writes; a proof moves the shadow by them.
    pub writes: Vec<Write>,
    /// The packets, sent in order: the next goes when the one before is proven.
    pub packets: Vec<Packet>,
    /// When it was planned, ms UTC.
    pub at: i64,
    /// The gateway that carries it.
    pub gateway: Option<String>,
}

/// One secured command (or business card) with its counter, its parts and its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// From 1.
    pub n: u16,
    /// The plan behind it.
    pub planned: PlannedPacket,
    /// The security counter it carries; recorded before it is sent (rule 2).
    pub counter: Option<u64>,
    /// How far.
    pub state: PacketState,
    /// How often the very same packet went out.
    pub sendings: u16,
    /// The highest proof of it.
    pub proof: Proof,
    /// When the proof is overdue, ms UTC.
    pub deadline: Option<i64>,
    /// What it came to, a sentence.
    pub outcome: Option<String>,
    /// The parts, as they are sent, octet for octet.
    pub parts: Vec<Part>,
}

impl Packet {
    /// It went out, or is about to, and its fate is open.
    pub fn is_open(&self) -> bool {
        matches!(
            self.state,
            PacketState::Queued | PacketState::Sending | PacketState::Waiting
        )
    }

    /// The gateway has every part.
    pub(crate) fn is_taken(&self) -> bool {
        self.parts
            .iter()
            .all(|part| part.state >= PartState::Accepted)
    }

    /// The card takes only the counter after the last one: its SPI says so, which stands in the octets that are sent
    /// (CPL, CHL, SPI; TS 102 225 §5.1.1). Nothing new goes then before this packet's fate is known.
    pub fn one_higher(&self) -> bool {
        let Some(first) = self.parts.first().filter(|part| part.udhi) else {
            return false;
        };
        let Ok((header, [_, _, _, s1, s2, ..])) = udh::read(&first.user_data) else {
            return false;
        };
        header.secured.is_some()
            && Spi::from_octets([*s1, *s2]).is_ok_and(|spi| spi.counter == CounterRule::OneHigher)
    }
}

/// How far a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketState {
    /// Not sent yet.
    Queued,
    /// Handed to a gateway.
    Sending,
    /// Every part was taken; the proof is awaited.
    Waiting,
    /// Proven as far as the channel can.
    Proven,
    /// Refused or failed, known not to be carried out (beyond the writes already proven).
    Failed,
    /// Nobody knows (rule 5).
    Unknown,
}

/// One short message of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 1.
    pub n: u8,
    /// Header and body.
    #[serde(with = "hex::serde")]
    pub user_data: Vec<u8>,
    /// UDHI, PID and DCS that go with it.
    pub udhi: bool,
    /// TP-PID.
    pub pid: u8,
    /// TP-DCS.
    pub dcs: u8,
    /// How far.
    pub state: PartState,
    /// Its id at the gateway.
    pub message_id: Option<String>,
    /// When `state` last moved, ms UTC.
    pub at: Option<i64>,
}

/// How far a part is; states only move forward (SMPP.md, row 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Not sent yet.
    Queued,
    /// Handed to the gateway.
    Sent,
    /// Taken by it.
    Accepted,
    /// The network says so.
    Delivered,
    /// The network gave up, or the gateway refused it.
    Failed,
}

/// A brake held (rule 9): `friends` stay at their content before until a person says yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Whose book.
    pub subscriber: SubscriberId,
    /// From 1 in this book.
    pub no: u32,
    /// The sitting that it holds.
    pub sitting: u64,
    /// Why, a sentence.
    pub reason: String,
    /// The changes held, by revision.
    pub changes: Vec<Revision>,
    /// The friends held, each with the content that stays on the terminal meanwhile.
    pub released: Vec<(FriendNo, book::Friend)>,
    /// How far.
    pub state: HoldState,
    /// When, ms UTC.
    pub since: i64,
    /// Who decided, and when.
    pub decided: Option<(String, i64)>,
}

/// Held, released (a yes) or refused (the changes were undone).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Waits for a person.
    Held,
    /// Somebody said yes: it goes to the terminals.
    Released,
    /// Somebody said no: the changes were undone.
    Refused,
}

/// A slot and what became of it, as a proof tells.
pub type SlotMove = (SlotNo, terminals::SlotState);
