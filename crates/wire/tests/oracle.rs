//! `rusmpp`, a codec that is not ours, opposite `wire::smpp`: it reads what we write, and what it takes from an SMSC, we take
//! with the same meaning.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusmpp::decode::DecodeWithLength;
use rusmpp::pdus::{DataSm, DeliverSm, SubmitSm};
use rusmpp::{Command, Pdu as Theirs};
use std::cell::Cell;
use wire::smpp::{BindKind, Body, Deliver, Frame, Frames, Pdu, Submit};

/// Reads a PDU as rusmpp does: from command_id on.
fn theirs(octets: &[u8]) -> Option<Command> {
    let rest = octets.get(4..)?;
    let (command, used) = Command::decode(&mut rest.into(), rest.len()).ok()?;
    (used == rest.len()).then_some(command)
}

fn frame(octets: &[u8]) -> Frame {
    let mut frames = Frames::default();
    frames.push(octets);
    frames.take().unwrap().unwrap()
}

type Address = (u8, u8, String);

/// What both sides call a message: source, destination, esm_class, protocol_id, data_coding, short_message.
type Message = (Address, Address, [u8; 3], Vec<u8>);

macro_rules! message_of {
    ($pdu:expr, $protocol_id:expr, $message:expr) => {{
        let pdu = $pdu;
        (
            (
                u8::from(pdu.source_addr_ton),
                u8::from(pdu.source_addr_npi),
                pdu.source_addr.as_str().to_owned(),
            ),
            (
                u8::from(pdu.dest_addr_ton),
                u8::from(pdu.dest_addr_npi),
                pdu.destination_addr.as_str().to_owned(),
            ),
            [
                u8::from(pdu.esm_class),
                $protocol_id,
                u8::from(pdu.data_coding),
            ],
            $message,
        )
    }};
}

fn submitted(pdu: &SubmitSm) -> Message {
    message_of!(pdu, pdu.protocol_id, pdu.short_message().as_ref().to_vec())
}

fn delivered(pdu: &DeliverSm) -> Message {
    message_of!(pdu, pdu.protocol_id, pdu.short_message().as_ref().to_vec())
}

fn sent_as_data(pdu: &DataSm) -> Message {
    message_of!(pdu, 0, Vec::new())
}

/// C octet strings of the standard's lengths, its final zero not counted.
fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(0x20..0x7Fu8, 0..=most).prop_map(|s| String::from_utf8(s).unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    (any::<u8>(), any::<u8>(), text(20))
}

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=most)
}

fn bind() -> impl Strategy<Value = Body> {
    let kind = prop_oneof![
        Just(BindKind::Receiver),
        Just(BindKind::Transmitter),
        Just(BindKind::Transceiver),
    ];
    let addr = any::<(u8, u8)>();
    (kind, text(15), text(8), text(12), addr, text(40)).prop_map(
        |(kind, system_id, password, system_type, addr, address_range)| Body::Bind {
            kind,
            system_id,
            password,
            system_type,
            addr,
            address_range,
        },
    )
}

fn submit() -> impl Strategy<Value = Body> {
    let validity = prop_oneof![Just(String::new()), Just("000000001000000R".to_owned())];
    (
        address(),
        address(),
        any::<[u8; 4]>(),
        validity,
        octets(254),
    )
        .prop_map(
            |(
                source,
                destination,
                [esm_class, protocol_id, registered, data_coding],
                validity,
                message,
            )| {
                Body::Submit(Submit {
                    source,
                    destination,
                    esm_class,
                    protocol_id,
                    validity,
                    registered,
                    data_coding,
                    message,
                })
            },
        )
}

fn sent() -> impl Strategy<Value = Pdu> {
    let body = prop_oneof![
        4 => submit(),
        2 => bind(),
        1 => any::<bool>().prop_map(|data_sm| Body::DeliverResp { data_sm }),
        1 => Just(Body::EnquireLink),
        1 => Just(Body::EnquireLinkResp),
        1 => Just(Body::Unbind),
        1 => Just(Body::UnbindResp),
        1 => Just(Body::GenericNack),
    ];
    (any::<u32>(), any::<u32>(), body).prop_map(|(status, sequence, body)| Pdu {
        status,
        sequence,
        body,
    })
}

