//! What becomes of offers: single decisions, and every order of a handful of happenings.

use super::*;
use crate::network::Health;
use crate::{Class, PartRef, ShipmentId};

const GATEWAY: &str = "carrier";
const SLICE: u8 = 9;

fn part(n: u64) -> Target {
    Target::Part(PartRef {
        shipment: ShipmentId(u64::from(SLICE) << 55 | n),
        packet: 1,
        part: 1,
        sending: 1,
    })
}

fn offer(epoch: u64, owner: Option<u64>, target: Target) -> Offer {
    Offer {
        gateway: GATEWAY.into(),
        epoch,
        node: NodeId(2),
        target,
        lane: Lane::Interactive,
        owner,
    }
}

fn table(window: u32) -> NetworkTable {
    let row = GatewayRow {
        state: Health::Up,
        window: (0, window),
        ..GatewayRow::default()
    };
    let mut table = NetworkTable::default();
    table.gateways.insert(GATEWAY.into(), row);
    table
}

fn accepted(target: &Target) -> Event {
    Event::Accepted {
        target: target.clone(),
        gateway: GATEWAY.into(),
        message_id: Some("m".into()),
    }
}

/// What a node that holds the bind at `mine` sees, with the shipment's slice at `owner`.
fn look(
    offers: &mut Offers,
    lie: &[(String, Offer)],
    mine: Option<u64>,
    owner: u64,
    now: u64,
) -> Vec<Step> {
    let held = mine.map(|epoch| (GATEWAY.to_owned(), epoch));
    let view = View {
        held: &held.into_iter().collect(),
        owners: &[(SLICE, owner)].into(),
        table: &table(10),
        now,
    };
    offers.look(lie, view)
}

#[test]
fn the_slice_of_a_name_never_changes() {
    let names = ["", "a", "carrier", "carrier-2", "中国移动"];
    assert_eq!(names.map(slice_of), [197, 237, 24, 61, 150]);
}

#[test]
fn verdicts() {
    for (epoch, mine, offered, owner, taken, verdict_is) in [
        (3, Some(3), Some(5), Some(5), false, Verdict::Send),
        (3, Some(3), None, Some(5), false, Verdict::Send),
        (3, Some(3), Some(5), Some(5), true, Verdict::Leave),
        (3, None, Some(5), Some(5), false, Verdict::Leave),
        (4, Some(3), Some(5), Some(5), false, Verdict::Leave),
        (2, Some(3), Some(5), Some(5), false, Verdict::Unknown),
        (2, Some(3), Some(5), Some(5), true, Verdict::Unknown),
        (2, Some(3), None, None, false, Verdict::Unknown),
        (3, Some(3), Some(5), Some(6), false, Verdict::Gone),
        (3, Some(3), Some(5), None, false, Verdict::Gone),
        // Sent already: the new owner hears what came of it.
        (3, Some(3), Some(5), Some(6), true, Verdict::Leave),
        (2, Some(3), Some(5), Some(6), false, Verdict::Gone),
    ] {
        let found = verdict(&offer(epoch, offered, part(1)), mine, owner, taken);
        assert_eq!(
            found, verdict_is,
            "{epoch} {mine:?} {offered:?} {owner:?} {taken}"
        );
    }
}

#[test]
fn a_text_is_removed_and_nobody_hears() {
    let mut offers = Offers::default();
    let text = Target::Notice { id: 1, part: 1 };
    let lie = [("k".to_owned(), offer(3, None, text.clone()))];
    assert_eq!(lie[0].1.slice(), slice_of(GATEWAY));
    let sent = look(&mut offers, &lie, Some(3), 0, 0);
    assert_eq!(sent, [Step::Send("k".into())]);
    assert!(offers.heard(&accepted(&text)));
    let over = Answered {
        key: "k".into(),
        slice: slice_of(GATEWAY),
        event: None,
    };
    assert_eq!(offers.answers(), [over]);
}

