//! “Needs you”: at most seven lines, worst first, each with what, since when, how many owners, and one action.

use super::count;
use crate::locale::Words;
use crate::page::clock;
use control::{Alarm, Control, Wrong};
use delivery::alert::What;
use delivery::network::Health;
use store::StoreError;

/// The most lines.
const LINES: usize = 7;
/// The most terminals that have a line of their own: of those that need a person, and of those worth knowing.
const PHONES: (u32, u32) = (3, 2);

/// One line.
pub struct Need {
    /// The icon, and the state it stands for.
    pub state: &'static str,
    /// What.
    pub what: String,
    /// Since when, where that is known.
    pub since: Option<String>,
    /// Where to act.
    pub link: String,
}

/// Something that is wrong with store, disk or clock.
fn of_house(alarm: &Alarm, w: Words) -> Need {
    // Where there are several servers, which one it is.
    let store = |whole: &str, part: &str, slices: &Option<String>| match slices {
        Some(slices) => w.with(part, "slices", slices.clone()),
        None => w.say(whole),
    };
    let (state, what) = match &alarm.what {
        Wrong::StoreAway(slices) => (
            "down",
            store("needs-store-away", "needs-store-away-slices", slices),
        ),
        Wrong::StoreFull(slices) => (
            "down",
            store("needs-store-full", "needs-store-full-slices", slices),
        ),
        Wrong::DiskFilling(left) => ("down", w.with("needs-disk-filling", "left", count(*left))),
        Wrong::Store(store::What::CopiedBack) => ("trouble", w.say("needs-store-copied-back")),
        Wrong::Store(store::What::FailedOver) => ("trouble", w.say("needs-store-failed-over")),
        Wrong::ClockJumped(by) => {
            let seconds = count(by.unsigned_abs() / 1000);
            let word = if *by > 0 {
                "needs-clock-ahead"
            } else {
                "needs-clock-back"
            };
            ("trouble", w.with(word, "seconds", seconds))
        }
    };
    Need {
        state,
        what,
        since: Some(clock(alarm.since)),
        link: "/console".to_owned(),
    }
}

/// Everything that needs a person now, worst first.
pub async fn list(control: &Control, w: Words) -> Result<Vec<Need>, StoreError> {
    let mut needs = Vec::new();
    needs.extend(control.alarms().iter().map(|alarm| of_house(alarm, w)));
    let network = control.network();
    for (name, row) in &network.gateways {
        let state = match row.state {
            Health::Down => "down",
            Health::Paused => "paused",
            Health::Slow => "slow",
            Health::Up => continue,
        };
        needs.push(Need {
            state,
            what: w.with2(
                "needs-gateway",
                ("name", name.clone()),
                ("reason", w.told(&row.reason)),
            ),
            since: Some(clock(row.since)),
            link: "/console#gateways".to_owned(),
        });
    }
    for alert in &network.alerts {
        // What a gateway's own line says already, is not said twice.
        if matches!(alert.what, What::GatewayDown | What::CircuitOpen) {
            continue;
        }
        let key = format!("alert-{}", alert.what.name());
        needs.push(Need {
            state: "slow",
            what: w.with(&key, "name", alert.gateway.clone()),
            since: Some(clock(alert.since)),
            link: "/console#gateways".to_owned(),
        });
    }
    needs.sort_by_key(|need| {
        ["down", "paused", "slow", "trouble"]
            .iter()
            .position(|s| *s == need.state)
    });
    let store = control.store();
    let of = |need, most| store.terminals_in_need(need, None, most);
    let mut troubled = of(delivery::Need::Person, PHONES.0 + 1).await?;
    let more = troubled.len() > PHONES.0 as usize;
    troubled.truncate(PHONES.0 as usize);
    for (terminal, _) in troubled {
        let trouble = terminal.trouble.map(|trouble| trouble.sentence);
        needs.push(Need {
            state: "trouble",
            what: w.with2(
                "needs-phone",
                ("number", terminal.msisdn.clone()),
                ("trouble", w.told(&trouble.unwrap_or_default())),
            ),
            since: None,
            link: format!(
                "/console/phones/{}",
                book::encode_in('t', terminal.id.subscriber, terminal.id.no)
            ),
        });
    }
    // Where many have the same trouble, one line stands for all.
    if more {
        // How many may be a little old; where they cannot be counted, they are looked up, up to a hundred.
        let in_trouble = match control.counts_soon().await {
            Some(counts) => counts.in_trouble,
            None => of(delivery::Need::Person, 100).await?.len() as u64,
        };
        let more = in_trouble.saturating_sub(PHONES.0.into()).max(1);
        needs.push(Need {
            state: "trouble",
            what: w.with("needs-phones", "count", count(more)),
            since: None,
            link: "/console/phones?state=trouble".to_owned(),
        });
    }
    // Nobody must act here, and it is worth knowing: nothing proven for as long as a message is valid.
    for (terminal, _) in of(delivery::Need::Notice, PHONES.1).await? {
        let notice = terminal.record.notice.as_ref();
        needs.push(Need {
            state: "waiting",
            what: w.with2(
                "needs-phone",
                ("number", terminal.msisdn.clone()),
                (
                    "trouble",
                    notice.map(|n| w.told(&n.sentence)).unwrap_or_default(),
                ),
            ),
            since: notice.map(|notice| clock(notice.since)),
            link: format!(
                "/console/phones/{}",
                book::encode_in('t', terminal.id.subscriber, terminal.id.no)
            ),
        });
    }
    let holds = store.holds(None, true).await?;
    if let Some(oldest) = holds.iter().map(|hold| hold.since).min() {
        needs.push(Need {
            state: "held",
            what: w.with("needs-holds", "count", count(holds.len())),
            since: Some(clock(oldest)),
            link: "/console/holds".to_owned(),
        });
    }
    needs.truncate(LINES);
    Ok(needs)
}
