//! outbind over real sockets: the SMSC calls, says who it is, and Kith binds on that connection.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::Event;
use delivery::network::Health;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::smpp::{Body, Deliver, Frame, Frames, Pdu};

const BIND_RECEIVER: u32 = 1;
const BIND_TRANSMITTER: u32 = 2;
const BIND_TRANSCEIVER: u32 = 9;

/// The SMSC's end of a session.
struct Smsc {
    stream: TcpStream,
    frames: Frames,
}

impl Smsc {
    fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            frames: Frames::default(),
        }
    }

    /// Calls, and says who it is.
    async fn call(at: SocketAddr, system_id: &str, password: &str) -> Self {
        let stream = loop {
            match TcpStream::connect(at).await {
                Ok(stream) => break stream,
                // It is not listening yet.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let mut smsc = Self::of(stream);
        let outbind = Body::Outbind {
            system_id: system_id.into(),
            password: password.into(),
        };
        smsc.says(1, outbind).await;
        smsc
    }

    async fn says(&mut self, sequence: u32, body: Body) {
        let pdu = Pdu {
            status: 0,
            sequence,
            body,
        };
        self.stream.write_all(&pdu.encode()).await.unwrap();
    }

    /// The next frame; none when Kith closed.
    async fn hears(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.take().unwrap() {
                return Some(frame);
            }
            let mut octets = Vec::new();
            match self.stream.read_buf(&mut octets).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => self.frames.push(&octets),
            }
        }
    }

    /// Takes the bind, which must be of this kind.
    async fn bound(&mut self, command: u32) {
        let bind = self.hears().await.unwrap();
        assert_eq!(bind.command, command);
        let system_id = "smsc".into();
        self.says(bind.sequence, Body::BindResp { system_id }).await;
    }
}

/// A port that is free.
async fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn config(extra: serde_json::Value) -> GatewayConfig {
    let mut config = serde_json::json!({
        "name": "g", "host": "127.0.0.1", "port": 1, "system_id": "kith", "password": "ours",
        "outbind_system_id": "smsc", "outbind_password": "secret8",
    });
    for (key, value) in extra.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

type Heard = tokio::sync::mpsc::Receiver<Event>;

async fn up(heard: &mut Heard) {
    while !matches!(heard.recv().await, Some(Event::Gateway { up: true, .. })) {}
}

#[tokio::test]
async fn row_15_a_transceiver_is_bound_where_the_smsc_calls() {
    let at = free().await;
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config(serde_json::json!({ "outbind": at }))], events);
    let mut smsc = Smsc::call(at, "smsc", "secret8").await;
    smsc.bound(BIND_TRANSCEIVER).await;
    up(&mut heard).await;
    // It calls again: the connection before was lost without a word.
    let mut again = Smsc::call(at, "smsc", "secret8").await;
    again.bound(BIND_TRANSCEIVER).await;
    up(&mut heard).await;
    assert!(smsc.hears().await.is_none());
    gateways.shutdown().await;
}

#[tokio::test]
async fn row_15_a_receiver_is_bound_where_the_smsc_calls_and_its_end_is_not_the_gateways() {
    let (at, listener) = (
        free().await,
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let port = listener.local_addr().unwrap().port();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let config = config(serde_json::json!({ "outbind": at, "bind": "tx_rx", "port": port }));
    let gateways = Gateways::start(vec![config], events);
    let mut transmitter = Smsc::of(listener.accept().await.unwrap().0);
    transmitter.bound(BIND_TRANSMITTER).await;
    // Messages go before the SMSC has anything to say.
    up(&mut heard).await;
    for round in 1..=2 {
        let mut receiver = Smsc::call(at, "smsc", "secret8").await;
        receiver.bound(BIND_RECEIVER).await;
        let deliver = Deliver {
            source: (1, 1, "447700900101".into()),
            destination: (0, 1, "12345".into()),
            message: format!("hello {round}").into_bytes(),
            ..Deliver::default()
        };
        receiver.says(7, Body::Deliver(deliver)).await;
        let ack = loop {
            match heard.recv().await.unwrap() {
                Event::Mobile { ack, .. } => break ack,
                Event::Gateway { up, reason, .. } => assert!(up, "{reason}"),
                other => panic!("{other:?}"),
            }
        };
        gateways.stored(ack, true);
        assert_eq!(receiver.hears().await.unwrap().command, 0x8000_0005);
        receiver.says(8, Body::Unbind).await;
        assert_eq!(receiver.hears().await.unwrap().command, 0x8000_0006);
        assert!(receiver.hears().await.is_none());
    }
    let table = gateways.table();
    let row = table.lock().unwrap().gateways["g"].clone();
    assert_eq!((row.state, row.reason.as_str()), (Health::Up, "Bound."));
    gateways.shutdown().await;
}

#[tokio::test]
async fn who_is_not_the_smsc_gets_nothing() {
    let at = free().await;
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config(serde_json::json!({ "outbind": at }))], events);
    // Right ones are not counted.
    for (system_id, password) in [("smsc", "secret9"), ("smsd", "secret8"), ("", "")] {
        let mut caller = Smsc::call(at, system_id, password).await;
        assert!(caller.hears().await.is_none(), "{system_id} {password}");
    }
    let mut no_outbind = Smsc::of(TcpStream::connect(at).await.unwrap());
    no_outbind.says(1, Body::EnquireLink).await;
    assert!(no_outbind.hears().await.is_none());
    let mut smsc = Smsc::call(at, "smsc", "secret8").await;
    smsc.bound(BIND_TRANSCEIVER).await;
    up(&mut heard).await;
    // Five wrong ones, and not even a right one is listened to for a while.
    for _ in 0..5 {
        let mut caller = Smsc::call(at, "smsc", "wrong").await;
        assert!(caller.hears().await.is_none());
    }
    let mut late = Smsc::call(at, "smsc", "secret8").await;
    assert!(late.hears().await.is_none());
    // The session that is there stays.
    smsc.says(9, Body::EnquireLink).await;
    assert_eq!(smsc.hears().await.unwrap().command, 0x8000_0015);
    gateways.shutdown().await;
}
