//! The edge over real sockets: a peer that is gone without a word.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::{Event, Lane, Outbound, Target};
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

fn text(id: u64) -> Outbound {
    Outbound {
        target: Target::Notice { id, part: 1 },
        lane: Lane::Bulk,
        destination: "+447700900101".into(),
        udhi: false,
        pid: 0,
        dcs: 4,
        user_data: vec![0; 140],
        validity_s: None,
        fence: None,
        by: None,
    }
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

#[tokio::test]
async fn row_13_the_end_unbinds_and_waits_for_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "g", "host": "127.0.0.1", "port": listener.local_addr().unwrap().port(), "system_id": "kith",
    }))
    .unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config], events);
    let mut stream = bound(&listener).await;
    while !matches!(heard.recv().await, Some(Event::Gateway { up: true, .. })) {}
    let end = tokio::spawn(gateways.shutdown());
    let mut unbind = [0; 16];
    stream.read_exact(&mut unbind).await.unwrap();
    assert_eq!(unbind[..8], [0, 0, 0, 16, 0, 0, 0, 6]);
    assert!(!end.is_finished());
    let answer = Pdu {
        status: 0,
        sequence: u32::from_be_bytes(unbind[12..].try_into().unwrap()),
        body: Body::UnbindResp,
    };
    stream.write_all(&answer.encode()).await.unwrap();
    end.await.unwrap();
    assert_eq!(stream.read(&mut unbind).await.unwrap(), 0);
}

/// A planned stop: nothing more is handed over, and the answers under way are told before anything ends.
#[tokio::test]
async fn what_is_held_hands_nothing_over_and_waits_for_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "g", "host": "127.0.0.1", "port": listener.local_addr().unwrap().port(), "system_id": "kith",
        "window": 2,
    }))
    .unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(100);
    let gateways = Gateways::start(vec![config], events);
    let mut stream = bound(&listener).await;
    while !matches!(heard.recv().await, Some(Event::Gateway { up: true, .. })) {}
    for id in 0..50 {
        gateways.send(text(id));
    }
    let mut frames = Frames::default();
    let mut submits = Vec::new();
    while submits.len() < 2 {
        let mut octets = Vec::new();
        stream.read_buf(&mut octets).await.unwrap();
        frames.push(&octets);
        submits.extend(std::iter::from_fn(|| frames.take().unwrap()).map(|f| f.sequence));
    }
    let text_of_hers = Pdu {
        status: 0,
        sequence: 77,
        body: Body::Deliver(wire::smpp::Deliver::default()),
    };
    stream.write_all(&text_of_hers.encode()).await.unwrap();
    let ack = loop {
        if let Some(Event::Mobile { ack, .. }) = heard.recv().await {
            break ack;
        }
    };
    let gateways = std::sync::Arc::new(gateways);
    let holding = tokio::spawn({
        let gateways = std::sync::Arc::clone(&gateways);
        async move { gateways.hold().await }
    });
    // Orders go in turn: when this one is carried out, the line has heard the other.
    tokio::task::yield_now().await;
    gateways.stored(ack, true);
    let mut answer = [0; 17];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[4..8], [0x80, 0, 0, 5]);
    for sequence in &submits {
        let body = Body::SubmitResp {
            message_id: Some(format!("A{sequence}")),
        };
        let answer = Pdu {
            status: 0,
            sequence: *sequence,
            body,
        };
        assert!(!holding.is_finished());
        stream.write_all(&answer.encode()).await.unwrap();
    }
    holding.await.unwrap();
    let mut taken = 0;
    while let Ok(event) = heard.try_recv() {
        taken += usize::from(matches!(event, Event::Accepted { .. }));
    }
    assert_eq!(taken, 2, "both are told by then");
    // The next thing that it says is good-bye.
    let gateways = std::sync::Arc::into_inner(gateways).unwrap();
    let end = tokio::spawn(gateways.shutdown());
    let mut unbind = [0; 16];
    stream.read_exact(&mut unbind).await.unwrap();
    assert_eq!(unbind[..8], [0, 0, 0, 16, 0, 0, 0, 6]);
    drop(stream);
    end.await.unwrap();
}

#[tokio::test]
async fn row_14_a_peer_that_takes_nothing_is_left_for_a_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "g", "host": "127.0.0.1", "port": listener.local_addr().unwrap().port(), "system_id": "kith",
        "window": 1_000_000, "answer_seconds": 600,
    }))
    .unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config], events);
    let _full = bound(&listener).await;
    while !matches!(heard.recv().await, Some(Event::Gateway { up: true, .. })) {}
    // More than any socket buffers.
    for id in 0..100_000 {
        gateways.send(text(id));
    }
    let reason = loop {
        match heard.recv().await {
            Some(Event::Gateway {
                up: false, reason, ..
            }) => break reason,
            _ => continue,
        }
    };
    assert_eq!(reason, "The gateway takes no more octets.");
    // What had no answer is told now; somebody must listen for the line to go on.
    let listen = tokio::spawn(async move { while heard.recv().await.is_some() {} });
    let _again = bound(&listener).await;
    listen.abort();
}
