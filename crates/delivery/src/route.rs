//! Which gateway a message goes by: prefix, health, room, weight. Pure: the network state table goes in, and chance
//! with it.

use crate::breaker::Circuit;
use crate::network::{GatewayRow, Health, NetworkTable};
use crate::{Lane, Outbound, Target};

/// A gateway that is slow gets this part of its weight.
const SLOW: f64 = 0.25;
/// And one that reaches a network badly at least this part: else it would never be seen to reach it again.
const LEAST: f64 = 0.05;

/// What is configured of a gateway for routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub gateway: String,
    /// The beginnings of the numbers that it takes (`+44`); empty = any number.
    pub prefixes: Vec<String>,
    /// Its share among those that take the same number as well; 0 = only when no other can.
    pub weight: u32,
    /// How much of its weight counts for bulk, of a hundred; 0 = no bulk by it.
    pub bulk_share: u32,
}

impl Route {
    /// How much of the number its longest prefix covers; none when it does not take it.
    pub fn reach(&self, destination: &str) -> Option<usize> {
        if self.prefixes.is_empty() {
            return Some(0);
        }
        let prefixes = self.prefixes.iter();
        let fitting = prefixes.filter(|prefix| destination.starts_with(prefix.as_str()));
        fitting.map(String::len).max()
    }

    fn weight(&self, lane: Lane) -> Option<f64> {
        match lane {
            Lane::Interactive => Some(f64::from(self.weight)),
            Lane::Bulk if self.bulk_share == 0 => None,
            Lane::Bulk => Some(f64::from(self.weight) * f64::from(self.bulk_share) / 100.0),
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// By the gateway of this place in the routes.
    By(usize),
    /// It waits at the router until one can take it.
    Wait {
        /// When an open circuit lets one message try, ms UTC; none when only news can help.
        until: Option<i64>,
    },
    /// No gateway that is configured takes this number.
    Nobody,
}

/// Chooses among `routes`, whose rows stand in `table`.
///
/// The longest prefix wins; gateways with a shorter one take over only when all of it are out (down, paused, circuit
/// open). Among equals a gateway that `had` the message before goes on with it: its receipts come there, and parts from
/// two addresses are never joined by a terminal. Else `chance` (0 ≤ chance < 1) decides by weight. A gateway that is
/// full is passed by, but is no reason to use a shorter prefix.
pub fn route(
    table: &NetworkTable,
    routes: &[Route],
    destination: &str,
    lane: Lane,
    had: Option<usize>,
    chance: f64,
) -> Choice {
    let fitting = routes.iter().enumerate().filter_map(|(place, route)| {
        let weight = route.weight(lane)?;
        Some((route.reach(destination)?, place, route, weight))
    });
    let mut fitting: Vec<_> = fitting.collect();
    if fitting.is_empty() {
        return Choice::Nobody;
    }
    fitting.sort_by_key(|(reach, place, ..)| (std::cmp::Reverse(*reach), *place));
    let mut until: Option<i64> = None;
    for level in fitting.chunk_by(|a, b| a.0 == b.0) {
        let mut open = Vec::new();
        for (_, place, route, weight) in level {
            let Some(row) = table.gateways.get(&route.gateway) else {
                continue;
            };
            if takes(row) {
                open.push((*place, row, weight * fitness(row, destination)));
            } else if let Circuit::Open { until: then } = row.circuit {
                until = Some(until.map_or(then, |before| before.min(then)));
            }
        }
        if open.is_empty() {
            continue;
        }
        if let Some(had) = had.filter(|had| open.iter().any(|(place, ..)| place == had)) {
            return Choice::By(had);
        }
        open.retain(|(_, row, _)| row.room(lane));
        let weights: Vec<_> = open.iter().map(|(_, _, weight)| *weight).collect();
        return match by_weight(&weights, chance).and_then(|at| open.get(at)) {
            Some((place, ..)) => Choice::By(*place),
            None => Choice::Wait { until: None },
        };
    }
    Choice::Wait { until }
}

/// Whether messages go by this gateway at all; half open, one does.
pub fn takes(row: &GatewayRow) -> bool {
    matches!(row.state, Health::Up | Health::Slow)
        && matches!(
            row.circuit,
            Circuit::Closed | Circuit::HalfOpen { trying: false }
        )
}

/// How good it is now, 0–1.
fn fitness(row: &GatewayRow, destination: &str) -> f64 {
    let health = if row.state == Health::Slow { SLOW } else { 1.0 };
    let weak = row.weak.iter();
    let weak = weak.filter(|(prefix, _)| destination.starts_with(prefix.as_str()));
    let arrived = weak.max_by_key(|(prefix, _)| prefix.len());
    health * arrived.map_or(1.0, |(_, share)| share.max(LEAST))
}

/// The place whose part of the sum `chance` falls into.
fn by_weight(weights: &[f64], chance: f64) -> Option<usize> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return weights.first().map(|_| 0);
    }
    let mut rest = chance.clamp(0.0, 1.0) * sum;
    let mut last = None;
    for (place, weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        last = Some(place);
        if rest < *weight {
            break;
        }
        rest -= weight;
    }
    last
}

