//! A raw ESME speaks octets to the carrier: what a server meets, fault by fault.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lab::faults::Faults;
use lab::{CardSpec, HandsetSpec, Lab, LabConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BIND: u32 = 9;
const SUBMIT: u32 = 4;
const DELIVER: u32 = 5;
const RESP: u32 = 0x8000_0000;
const MUM: &str = "447700900101";
const NOBODY: &str = "447700900999";

async fn lab() -> Lab {
    lab::start(LabConfig {
        price_micros: Some(40_000),
        service_number: "0800123456".into(),
        ..LabConfig::here(vec![HandsetSpec {
            msisdn: format!("+{MUM}"),
            name: "Mum".into(),
            language: "en".into(),
            card: Some(CardSpec {
                kind: "sim-28x50".into(),
                iccid: "8944770090000000001".into(),
                kic: "200102030405060708090a0b0c0d0e0f".into(),
                kid: "201102030405060708090a0b0c0d0e0f".into(),
            }),
        }])
    })
    .await
    .unwrap()
}

/// One PDU: command, status, sequence, body.
type Pdu = (u32, u32, u32, Vec<u8>);

struct Esme {
    stream: TcpStream,
    sequence: u32,
}

impl Esme {
    async fn connect(lab: &Lab) -> Self {
        Self {
            stream: TcpStream::connect(lab.smsc_addr).await.unwrap(),
            sequence: 0,
        }
    }

    async fn bound(lab: &Lab) -> Self {
        let mut esme = Self::connect(lab).await;
        let (id, status, ..) = esme.bind("kith", "secret8").await;
        assert_eq!((id, status), (BIND | RESP, 0));
        esme
    }

    async fn send(&mut self, id: u32, body: &[u8]) -> u32 {
        self.sequence += 1;
        let words = [16 + body.len() as u32, id, 0, self.sequence];
        let mut pdu: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        pdu.extend_from_slice(body);
        self.stream.write_all(&pdu).await.unwrap();
        self.sequence
    }

    async fn read(&mut self) -> Option<Pdu> {
        let mut head = [0; 16];
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_exact(&mut head));
        read.await.expect("a PDU within 10 s").ok()?;
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(0) as usize - 16];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((word(4), word(8), word(12), body))
    }

    async fn bind(&mut self, system_id: &str, password: &str) -> Pdu {
        let body = [
            system_id.as_bytes(),
            &[0],
            password.as_bytes(),
            &[0, 0, 0x34, 0, 0, 0],
        ]
        .concat();
        self.send(BIND, &body).await;
        self.read().await.unwrap()
    }

    /// Submits a text and returns status and message id, leaving receipts unread.
    async fn submit_valid(&mut self, to: &str, registered: u8, validity: &str) -> (u32, String) {
        let head = [
            b"\0\x00\x0112345\0\x01\x01",
            to.as_bytes(),
            b"\0\x00\x00\x00\0",
            validity.as_bytes(),
            b"\0",
        ]
        .concat();
        let body = [&head[..], &[registered, 0, 0, 0, 5], b"Hello"].concat();
        self.send(SUBMIT, &body).await;
        let (id, status, sequence, body) = self.read().await.unwrap();
        assert_eq!((id, sequence), (SUBMIT | RESP, self.sequence));
        let text = String::from_utf8(body).unwrap();
        (status, text.trim_end_matches('\0').to_owned())
    }

    /// Submits a secured packet: UDHI, PID 7F, DCS F6, no receipt.
    async fn update(&mut self, to: &str, user_data: &[u8]) {
        let head = [
            b"\0\x00\x0112345\0\x01\x01",
            to.as_bytes(),
            b"\0\x40\x7f\x00\0\0\0\0\xf6\0",
        ]
        .concat();
        self.send(
            SUBMIT,
            &[&head[..], &[user_data.len() as u8], user_data].concat(),
        )
        .await;
        assert_eq!(
            self.read().await.map(|pdu| (pdu.0, pdu.1)),
            Some((SUBMIT | RESP, 0))
        );
    }

    async fn submit(&mut self, to: &str, registered: u8) -> (u32, String) {
        self.submit_valid(to, registered, "").await
    }

    /// Reads a deliver_sm, answers it, and returns esm_class and the text of its short_message with the octets behind.
    async fn delivery(&mut self) -> (u8, String) {
        let (id, _, sequence, body) = self.read().await.unwrap();
        assert_eq!(id, DELIVER);
        let answer = [17u32, DELIVER | RESP, 0, sequence]
            .map(u32::to_be_bytes)
            .concat();
        self.stream
            .write_all(&[&answer[..], &[0]].concat())
            .await
            .unwrap();
        let mut zeros = body
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == 0)
            .map(|(at, _)| at);
        // service_type, then ton and npi before each address.
        let source_ends = zeros.by_ref().find(|at| *at > 2).unwrap();
        let destination_ends = body
            .iter()
            .skip(source_ends + 3)
            .position(|b| *b == 0)
            .unwrap()
            + source_ends
            + 3;
        (
            body[destination_ends + 1],
            String::from_utf8_lossy(&body[destination_ends + 2..]).into_owned(),
        )
    }

    async fn receipt(&mut self) -> (u8, String) {
        let (esm_class, text) = self.delivery().await;
        let state = text
            .split("stat:")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        (esm_class, state)
    }
}

