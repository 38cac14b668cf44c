//! What the gateway brings: receipts and messages from terminals. Stored by control first, answered then (row 9).

use super::Line;
use crate::table::Fate;
use delivery::{Event, NetworkError, ReceiptState};
use wire::smpp::receipt::{Receipt, State, receipt};
use wire::smpp::{Body, Deliver, sent};

/// A receipt that came before the answer to its message (row 4).
#[derive(Debug)]
pub(super) struct Parked {
    receipt: Receipt,
    token: u64,
    at: i64,
}

/// How long a receipt waits for the answer to its message, ms; then control looks in its store.
const PARKED: i64 = 2_000;
/// Receipts that wait at most.
const PARKED_MOST: usize = 10_000;

impl Line {
    pub(super) fn delivered(&mut self, port: usize, sequence: u32, deliver: Deliver, now: i64) {
        self.token += 1;
        let token = self.token;
        self.unanswered
            .insert(token, (port, sequence, deliver.data_sm));
        let report = receipt(&deliver, self.config.plain_receipts);
        // A text that only looks like a receipt is one only if the id is ours (CASES C68).
        let plain = deliver.esm_class & 0b0010_0100 == 0;
        let report = report.filter(|r| !plain || self.known(&r.id).is_some());
        let Some(report) = report else {
            self.mobile(deliver, token);
            return;
        };
        self.rows.gateway.receipts += 1;
        let carries_answer = deliver.esm_class & 0x40 != 0 && !deliver.message.is_empty();
        if self.known(&report.id).is_some() || self.flying.is_empty() {
            self.report(report, token, now);
        } else if self.parked.len() < PARKED_MOST {
            self.parked.push_back(Parked {
                receipt: report,
                token,
                at: now,
            });
        } else {
            self.report(report, token, now);
        }
        if carries_answer {
            // A PoR inside the receipt (esm_class 44): both count; this half needs no answer of its own.
            self.token += 1;
            let token = self.token;
            self.mobile(deliver, token);
        }
    }

    /// The answer to a message came: a receipt that waited for it is matched now.
    pub(super) fn unpark(&mut self, id: &str, now: i64) {
        if self.parked.is_empty() {
            return;
        }
        let forms = wire::smpp::receipt::forms(id);
        let mut at = 0;
        while let Some(parked) = self.parked.get(at) {
            let own = wire::smpp::receipt::forms(&parked.receipt.id);
            if own.iter().any(|form| forms.contains(form)) {
                if let Some(parked) = self.parked.remove(at) {
                    self.report(parked.receipt, parked.token, now);
                }
            } else {
                at += 1;
            }
        }
    }

    /// What waited long enough goes on unmatched: an earlier process may have sent its message.
    pub(super) fn drop_parked(&mut self, now: i64) {
        while self.parked.front().is_some_and(|p| now - p.at > PARKED) {
            if let Some(parked) = self.parked.pop_front() {
                self.report(parked.receipt, parked.token, now);
            }
        }
    }

    fn report(&mut self, report: Receipt, token: u64, now: i64) {
        let known = self.known(&report.id);
        let error = report.error.map(|raw| network_error(&raw));
        let absent = error.as_ref().is_some_and(|error| error.absent);
        if let Some((_, number)) = &known {
            let fate = match report.state {
                State::Delivered => Some(Fate::Delivered),
                state if state.is_final() => Some(Fate::Failed),
                _ if absent => Some(Fate::Absent),
                _ => None,
            };
            if let Some(fate) = fate {
                self.rows.fate(number, fate, now);
            }
        }
        self.events.push(Event::Receipt {
            gateway: self.config.name.clone(),
            message_id: report.id,
            target: known.map(|(target, _)| target),
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
        if let Some((port, sequence, data_sm)) = self.unanswered.remove(&token) {
            let status = if ok { sent::OK } else { sent::TEMPORARY };
            self.put(port, status, sequence, Body::DeliverResp { data_sm });
        }
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