#[test]
fn no_more_is_taken_than_there_is_room_for_and_interactive_goes_further() {
    let mut lie = Vec::new();
    for (lane, name) in [(Lane::Interactive, "0"), (Lane::Bulk, "1")] {
        for n in 0..500 {
            let offer = Offer {
                lane,
                ..offer(3, Some(5), part(n))
            };
            lie.push((format!("{name}{n:03}"), offer));
        }
    }
    let mut offers = Offers::default();
    let steps = look(&mut offers, &lie[500..], Some(3), 5, 0);
    assert_eq!(steps.len(), 52, "twice the window, and what keeps it busy");
    let steps = look(&mut offers, &lie, Some(3), 5, 0);
    assert_eq!(steps.len(), 52, "interactive goes twice as far");
    assert!(matches!(&steps[0], Step::Send(key) if key == "0000"));
    // An answer makes room.
    for n in 0..60 {
        offers.heard(&accepted(&part(n)));
    }
    assert!(!look(&mut offers, &lie, Some(3), 5, 0).is_empty());
}

#[test]
fn a_gateway_that_takes_nothing_is_offered_nothing() {
    let mut offers = Offers::default();
    let mut down = table(10);
    down.gateways.get_mut(GATEWAY).unwrap().state = Health::Down;
    let view = View {
        held: &[(GATEWAY.to_owned(), 3)].into(),
        owners: &[(SLICE, 5)].into(),
        table: &down,
        now: 0,
    };
    let text = offer(3, None, Target::Notice { id: 1, part: 1 });
    let lie = [
        ("k".to_owned(), offer(3, Some(5), part(1))),
        ("t".to_owned(), text),
    ];
    assert_eq!(offers.look(&lie, view), []);
    assert_eq!(offers.look(&lie, View { now: 9_999, ..view }), []);
    let steps = offers.look(
        &lie,
        View {
            now: 10_000,
            ..view
        },
    );
    assert!(
        matches!(&steps[..], [Step::Answer(over)] if matches!(&over.event, Some(Event::Refused { class: Class::Temporary, .. }))),
        "given back unsent; a text waits on: {steps:?}"
    );
    // Up again for a moment: the waiting begins anew.
    assert_eq!(
        offers.look(
            &lie[..1],
            View {
                now: 11_000,
                ..view
            }
        ),
        []
    );
    offers.look(
        &[],
        View {
            now: 12_000,
            ..view
        },
    );
    assert_eq!(
        offers.look(
            &lie[..1],
            View {
                now: 21_500,
                ..view
            }
        ),
        []
    );
}

#[test]
fn what_was_not_sent_is_taken_anew() {
    let mut offers = Offers::default();
    let lie = [("k".to_owned(), offer(3, Some(5), part(1)))];
    assert_eq!(look(&mut offers, &lie, Some(3), 5, 0).len(), 1);
    assert_eq!(look(&mut offers, &lie, Some(3), 5, 0), []);
    let not_sent = Event::NotSent {
        target: part(1),
        gateway: GATEWAY.into(),
    };
    assert!(offers.heard(&not_sent));
    assert_eq!(look(&mut offers, &lie, Some(3), 5, 0).len(), 1);
}

#[test]
fn what_its_maker_hears_nothing_of_is_unknown_after_a_while() {
    let mut offers = Offers::default();
    let made = offer(3, Some(5), part(1));
    offers.made("k".into(), &made, 1_000);
    let lie = [("k".to_owned(), made)];
    assert_eq!(look(&mut offers, &lie, None, 5, 600_999), []);
    let steps = look(&mut offers, &lie, None, 5, 601_000);
    assert!(
        matches!(&steps[..], [Step::Answer(over)] if matches!(over.event, Some(Event::NoAnswer { .. })))
    );
    assert_eq!(offers.done(GATEWAY), [0, 0]);
    assert_eq!(look(&mut offers, &[], None, 5, 601_000), []);
    assert_eq!(offers.done(GATEWAY), [1, 0], "there is room again");
}

#[test]
fn somebody_elses_answer_is_not_taken_for_one() {
    let mut offers = Offers::default();
    assert!(!offers.heard(&accepted(&part(1))));
    let lie = [("k".to_owned(), offer(3, Some(5), part(1)))];
    look(&mut offers, &lie, Some(3), 5, 0);
    assert!(!offers.heard(&accepted(&part(2))));
    let other = Event::Refused {
        target: part(1),
        gateway: "another".into(),
        status: 1,
        class: Class::Ours,
        reason: String::new(),
    };
    assert!(!offers.heard(&other));
    assert!(offers.heard(&accepted(&part(1))));
}

