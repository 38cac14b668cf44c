//! What the gateway brings: receipts and messages from terminals. Stored by control first, answered then (row 9).

use super::Line;
use super::ids::Found;
use crate::table::Fate;
use delivery::alert::AMBIGUOUS;
use delivery::{Event, NetworkError, ReceiptState};
use wire::smpp::receipt::{Receipt, State, receipt};
use wire::smpp::{Body, Deliver, sent};

/// A deliver_sm that has no answer yet.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) port: usize,
    sequence: u32,
    data_sm: bool,
}

/// The user data begins with a header (UDHI, §5.2.12).
const HEADER: u8 = 0x40;
/// A receipt, or an intermediate notice (§5.2.12).
const MARKED: u8 = 0b0010_0100;
/// receipted_message_id.
const RECEIPTED: u16 = 0x001E;

impl Line {
    pub(super) fn delivered(&mut self, port: usize, sequence: u32, deliver: Deliver, now: i64) {
        let unanswered = Unanswered {
            port,
            sequence,
            data_sm: deliver.data_sm,
        };
        // A receipt's text is no header, whatever the bit says (row 8).
        let header = deliver.esm_class & HEADER != 0 && !reads_as_receipt(&deliver.message);
        let Some(report) = self.receipt_in(&deliver, header) else {
            if deliver.esm_class & MARKED != 0 && !header {
                self.count("receipt not understood");
                self.answer(&unanswered, true);
                return;
            }
            self.message(deliver, header, unanswered, now);
            return;
        };
        self.rows.receipt(now);
        let token = self.next_token();
        self.unanswered.insert(token, vec![unanswered]);
        let por = header && !deliver.message.is_empty();
        match self.handed.find(&report.id, &deliver.source.2) {
            // The PoR in it counts, and is stored before the answer.
            Found::Several if por => {
                self.count(AMBIGUOUS);
                self.mobile(deliver, token);
                return;
            }
            // The answer that tells whose it is may still come, also after its time.
            Found::Nothing if !(self.flying.is_empty() && self.late.is_empty()) => {
                let from = deliver.source.2.clone();
                self.early.keep(report, from, token, now);
            }
            found => self.report(report, found, token, now),
        }
        if por {
            // A PoR inside the receipt (esm_class 44): both count; this half needs no answer of its own.
            let token = self.next_token();
            self.mobile(deliver, token);
        }
    }

    /// The receipt in a deliver_sm: by the bits of esm_class, by TLV 001E, or, where the gateway's switch is on, by a
    /// text that is a receipt's to the letter with an id that is ours (row 8, CASES C68). What an earlier process or
    /// another node sent, and what has no answer yet, is not known here: such a text must be a receipt from end to end,
    /// and goes the way of all receipts that match nothing here.
    fn receipt_in(&mut self, deliver: &Deliver, header: bool) -> Option<Receipt> {
        let marked = deliver.esm_class & MARKED != 0 || deliver.tlvs.get(RECEIPTED).is_some();
        let plain = !marked && self.config.plain_receipts && reads_as_receipt(&deliver.message);
        let report = if deliver.esm_class & HEADER == 0 || header {
            receipt(deliver, plain)
        } else {
            let mut text = deliver.clone();
            text.esm_class &= !HEADER;
            receipt(&text, plain)
        };
        let whole = plain && is_whole_receipt(&deliver.message);
        let mut ours = |id: &str| self.handed.find(id, &deliver.source.2) != Found::Nothing;
        report.filter(|report| marked || whole || ours(&report.id))
    }

    /// A message from a terminal. A text that is sent again is answered, and handed on once (row 9); what has a header
    /// is told apart by control, which knows the counters.
    fn message(&mut self, deliver: Deliver, header: bool, unanswered: Unanswered, now: i64) {
        let seen = if header {
            None
        } else {
            self.texts.seen(&deliver)
        };
        match seen {
            Some((_, true)) => self.answer(&unanswered, true),
            Some((token, false)) => self.unanswered.entry(token).or_default().push(unanswered),
            None => {
                let token = self.next_token();
                self.unanswered.insert(token, vec![unanswered]);
                if !header {
                    self.texts.take(&deliver, token, now);
                }
                self.mobile(deliver, token);
            }
        }
    }

    /// The answer to a message came: the receipts that waited for it are matched now.
    pub(super) fn match_early(&mut self, id: &str, now: i64) {
        for (receipt, from, token) in self.early.matching(id) {
            // One without token was answered already: a new one stands for no deliver_sm.
            let token = token.unwrap_or_else(|| self.next_token());
            let found = self.handed.find(&receipt.id, &from);
            self.report(receipt, found, token, now);
        }
    }

    /// Receipts that waited long enough for an answer go on unmatched.
    pub(super) fn hand_on_early(&mut self, now: i64) {
        for (receipt, from, token) in self.early.overdue(now) {
            let found = self.handed.find(&receipt.id, &from);
            self.report(receipt, found, token, now);
        }
    }

