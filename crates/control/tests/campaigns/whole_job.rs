//! The whole job: a group changed once is on every member's card.

use super::*;
use control::Settings;
use delivery::{CampaignState, Event, Policy, Target};
use lab::card::{Card, CardKind};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::Store;
use tokio::sync::mpsc;

type Cards = Arc<Mutex<BTreeMap<String, Card>>>;

fn card(n: u64) -> Card {
    let (kic, kid) = (hex::decode(KIC).unwrap(), hex::decode(KID).unwrap());
    let kind = CardKind::named("sim-28x50").unwrap();
    Card::new(kind, &iccid(n), &kic, &kid).unwrap()
}

/// Control with its engine, its campaigns, and a carrier of three lines.
fn world(cards: &Cards) -> Control {
    let (outbound, mut sent) = mpsc::unbounded_channel::<delivery::Outbound>();
    let (events, inbox) = mpsc::channel(1000);
    let settings = Settings {
        policy: Policy {
            quiet: 0,
            longest: 0,
            proof_wait: 50,
            proof_wait_most: 200,
            gateway_wait: 20,
            validity_s: 60,
        },
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let store = Store::memory().unwrap();
    let control = Control::new(store, key, settings, outbound, Default::default);
    let phones = Arc::clone(cards);
    tokio::spawn(async move {
        while let Some(message) = sent.recv().await {
            let Target::Part(_) = message.target else {
                continue;
            };
            let accepted = Event::Accepted {
                target: message.target,
                gateway: "test".into(),
                message_id: None,
            };
            let _ = events.send(accepted).await;
            let answer = {
                let mut phones = phones.lock().unwrap();
                let card = phones.get_mut(&message.destination).unwrap();
                card.receive("12345", &message.user_data)
            };
            for user_data in answer.por {
                let por = Event::Mobile {
                    gateway: "test".into(),
                    from: message.destination.clone(),
                    to: "12345".into(),
                    udhi: true,
                    pid: 0x7F,
                    dcs: 0xF6,
                    user_data,
                    ack: 1,
                };
                let _ = events.send(por).await;
            }
        }
    });
    let engine = control.clone();
    tokio::spawn(async move {
        let never = std::future::pending();
        engine.run(inbox, Box::new(|_, _| {}), never).await;
    });
    let campaigns = control.clone();
    tokio::spawn(async move { campaigns.run_campaigns(std::future::pending()).await });
    control
}

async fn until(control: &Control, no: CampaignNo, state: CampaignState) -> Campaign {
    let mut events = control.subscribe();
    let wait = async {
        loop {
            let now = campaign(control, no).await;
            if now.state == state {
                return now;
            }
            let _ = events.recv().await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, wait).await.unwrap()
}

/// What is on each card, decoded from its file.
fn phones(cards: &Cards) -> Vec<Vec<(String, String)>> {
    let cards = cards.lock().unwrap();
    let book = |card: &Card| {
        let mut book: Vec<_> = lab::handset::book::read(card)
            .into_iter()
            .map(|(_, shown)| (shown.name, shown.number))
            .collect();
        book.sort();
        book
    };
    cards.values().map(book).collect()
}

#[tokio::test]
async fn a_group_changed_once_reaches_every_card_and_comes_back() {
    const MEMBERS: u64 = 5;
    let cards: Cards = Arc::new(Mutex::new(
        (0..MEMBERS).map(|n| (number(n), card(n))).collect(),
    ));
    let control = world(&cards);
    let group = group(&control).await;
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        members.push(member(&control, n).await);
    }
    join(&control, group, &members).await;
    let (nurse, no) = edit(&control, group, add("Night nurse", "07700 900900")).await;
    control.start_campaign(right(), no, None).await.unwrap();
    let done = until(&control, no, CampaignState::Done).await;
    assert_eq!((done.progress.proven, done.progress.failed), (MEMBERS, 0));
    let nurse_at = |number: &str| vec![("Night nurse".to_owned(), number.to_owned())];
    assert_eq!(phones(&cards), vec![nurse_at("+447700900900"); 5]);

    // The estimate: one message a card, planned for real.
    let (_, no) = edit(&control, group, renumber(nurse, "07700 900901")).await;
    let planned = campaign(&control, no).await;
    let estimate = control.estimate(&planned, None).await.unwrap();
    assert_eq!((estimate.terminals, estimate.messages), (MEMBERS, MEMBERS));
    assert_eq!(phones(&cards), vec![nurse_at("+447700900900"); 5]);
    control.start_campaign(right(), no, None).await.unwrap();
    until(&control, no, CampaignState::Done).await;
    assert_eq!(phones(&cards), vec![nurse_at("+447700900901"); 5]);

    let back = control.cancel_campaign(right(), no).await.unwrap();
    until(&control, back.no, CampaignState::Done).await;
    assert_eq!(phones(&cards), vec![nurse_at("+447700900900"); 5]);

    // One who leaves loses it, and nobody else.
    leave(&control, group, &members[..1]).await;
    let mut events = control.subscribe();
    let gone = async {
        while phones(&cards).iter().filter(|book| book.is_empty()).count() != 1 {
            let _ = events.recv().await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, gone).await.unwrap();
    for of in members {
        let broken = control.audit(of).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }
}