/// The chance of a message: the same for all parts and all sendings of its packet, also after a restart; over packets
/// in a row as even as can be (multiples of the golden ratio, Knuth, TAOCP 3 §6.4).
pub fn chance(message: &Outbound) -> f64 {
    let key = match &message.target {
        Target::Part(part) => part.shipment.0.wrapping_add(u64::from(part.packet)),
        Target::Notice { id, .. } => *id,
    };
    let turned = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // 53 bits are what a float holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let part = (turned >> 11) as f64 / (1_u64 << 53) as f64;
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NetworkRow;

    /// `name prefixes weight bulk_share`, prefixes by commas, `-` for any.
    fn routes(lines: &[&str]) -> Vec<Route> {
        let read = |line: &&str| {
            let words: Vec<_> = line.split(' ').collect();
            Route {
                gateway: words[0].into(),
                prefixes: match words[1] {
                    "-" => Vec::new(),
                    prefixes => prefixes.split(',').map(String::from).collect(),
                },
                weight: words[2].parse().unwrap(),
                bulk_share: words[3].parse().unwrap(),
            }
        };
        lines.iter().map(read).collect()
    }

    /// All up, then `changes` as `name state`.
    fn table(routes: &[Route], changes: &[&str]) -> NetworkTable {
        let mut table = NetworkTable::default();
        for route in routes {
            let row = GatewayRow {
                state: Health::Up,
                window: (0, 10),
                ..GatewayRow::default()
            };
            table.gateways.insert(route.gateway.clone(), row);
        }
        for change in changes {
            let (name, how) = change.split_once(' ').unwrap();
            let row = table.gateways.get_mut(name).unwrap();
            match how {
                "down" => row.state = Health::Down,
                "paused" => row.state = Health::Paused,
                "slow" => row.state = Health::Slow,
                "full" => row.queued = 52,
                "open" => row.circuit = Circuit::Open { until: 7_000 },
                "half" => row.circuit = Circuit::HalfOpen { trying: false },
                "trying" => row.circuit = Circuit::HalfOpen { trying: true },
                "weak" => drop(row.weak.insert("+86".into(), 0.0)),
                other => panic!("{other}"),
            }
        }
        table
    }

    #[derive(Debug, Clone, Copy)]
    enum Had {
        No,
        B,
    }

    #[track_caller]
    fn check(lines: &[&str], changes: &[&str], to: &str, lane: Lane, had: Had, expected: &str) {
        let routes = routes(lines);
        let table = table(&routes, changes);
        let mut shares = vec![0; routes.len()];
        let had = match had {
            Had::No => None,
            Had::B => Some(1),
        };
        let mut last = String::new();
        for turn in 0..1_000_u32 {
            let chance = (f64::from(turn) * 0.618_033_988_75).fract();
            match route(&table, &routes, to, lane, had, chance) {
                Choice::By(place) => shares[place] += 1,
                other => last = format!("{other:?}"),
            }
        }
        if last.is_empty() {
            let shares: Vec<_> = shares.iter().map(|s| ((s + 5) / 10).to_string()).collect();
            last = shares.join(" ");
        }
        assert_eq!(last, expected, "{lines:?} {changes:?} {to}");
    }

    const UK: &str = "+447700900101";
    const CN: &str = "+8613900001234";
    use Lane::{Bulk, Interactive};

    #[test]
    fn the_longest_prefix_wins_and_a_shorter_one_takes_over_when_it_is_out() {
        let ab = &["a +44 1 100", "b - 1 100"];
        for (changes, to, expected) in [
            (&[][..], UK, "100 0"),
            (&[], CN, "0 100"),
            (&["a down"], UK, "0 100"),
            (&["a paused"], UK, "0 100"),
            (&["a open"], UK, "0 100"),
            // Full is no reason for the other's price.
            (&["a full"], UK, "100 0"),
            (&["b down"], CN, "Wait { until: None }"),
            (&["b open"], CN, "Wait { until: Some(7000) }"),
            (&["a open", "b down"], UK, "Wait { until: Some(7000) }"),
        ] {
            check(ab, changes, to, Interactive, Had::No, expected);
        }
        check(ab, &["a full"], UK, Bulk, Had::No, "Wait { until: None }");
        let only = &["a +44,+1 1 100", "b +447 1 100"];
        check(only, &[], UK, Interactive, Had::No, "0 100");
        check(only, &[], "+12025550101", Interactive, Had::No, "100 0");
        check(only, &[], CN, Interactive, Had::No, "Nobody");
        check(&[], &[], UK, Interactive, Had::No, "Nobody");
    }

    #[test]
    fn weights_are_kept_and_health_changes_them() {
        let abc = &["a - 5 100", "b - 3 100", "c - 2 100"];
        for (changes, expected) in [
            (&[][..], "50 30 20"),
            (&["c down"], "63 37 0"),
            (&["a slow"], "20 48 32"),
            (&["a trying"], "0 60 40"),
            (&["a half"], "50 30 20"),
            (
                &["a down", "b open", "c paused"],
                "Wait { until: Some(7000) }",
            ),
        ] {
            check(abc, changes, UK, Interactive, Had::No, expected);
        }
        // One that reaches a network badly is hardly used for it, and for others as ever.
        check(abc, &["a weak"], CN, Interactive, Had::No, "5 57 38");
        check(abc, &["a weak"], UK, Interactive, Had::No, "50 30 20");
        check(abc, &["a full"], UK, Bulk, Had::No, "0 60 40");
        check(abc, &["a full"], UK, Interactive, Had::No, "50 30 20");
    }

    #[test]
    fn weight_nought_is_for_when_no_other_can_and_bulk_has_its_own_share() {
        let spare = &["a - 1 100", "b - 0 100"];
        check(spare, &[], UK, Interactive, Had::No, "100 0");
        check(spare, &["a down"], UK, Interactive, Had::No, "0 100");
        let shares = &["a - 1 0", "b - 1 50", "c - 1 100"];
        check(shares, &[], UK, Interactive, Had::No, "33 33 33");
        check(shares, &[], UK, Bulk, Had::No, "0 33 67");
        check(&["a - 1 0"], &[], UK, Bulk, Had::No, "Nobody");
    }

    #[test]
    fn a_packet_stays_with_the_gateway_that_had_it_while_that_one_takes_messages() {
        let ab = &["a - 9 100", "b - 1 100"];
        for (changes, expected) in [
            (&[][..], "0 100"),
            (&["b slow"], "0 100"),
            (&["b full"], "0 100"),
            (&["b down"], "100 0"),
            (&["b open"], "100 0"),
            (&["b trying"], "100 0"),
        ] {
            check(ab, changes, UK, Interactive, Had::B, expected);
        }
    }

    #[test]
    fn parts_and_sendings_of_a_packet_have_one_chance_and_packets_in_a_row_are_even() {
        let message = |shipment, packet, part, sending| Outbound {
            target: Target::Part(crate::PartRef {
                shipment: crate::ShipmentId(shipment),
                packet,
                part,
                sending,
            }),
            lane: Interactive,
            destination: UK.into(),
            udhi: true,
            pid: 0x7F,
            dcs: 0xF6,
            user_data: Vec::new(),
            validity_s: None,
            fence: None,
            by: None,
        };
        assert_eq!(chance(&message(9, 1, 1, 1)), chance(&message(9, 1, 2, 7)));
        assert_ne!(chance(&message(9, 1, 1, 1)), chance(&message(9, 2, 1, 1)));
        // Among any hundred in a row, each tenth gets its ten, one more or less or two.
        for first in [0, 12_345, u64::MAX - 50] {
            let mut tenths = [0; 10];
            for step in 0..100 {
                let chance = chance(&message(first.wrapping_add(step), 1, 1, 1));
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let tenth = (chance * 10.0) as usize;
                tenths[tenth] += 1;
            }
            assert!(tenths.iter().all(|n| (8..=12).contains(n)), "{tenths:?}");
        }
    }

    #[test]
    fn a_network_in_trouble_is_tried_again_later() {
        let rows = [
            ((0, 0, 0), None),
            ((0, 19, 0), None),
            ((100, 0, 0), None),
            ((60, 40, 0), None),
            ((40, 30, 30), Some(15 * 60_000)),
            ((5, 5, 90), Some(60 * 60_000)),
        ];
        for ((arrived, failed, absent), expected) in rows {
            let mut row = NetworkRow::default();
            let minute = std::sync::Arc::make_mut(&mut row.history).at(0);
            (minute.arrived, minute.failed, minute.absent) = (arrived, failed, absent);
            let mut table = NetworkTable::default();
            table.networks.insert("+86".into(), row);
            assert_eq!(table.retry_after(CN, Bulk, 1_000), expected);
            assert_eq!(table.retry_after(UK, Bulk, 1_000), None);
            // What somebody waits for keeps to its own schedule.
            assert_eq!(table.retry_after(CN, Interactive, 1_000), None);
            // What was an hour ago says nothing.
            assert_eq!(table.retry_after(CN, Bulk, 3_600_000), None);
            // Whatever the wall clock was set to.
            for ahead in [-3_600_000, 3_600_000] {
                table.ahead = ahead;
                assert_eq!(table.retry_after(CN, Bulk, ahead + 1_000), expected);
                assert_eq!(table.retry_after(CN, Bulk, ahead + 3_600_000), None);
            }
        }
    }

    #[test]
    fn bulk_leaves_room_for_what_somebody_waits_for_and_a_slow_pace_takes_few() {
        let row = |queued, pace| GatewayRow {
            queued,
            pace,
            window: (0, 10),
            ..GatewayRow::default()
        };
        for (queued, pace, bulk, interactive) in [
            (0, None, true, true),
            (51, None, true, true),
            (52, None, false, true),
            (104, None, false, false),
            (9, Some(5.0), true, true),
            (10, Some(5.0), false, true),
            (20, Some(5.0), false, false),
            (0, Some(0.1), true, true),
            (1, Some(0.1), false, true),
        ] {
            let row = row(queued, pace);
            assert_eq!((row.room(Bulk), row.room(Interactive)), (bulk, interactive));
        }
    }
}