    fn report(&mut self, report: Receipt, found: Found, token: u64, now: i64) {
        let known = match found {
            Found::One(number) => Some(number),
            Found::Nothing => None,
            Found::Several => {
                // It counts for none: control would find the newest under this id.
                self.count(AMBIGUOUS);
                self.stored(token, true);
                return;
            }
        };
        let error = report.error.as_deref().map(network_error);
        let absent = error.as_ref().is_some_and(|error| error.absent);
        if let Some(number) = known {
            self.observe(number, report.state, absent, now);
        }
        let target = known.and_then(|number| self.handed.get(number));
        let target = target.map(|taken| taken.target.clone());
        self.events.push(Event::Receipt {
            gateway: self.config.name.clone(),
            message_id: report.id,
            target,
            state: match report.state {
                State::Delivered => ReceiptState::Delivered,
                State::Expired => ReceiptState::Expired,
                State::Deleted => ReceiptState::Deleted,
                State::Undeliverable => ReceiptState::Undeliverable,
                State::Rejected => ReceiptState::Rejected,
                State::Scheduled | State::Enroute | State::Accepted | State::Unknown => {
                    ReceiptState::EnRoute
                }
            },
            error,
            ack: token,
        });
    }

    /// A receipt tells how its network is.
    fn observe(&mut self, number: u64, state: State, absent: bool, now: i64) {
        let overtook = state == State::Delivered && self.handed.overtook(number);
        let Some(taken) = self.handed.get(number) else {
            return;
        };
        let fate = match (state, taken.state) {
            (_, Some(before)) if before.is_final() => state.is_final().then_some(Fate::Repeated),
            (State::Delivered, _) => Some(Fate::Delivered {
                after: now - taken.at,
                overtook,
            }),
            (state, _) if state.is_final() => Some(Fate::Failed),
            _ if absent && !taken.absent => Some(Fate::Absent),
            _ => None,
        };
        taken.absent |= absent;
        // Forward only (row 6).
        if taken.state.is_none_or(|before| !before.is_final()) {
            taken.state = Some(state);
        }
        if let Some(fate) = fate {
            self.rows.fate(&taken.destination, fate, now);
        }
    }

    fn mobile(&mut self, deliver: Deliver, token: u64) {
        self.rows.gateway.mobile += 1;
        let number = |(ton, _, address): (u8, u8, String)| {
            if ton == 1 && !address.starts_with('+') {
                format!("+{address}")
            } else {
                address
            }
        };
        self.events.push(Event::Mobile {
            gateway: self.config.name.clone(),
            from: number(deliver.source),
            to: number(deliver.destination),
            udhi: deliver.esm_class & 0x40 != 0,
            pid: deliver.protocol_id,
            dcs: deliver.data_coding,
            user_data: deliver.message,
            ack: token,
        });
    }

    /// Control stored what came with this token, or could not: now the gateway is answered.
    pub fn stored(&mut self, token: u64, ok: bool) {
        self.texts.stored(token, ok);
        for unanswered in self.unanswered.remove(&token).unwrap_or_default() {
            self.answer(&unanswered, ok);
        }
    }

    fn answer(&mut self, to: &Unanswered, ok: bool) {
        let status = if ok { sent::OK } else { sent::TEMPORARY };
        let body = Body::DeliverResp {
            data_sm: to.data_sm,
        };
        self.put(to.port, status, to.sequence, body);
    }

    fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }
}

/// The words behind `stat:` (appendix B).
const STATES: [&str; 8] = [
    "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD",
];

/// Whether this is a receipt's text from end to end (appendix B), as no person writes one: all fields in their order,
/// with numbers for dates. Only `sub:` and `dlvrd:` may be absent (CASES C62).
fn is_whole_receipt(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message).to_ascii_uppercase();
    let mut rest = text.as_str();
    let number = |value: Option<&str>| {
        value.is_some_and(|value| !value.is_empty() && value.bytes().all(|o| o.is_ascii_digit()))
    };
    let id = field(&mut rest, "ID:");
    field(&mut rest, "SUB:");
    field(&mut rest, "DLVRD:");
    id.is_some_and(|id| !id.is_empty())
        && number(field(&mut rest, "SUBMIT DATE:"))
        && number(field(&mut rest, "DONE DATE:"))
        && field(&mut rest, "STAT:").is_some_and(|state| STATES.contains(&state))
        && field(&mut rest, "ERR:").is_some()
}

/// The value of the next field, if it has this name; `rest` begins behind it then.
fn field<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let value = rest.strip_prefix(name)?;
    let (value, behind) = value.split_once(' ').unwrap_or((value, ""));
    *rest = behind;
    Some(value)
}

/// Whether this is a receipt's text to the letter (appendix B): `id:` first, and a known word behind `stat:`.
fn reads_as_receipt(message: &[u8]) -> bool {
    let begins = message.get(..3);
    begins.is_some_and(|id| id.eq_ignore_ascii_case(b"id:")) && {
        let text = String::from_utf8_lossy(message).to_ascii_uppercase();
        let state = text.split_once(" STAT:").map_or("", |(_, state)| state);
        STATES.iter().any(|known| state.starts_with(known))
    }
}

/// network_error_code is type and u16 (03 = GSM); `err:` of a text is decimal. 27 is “absent subscriber” (TS 29.002).
fn network_error(raw: &str) -> NetworkError {
    let code = if raw.len() == 6 {
        raw.get(2..)
            .and_then(|code| u16::from_str_radix(code, 16).ok())
    } else {
        raw.parse().ok()
    };
    NetworkError {
        code,
        absent: code == Some(27),
        raw: raw.to_owned(),
    }
}