/// Whether rusmpp read what we meant.
fn same(ours: &Body, theirs: Option<&Theirs>) -> bool {
    macro_rules! same_bind {
        ($pdu:expr, $body:expr) => {{
            let Body::Bind {
                system_id,
                password,
                system_type,
                addr,
                address_range,
                ..
            } = $body
            else {
                return false;
            };
            ($pdu.system_id.as_str(), $pdu.password.as_str()) == (&system_id[..], &password[..])
                && ($pdu.system_type.as_str(), $pdu.address_range.as_str())
                    == (&system_type[..], &address_range[..])
                && (u8::from($pdu.addr_ton), u8::from($pdu.addr_npi)) == *addr
                && u8::from($pdu.interface_version) == 0x34
        }};
    }
    match (ours, theirs) {
        (Body::Submit(ours), Some(Theirs::SubmitSm(theirs))) => {
            let meant = (
                ours.source.clone(),
                ours.destination.clone(),
                [ours.esm_class, ours.protocol_id, ours.data_coding],
                ours.message.clone(),
            );
            meant == submitted(theirs)
                && theirs.validity_period.as_str() == ours.validity
                && u8::from(theirs.registered_delivery) == ours.registered
                && theirs.tlvs().is_empty()
        }
        (
            Body::Bind {
                kind: BindKind::Receiver,
                ..
            },
            Some(Theirs::BindReceiver(theirs)),
        ) => same_bind!(theirs, ours),
        (
            Body::Bind {
                kind: BindKind::Transmitter,
                ..
            },
            Some(Theirs::BindTransmitter(theirs)),
        ) => same_bind!(theirs, ours),
        (
            Body::Bind {
                kind: BindKind::Transceiver,
                ..
            },
            Some(Theirs::BindTransceiver(theirs)),
        ) => same_bind!(theirs, ours),
        (Body::DeliverResp { data_sm: false }, Some(Theirs::DeliverSmResp(theirs))) => {
            theirs.message_id().is_empty()
        }
        (Body::DeliverResp { data_sm: true }, Some(Theirs::DataSmResp(theirs))) => {
            theirs.message_id().is_empty()
        }
        (Body::EnquireLink, Some(Theirs::EnquireLink))
        | (Body::EnquireLinkResp, Some(Theirs::EnquireLinkResp))
        | (Body::Unbind, Some(Theirs::Unbind))
        | (Body::UnbindResp, Some(Theirs::UnbindResp))
        | (Body::GenericNack, Some(Theirs::GenericNack)) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(Config::with_cases(4000))]

    #[test]
    fn what_we_write_rusmpp_reads_alike(pdu in sent()) {
        let octets = pdu.encode();
        let command = theirs(&octets).expect("rusmpp reads it");
        prop_assert_eq!(u32::from(command.status()), pdu.status);
        prop_assert_eq!(command.sequence_number(), pdu.sequence);
        prop_assert!(same(&pdu.body, command.pdu()), "{command:?}");
    }
}

fn with_zero(text: String) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn addressed() -> impl Strategy<Value = Vec<u8>> {
    address().prop_map(|(ton, npi, text)| [vec![ton, npi], with_zero(text)].concat())
}

/// Known parameters at their standard's size (rusmpp reads no other), and a vendor's.
fn tlvs() -> impl Strategy<Value = Vec<u8>> {
    let fixed = |tag: u16, size: usize| {
        proptest::collection::vec(any::<u8>(), size).prop_map(move |value| (tag, value))
    };
    let one = prop_oneof![
        text(20).prop_map(|id| (0x001E, with_zero(id))),
        octets(20).prop_map(|payload| (0x0424, payload)),
        fixed(0x0427, 1),
        fixed(0x0423, 3),
        fixed(0x020C, 2),
        (0x1400..=0x3FFFu16, octets(20)),
    ];
    let one = one.prop_map(|(tag, value)| {
        let length = u16::try_from(value.len()).unwrap();
        [&tag.to_be_bytes()[..], &length.to_be_bytes(), &value].concat()
    });
    proptest::collection::vec(one, 0..3).prop_map(|all| all.concat())
}

fn time() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![0]),
        Just(with_zero("000000001000000R".to_owned()))
    ]
}

/// The bodies that an SMSC sends, under their command_id.
fn arriving() -> impl Strategy<Value = (u32, Vec<u8>)> {
    let message = octets(255).prop_map(|m| [vec![u8::try_from(m.len()).unwrap()], m].concat());
    let deliver = (
        (
            text(5),
            addressed(),
            addressed(),
            any::<[u8; 3]>(),
            time(),
            time(),
        ),
        (any::<[u8; 4]>(), message, tlvs()),
    )
        .prop_map(
            |((service, from, to, a, schedule, validity), (b, message, tlvs))| {
                let parts = [
                    with_zero(service),
                    from,
                    to,
                    a.to_vec(),
                    schedule,
                    validity,
                    b.to_vec(),
                    message,
                    tlvs,
                ];
                (0x05, parts.concat())
            },
        );
    let data = (text(5), addressed(), addressed(), any::<[u8; 3]>(), tlvs()).prop_map(
        |(service, from, to, fields, tlvs)| {
            (
                0x0103,
                [with_zero(service), from, to, fields.to_vec(), tlvs].concat(),
            )
        },
    );
    let answers = [
        0x8000_0001,
        0x8000_0002,
        0x8000_0009,
        0x8000_0004,
        0x8000_0103,
        0x8000_0005,
    ];
    let answer = (proptest::sample::select(answers.to_vec()), text(15), tlvs())
        .prop_map(|(command, id, tlvs)| (command, [with_zero(id), tlvs].concat()));
    let bare = [0x15, 0x8000_0015, 0x06, 0x8000_0006, 0x8000_0000];
    let bare = proptest::sample::select(bare.to_vec()).prop_map(|command| (command, Vec::new()));
    prop_oneof![5 => deliver, 3 => data, 2 => answer, 1 => bare]
}

