//! The line's other end, without sockets.

use comms::{GatewayConfig, Line};
use delivery::{Event, Lane, Outbound, ReceiptState, Target};
use wire::smpp::{Body, Deliver, Frame, Frames, Pdu};

/// What is handed to a line: a short message to Mum.
pub fn to_mum(id: u64, lane: Lane) -> Outbound {
    Outbound {
        target: Target::Notice { id, part: 1 },
        lane,
        destination: "+447700900101".into(),
        udhi: false,
        pid: 0,
        dcs: 0,
        user_data: vec![0x41],
        validity_s: None,
        fence: None,
        by: None,
    }
}

/// A gateway's other end.
pub struct Peer {
    pub line: Line,
    pub now: i64,
}

pub fn config(extra: &serde_json::Value) -> GatewayConfig {
    let mut config = serde_json::json!({
        "name": "g", "host": "127.0.0.1", "system_id": "kith", "password": "secret8", "source": "12345", "window": 2,
    });
    for (key, value) in extra.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

impl Peer {
    pub fn bound() -> Self {
        Self::bound_with(&serde_json::json!({}))
    }

    pub fn bound_with(extra: &serde_json::Value) -> Self {
        let mut peer = Self {
            line: Line::new(config(extra), 0, 0, 0),
            now: 0,
        };
        peer.line.connected(0, 0);
        let bind = peer.sent();
        peer.says(
            0,
            bind[0].sequence,
            Body::BindResp {
                system_id: "smsc".into(),
            },
        );
        peer.line.events();
        peer
    }

    pub fn says(&mut self, status: u32, sequence: u32, body: Body) {
        let pdu = Pdu {
            status,
            sequence,
            body,
        };
        self.line.input(0, &pdu.encode(), self.now);
    }

    /// What the line wrote, cut into frames.
    pub fn sent(&mut self) -> Vec<Frame> {
        let mut frames = Frames::default();
        frames.push(&self.line.output(0));
        std::iter::from_fn(|| frames.take().unwrap()).collect()
    }

    pub fn push(&mut self, id: u64, lane: Lane) {
        self.line.push(to_mum(id, lane), self.now);
    }

    pub fn answer(&mut self, sequence: u32, id: &str) {
        self.says(
            0,
            sequence,
            Body::SubmitResp {
                message_id: Some(id.into()),
            },
        );
    }

    pub fn receipt(&mut self, sequence: u32, text: &str) {
        let deliver = Deliver {
            source: (1, 1, "447700900101".into()),
            esm_class: 4,
            message: text.as_bytes().to_vec(),
            ..Deliver::default()
        };
        self.says(0, sequence, Body::Deliver(deliver));
    }
}

/// The receipts among the events: matched or not, and how far.
pub fn states(events: &[Event]) -> Vec<(bool, ReceiptState)> {
    let receipts = events.iter().filter_map(|event| match event {
        Event::Receipt { target, state, .. } => Some((target.is_some(), *state)),
        _ => None,
    });
    receipts.collect()
}

/// A text from a terminal; `udhi` as with a PoR.
pub fn text(udhi: bool, octets: &[u8]) -> Body {
    Body::Deliver(Deliver {
        source: (1, 1, "447700900101".into()),
        destination: (0, 1, "12345".into()),
        esm_class: if udhi { 0x40 } else { 0 },
        message: octets.to_vec(),
        ..Deliver::default()
    })
}

/// The token of the first thing that came.
pub fn ack(events: &[Event]) -> Option<u64> {
    events.iter().find_map(|event| match event {
        Event::Mobile { ack, .. } | Event::Receipt { ack, .. } => Some(*ack),
        _ => None,
    })
}