/// What may happen, in any order.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// This node looks, if it lives.
    Looks(usize),
    /// The gateway answers what the holder sent.
    Answers,
    /// The line of the holder throws away what it took.
    Throws,
    /// What is answered is written down, by this node.
    Writes(usize),
    /// The gateway's slice moves to the other node; the first one knows it, or sleeps.
    Moves,
    /// The first holder dies.
    Dies,
    /// The shipment's slice gets another owner.
    OwnerGoes,
}

#[derive(Debug, Clone)]
struct World {
    /// At which epoch each node believes to hold the bind.
    holds: [Option<u64>; 2],
    owner: u64,
    lies: bool,
    /// How often the offer was handed to the carrier.
    sent: u32,
    /// By whom it is under way.
    flying: Option<usize>,
    heard: Vec<Event>,
}

/// Protocol 6: in every order of what may happen, an offer is handed to the carrier once at most, it never stays, and its
/// owner hears an outcome or is another one by then.
#[test]
fn an_offer_is_sent_once_at_most_and_its_owner_hears() {
    use Happens::{Answers, Dies, Looks, Moves, OwnerGoes, Throws, Writes};
    const ALL: [Happens; 9] = [
        Looks(0),
        Looks(1),
        Answers,
        Throws,
        Writes(0),
        Writes(1),
        Moves,
        Dies,
        OwnerGoes,
    ];
    const DEEP: u32 = 6;
    let lie = ("k".to_owned(), offer(1, Some(5), part(1)));
    let mut fates = BTreeMap::new();
    for number in 0..9_usize.pow(DEEP) {
        let order = (0..DEEP).map(|n| ALL[number / 9_usize.pow(n) % 9]);
        let order: Vec<_> = order.collect();
        let mut world = World {
            holds: [Some(1), None],
            owner: 5,
            lies: true,
            sent: 0,
            flying: None,
            heard: Vec::new(),
        };
        let mut nodes = [Offers::default(), Offers::default()];
        let mut alive = [true, true];
        // In the end somebody holds the bind, and everything that is under way comes to its end.
        let end = [Moves, Answers, Writes(0), Looks(1), Answers, Writes(1)];
        for happens in order.iter().copied().chain(end) {
            match happens {
                Looks(n) if alive[n] => {
                    let lies: Vec<_> = world.lies.then(|| lie.clone()).into_iter().collect();
                    for step in look(&mut nodes[n], &lies, world.holds[n], world.owner, 0) {
                        match step {
                            Step::Send(_) => {
                                world.sent += 1;
                                world.flying = Some(n);
                            }
                            Step::Answer(over) => {
                                world.heard.extend(over.event);
                                world.lies = false;
                            }
                        }
                    }
                }
                Answers => {
                    if let Some(n) = world.flying.take() {
                        nodes[n].heard(&accepted(&part(1)));
                    }
                }
                Throws => {
                    if let Some(n) = world.flying.take() {
                        // It was not handed over after all.
                        world.sent -= 1;
                        nodes[n].heard(&Event::NotSent {
                            target: part(1),
                            gateway: GATEWAY.into(),
                        });
                    }
                }
                Writes(n) if alive[n] => {
                    for over in nodes[n].answers() {
                        world.heard.extend(over.event);
                        world.lies = false;
                        nodes[n].written(&over.key);
                    }
                }
                Moves if world.holds[1].is_none() => world.holds = [None, Some(2)],
                Dies => {
                    alive[0] = false;
                    // Nobody hears what the gateway answers it.
                    if world.flying == Some(0) {
                        world.flying = None;
                    }
                }
                OwnerGoes => world.owner = 6,
                Looks(_) | Writes(_) | Moves => {}
            }
            assert!(world.sent <= 1, "sent twice: {order:?}");
        }
        assert!(!world.lies, "it stays: {order:?}");
        assert!(
            !world.heard.is_empty() || world.owner == 6,
            "its owner hears nothing: {order:?}"
        );
        *fates.entry((world.sent, world.heard.len())).or_insert(0) += 1;
    }
    // The orders came to different ends: sent and heard, never sent, sent by one who died.
    assert!(fates.len() >= 3, "{fates:?}");
}