fn fault(lab: &Lab, change: impl FnOnce(&mut Faults)) {
    let mut faults = Faults::default();
    change(&mut faults);
    lab.carrier().set_faults(faults);
}

#[tokio::test]
async fn a_bind_needs_the_right_name_and_password() {
    let lab = lab().await;
    for (system_id, password, expected) in [
        ("kith", "wrong", 0x0E),
        ("nobody", "secret8", 0x0F),
        ("kith", "secret8", 0),
    ] {
        let mut esme = Esme::connect(&lab).await;
        assert_eq!(
            esme.bind(system_id, password).await.1,
            expected,
            "{system_id}/{password}"
        );
    }
}

#[tokio::test]
async fn what_is_sent_before_the_bind_is_refused() {
    let lab = lab().await;
    let mut esme = Esme::connect(&lab).await;
    assert_eq!(esme.submit(MUM, 1).await.0, 0x04);
}

#[tokio::test]
async fn a_submit_gets_an_id_and_a_receipt() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    let (status, message_id) = esme.submit(MUM, 1).await;
    assert_eq!((status, message_id.is_empty()), (0, false));
    let (esm_class, text) = esme.delivery().await;
    assert_eq!(esm_class, 0x04);
    assert!(
        text.contains(&format!("id:{message_id} ")) && text.contains("stat:DELIVRD"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_number_is_undeliverable() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    esme.submit(NOBODY, 1).await;
    assert_eq!(esme.receipt().await, (0x04, "UNDELIV".into()));
}

#[tokio::test]
async fn a_phone_that_is_off_is_told_as_absent_and_gets_it_when_on() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    let radio = lab.carrier().radio(MUM).unwrap();
    radio.power(false);
    esme.submit(MUM, 1).await;
    let (esm_class, text) = esme.delivery().await;
    assert_eq!(esm_class, 0x20);
    // network_error_code: GSM, absent subscriber (1B).
    assert!(
        text.contains("stat:ENROUTE") && text.ends_with("\u{4}#\0\u{3}\u{3}\0\u{1b}"),
        "{text:?}"
    );
    radio.power(true);
    assert_eq!(esme.receipt().await, (0x04, "DELIVRD".into()));
}

#[tokio::test]
async fn a_message_expires_while_the_phone_is_off() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    lab.carrier().radio(MUM).unwrap().power(false);
    esme.submit_valid(MUM, 1, "000000000001000R").await;
    assert_eq!(esme.receipt().await, (0x20, "ENROUTE".into()));
    assert_eq!(esme.receipt().await, (0x04, "EXPIRED".into()));
}

#[tokio::test]
async fn above_the_rate_submits_are_throttled() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.throttle_above_per_s = Some(0));
    assert_eq!(esme.submit(MUM, 0).await, (0x58, String::new()));
}

#[tokio::test]
async fn submits_are_refused_as_told() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.refuse = vec![0x45, 0x400]);
    assert_eq!(esme.submit(MUM, 0).await.0, 0x45);
    assert_eq!(esme.submit(MUM, 0).await.0, 0x400);
}

#[tokio::test]
async fn a_lost_receipt_never_comes() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.lose_receipt = 1.0);
    esme.submit(NOBODY, 1).await;
    fault(&lab, |_| {});
    let (_, second) = esme.submit(NOBODY, 1).await;
    assert!(
        esme.delivery().await.1.contains(&format!("id:{second} ")),
        "the next receipt is the second's"
    );
}

#[tokio::test]
async fn a_lost_message_reaches_nobody() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.lose_message = 1.0);
    assert_eq!(esme.submit(MUM, 1).await.0, 0);
    fault(&lab, |_| {});
    let (_, second) = esme.submit(MUM, 1).await;
    assert!(esme.delivery().await.1.contains(&format!("id:{second} ")));
    let states: Vec<_> = lab
        .carrier()
        .trail
        .lines()
        .iter()
        .map(|line| line.state)
        .collect();
    assert_eq!(states, ["delivered", "lost"]);
}

#[tokio::test]
async fn a_duplicate_receipt_comes_twice() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.duplicate = 1.0);
    esme.submit(NOBODY, 1).await;
    assert_eq!(esme.receipt().await, esme.receipt().await);
}