/// One that may have been spoilt on the way: an octet changed, or the end cut off.
fn spoilt() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let spoil = proptest::option::of((any::<proptest::sample::Index>(), any::<Option<u8>>()));
    (arriving(), any::<u32>(), any::<u32>(), spoil).prop_map(
        |((command, mut body), status, sequence, spoil)| {
            let whole = spoil.is_none();
            match spoil {
                Some((at, Some(octet))) if !body.is_empty() => {
                    let at = at.index(body.len());
                    body[at] = octet;
                }
                Some((at, None)) if !body.is_empty() => body.truncate(at.index(body.len())),
                _ => {}
            }
            let length = u32::try_from(16 + body.len()).unwrap();
            let mut pdu: Vec<u8> = [length, command, status, sequence]
                .iter()
                .flat_map(|word| word.to_be_bytes())
                .collect();
            pdu.extend(body);
            (pdu, whole)
        },
    )
}

/// Ours, with the message as it stood in short_message: what rusmpp keeps apart.
fn read(ours: &Deliver, tlvs_only: bool) -> Message {
    let payload = tlvs_only || ours.tlvs.get(0x0424) == Some(&ours.message[..]);
    (
        ours.source.clone(),
        ours.destination.clone(),
        [ours.esm_class, ours.protocol_id, ours.data_coding],
        if payload {
            Vec::new()
        } else {
            ours.message.clone()
        },
    )
}

/// The message of a spoilt PDU is left out: its parameters may be cut otherwise, and one of them may be the message.
fn alike(ours: Message, theirs: Message, whole: bool) -> Result<(), TestCaseError> {
    prop_assert_eq!((&ours.0, &ours.1, ours.2), (&theirs.0, &theirs.1, theirs.2));
    prop_assert!(!whole || ours.3 == theirs.3, "{:?} {:?}", ours.3, theirs.3);
    Ok(())
}

#[test]
fn what_rusmpp_takes_from_an_smsc_we_take_alike() {
    let taken = Cell::new(0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(6000)
    });
    let outcome = runner.run(&spoilt(), |(octets, whole)| {
        // A header without a body is no PDU to rusmpp either, but no error.
        let command = theirs(&octets).filter(|command| command.pdu().is_some());
        let Some(command) = command else {
            return Ok(());
        };
        taken.set(taken.get() + 1);
        let ours = match Pdu::decode(&frame(&octets)) {
            Ok(ours) => ours,
            // rusmpp reads a parameter of a fixed size whatever its length says; past the end, we do not.
            Err(no) if !whole && no.why.starts_with("an optional parameter") => return Ok(()),
            Err(no) => return Err(TestCaseError::fail(no.why)),
        };
        prop_assert_eq!(ours.status, u32::from(command.status()));
        prop_assert_eq!(ours.sequence, command.sequence_number());
        match (&ours.body, command.pdu()) {
            (Body::Deliver(ours), Some(Theirs::DeliverSm(theirs))) => {
                alike(read(ours, false), delivered(theirs), whole)?;
                prop_assert!(!whole || ours.tlvs.0.len() == theirs.tlvs().len());
            }
            (Body::Deliver(ours), Some(Theirs::DataSm(theirs))) => {
                alike(read(ours, true), sent_as_data(theirs), whole)?;
                prop_assert!(!whole || ours.tlvs.0.len() == theirs.tlvs().len());
            }
            (Body::SubmitResp { message_id }, Some(Theirs::SubmitSmResp(theirs))) => {
                prop_assert_eq!(
                    message_id.as_deref().unwrap_or_default(),
                    theirs.message_id().as_str()
                );
            }
            (Body::BindResp { system_id }, Some(Theirs::BindReceiverResp(theirs))) => {
                prop_assert_eq!(&system_id[..], theirs.system_id.as_str());
            }
            (Body::BindResp { system_id }, Some(Theirs::BindTransmitterResp(theirs))) => {
                prop_assert_eq!(&system_id[..], theirs.system_id.as_str());
            }
            (Body::BindResp { system_id }, Some(Theirs::BindTransceiverResp(theirs))) => {
                prop_assert_eq!(&system_id[..], theirs.system_id.as_str());
            }
            (Body::Deliver(_), _)
            | (Body::SubmitResp { .. }, Some(_))
            | (Body::BindResp { .. }, Some(_)) => {
                prop_assert!(false, "{ours:?} {command:?}");
            }
            _ => {}
        }
        Ok(())
    });
    outcome.unwrap();
    // Else the test would say nothing.
    assert!(taken.get() > 1000, "rusmpp took {} of them", taken.get());
}
