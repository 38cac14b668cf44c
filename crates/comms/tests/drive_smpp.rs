//! Kannel's `drive_smpp`, a scripted SMSC that is not ours, for a transmitter and a receiver without receipts: it sends
//! messages, we store and answer each, and reply. `KITH_DRIVE_SMPP` names the program (tests/stages/drive_smpp.sh).
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::{Event, Lane, Outbound, Target};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MESSAGES: u64 = 200;

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn every_message_of_drive_smpp_is_answered_and_every_reply_is_taken() {
    let Ok(program) = std::env::var("KITH_DRIVE_SMPP") else {
        return;
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let drive = Command::new(program)
        .args([
            "-v",
            "4",
            "-p",
            &port.to_string(),
            "-m",
            &MESSAGES.to_string(),
        ])
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _peer = Peer(drive.unwrap());
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "drive", "host": "127.0.0.1", "port": port, "system_id": "foo", "password": "bar",
        "system_type": "VMA", "bind": "tx_rx", "source": "123",
    }))
    .unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(1_024);
    let gateways = Gateways::start(vec![config], events);
    let (mut came, mut taken) = (0, 0);
    let talk = async {
        while came < MESSAGES || taken < MESSAGES {
            match heard.recv().await.unwrap() {
                Event::Mobile { from, ack, .. } => {
                    came += 1;
                    gateways.stored(ack, true);
                    gateways.send(Outbound {
                        target: Target::Notice { id: came, part: 1 },
                        lane: Lane::Interactive,
                        destination: from,
                        udhi: false,
                        pid: 0,
                        dcs: 0,
                        user_data: b"thanks".to_vec(),
                        validity_s: None,
                        fence: None,
                        by: None,
                    });
                }
                Event::Accepted { .. } => taken += 1,
                Event::Gateway { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let limit = Duration::from_secs(120);
    let ended = tokio::time::timeout(limit, talk).await;
    assert!(
        ended.is_ok(),
        "{came} messages came, {taken} replies were taken"
    );
    gateways.shutdown().await;
}