#[tokio::test]
async fn a_receipt_waits_for_the_next_bind_and_comes_again_when_unanswered() {
    let lab = lab().await;
    let mut first = Esme::bound(&lab).await;
    fault(&lab, |f| f.receipt_delay_ms = 50.0);
    let (_, message_id) = first.submit(MUM, 1).await;
    assert_eq!(first.read().await.unwrap().0, DELIVER); // seen, not answered
    drop(first);
    let mut second = Esme::bound(&lab).await;
    assert!(
        second
            .delivery()
            .await
            .1
            .contains(&format!("id:{message_id} "))
    );
}

#[tokio::test]
async fn a_connection_is_cut_and_binds_refused_on_demand() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.drop_connection_every_s = Some(0.05));
    assert_eq!(esme.read().await, None);
    fault(&lab, |f| f.refuse_bind = true);
    let mut esme = Esme::connect(&lab).await;
    assert_eq!(esme.bind("kith", "secret8").await.1, 0x0D);
}

#[tokio::test]
async fn a_second_bind_is_refused_on_demand() {
    let lab = lab().await;
    fault(&lab, |f| f.one_bind = true);
    let first = Esme::bound(&lab).await;
    let mut second = Esme::connect(&lab).await;
    assert_eq!(second.bind("kith", "secret8").await.1, 0x05);
    drop(first);
    // The carrier sees the end of a connection a moment later.
    while second.bind("kith", "secret8").await.1 != 0 {}
}

#[tokio::test]
async fn malformed_pdus_are_answered_and_only_a_lost_frame_ends_the_session() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    esme.send(0x0000_0999, b"??").await;
    assert_eq!(esme.read().await.map(|p| (p.0, p.1)), Some((RESP, 0x03)));
    esme.send(SUBMIT, b"\0\x01").await;
    assert_eq!(
        esme.read().await.map(|p| (p.0, p.1)),
        Some((SUBMIT | RESP, 0x02))
    );
    esme.send(0x15, b"").await;
    assert_eq!(
        esme.read().await.map(|p| (p.0, p.1)),
        Some((0x15 | RESP, 0))
    );
    esme.stream
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9])
        .await
        .unwrap();
    assert_eq!(
        esme.read().await.map(|p| (p.0, p.1, p.2)),
        Some((RESP, 0x02, 9))
    );
    assert_eq!(esme.read().await, None);
}

#[tokio::test]
async fn query_and_unbind() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    let (_, message_id) = esme.submit(MUM, 1).await;
    esme.receipt().await;
    esme.send(3, &[message_id.as_bytes(), b"\0\x01\x0112345\0"].concat())
        .await;
    let (id, status, _, body) = esme.read().await.unwrap();
    assert_eq!((id, status, body[body.len() - 2]), (3 | RESP, 0, 2));
    esme.send(6, b"").await;
    assert_eq!(esme.read().await.map(|p| p.0), Some(6 | RESP));
    assert_eq!(esme.read().await, None);
}

/// ota.json, “PoR ciphered and cc by SMS-SUBMIT, aes128”: Alice into record 1 of 7F10/6F3A, counter 7.
const ALICE: &str = "02700000481516392222b000118fa70cec7937c4a0d8923c7aa475cc3d72ccf11f2fcfdcf9c56a20c85ea8e5feb0412cc0b4f85e98f42e0e3fe7716934394e077983433bf0086f3392c5bf0602";

#[tokio::test]
async fn a_secured_packet_writes_the_card_and_its_proof_comes_back_from_the_handset() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    esme.update(MUM, &hex::decode(ALICE).unwrap()).await;
    let (id, _, _, body) = esme.read().await.unwrap();
    assert_eq!(id, DELIVER);
    let expected =
        [b"\0\x01\x01447700900101\0\0\x0112345\0\x40\x7f\0\0\0\0\0\xf6\0".as_slice()].concat();
    assert_eq!(body.get(..expected.len()), Some(expected.as_slice()));
    assert_eq!(
        body.get(expected.len() + 1..expected.len() + 4),
        Some([0x02, 0x71, 0x00].as_slice())
    );
    let radio = lab.carrier().radio(MUM).unwrap();
    let view = radio.with_phone(|phone| phone.view()).await.unwrap();
    let book: Vec<_> = view
        .phone_book
        .iter()
        .map(|e| (e.slot, e.name.as_str(), e.number.as_str()))
        .collect();
    assert_eq!(book, [(1, "Alice", "+491711234567")]);
}

#[tokio::test]
async fn a_lost_proof_does_not_come_though_the_card_is_written() {
    let lab = lab().await;
    let mut esme = Esme::bound(&lab).await;
    fault(&lab, |f| f.lose_por = 1.0);
    esme.update(MUM, &hex::decode(ALICE).unwrap()).await;
    let (_, second) = esme.submit(MUM, 1).await;
    // The handset works in order: the next thing that comes is the receipt of the message behind the update.
    assert!(esme.delivery().await.1.contains(&format!("id:{second} ")));
    let view = lab
        .carrier()
        .radio(MUM)
        .unwrap()
        .with_phone(|phone| phone.view())
        .await
        .unwrap();
    assert_eq!(view.phone_book.len(), 1);
}
