//! The edge over real sockets: a peer that is gone without a word.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::smpp::{Body, Frames, Pdu};

/// Takes a connection and answers its bind.
async fn bound(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut frames = Frames::default();
    let bind = loop {
        let mut octets = Vec::new();
        stream.read_buf(&mut octets).await.unwrap();
        frames.push(&octets);
        if let Some(frame) = frames.take().unwrap() {
            break frame;
        }
    };
    let bound = Pdu {
        status: 0,
        sequence: bind.sequence,
        body: Body::BindResp {
            system_id: "smsc".into(),
        },
    };
    stream.write_all(&bound.encode()).await.unwrap();
    stream
}

#[tokio::test]
async fn row_14_a_peer_that_never_closes_is_left_for_a_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "g", "host": "127.0.0.1", "port": listener.local_addr().unwrap().port(),
        "system_id": "kith", "enquire_seconds": 0, "answer_seconds": 1,
    }))
    .unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config], events);

    // Stays open and silent to the end of the test, as behind a firewall that forgot the connection.
    let _silent = bound(&listener).await;
    let _again = bound(&listener).await;

    let mut ups = Vec::new();
    while ups != [true, false, true] {
        if let Event::Gateway { up, .. } = heard.recv().await.unwrap() {
            ups.push(up);
        }
    }
    gateways.shutdown().await;
}
