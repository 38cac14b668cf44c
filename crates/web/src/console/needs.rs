//! “Needs you”: at most seven lines, worst first, each with what, since when, how many owners, and one action.

use super::count;
use crate::locale::Words;
use crate::page::clock;
use control::Control;
use delivery::alert::What;
use delivery::network::Health;
use store::StoreError;

/// The most lines.
const LINES: usize = 7;
/// The most terminals that are looked through for trouble.
const LOOKED: u32 = 2000;

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

/// Everything that needs a person now, worst first.
pub async fn list(control: &Control, w: Words) -> Result<Vec<Need>, StoreError> {
    let mut needs = Vec::new();
    if let Some(ill) = control.store().ill() {
        let word = if ill.full {
            "needs-store-full"
        } else {
            "needs-store-away"
        };
        needs.push(Need {
            state: "down",
            what: w.say(word),
            since: Some(clock(ill.since)),
            link: "/console".to_owned(),
        });
    }
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
                ("reason", row.reason.clone()),
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
        ["down", "paused", "slow"]
            .iter()
            .position(|s| *s == need.state)
    });
    let terminals = control.store().terminals(None, LOOKED).await?;
    let troubled = terminals.iter().filter_map(|(terminal, _)| {
        let trouble = terminal.trouble.as_ref().filter(|_| !terminal.retired)?;
        Some((terminal, trouble))
    });
    let troubled: Vec<_> = troubled.collect();
    // Where many have the same trouble, one line stands for all.
    for (terminal, trouble) in troubled.iter().take(3) {
        needs.push(Need {
            state: "trouble",
            what: w.with2(
                "needs-phone",
                ("number", terminal.msisdn.clone()),
                ("trouble", trouble.sentence.clone()),
            ),
            since: None,
            link: format!(
                "/console/phones/{}",
                book::encode_in('t', terminal.id.subscriber, terminal.id.no)
            ),
        });
    }
    if troubled.len() > 3 {
        needs.push(Need {
            state: "trouble",
            what: w.with("needs-phones", "count", count(troubled.len() - 3)),
            since: None,
            link: "/console/phones?state=trouble".to_owned(),
        });
    }
    // Nobody must act here, and it is worth knowing: nothing proven for as long as a message is valid.
    let quiet = terminals.iter().filter(|(terminal, _)| {
        let known = terminal.trouble.is_some() || terminal.retired;
        terminal.record.notice.is_some() && !known
    });
    for (terminal, _) in quiet.take(2) {
        let notice = terminal.record.notice.as_ref();
        needs.push(Need {
            state: "waiting",
            what: w.with2(
                "needs-phone",
                ("number", terminal.msisdn.clone()),
                (
                    "trouble",
                    notice.map(|n| n.sentence.clone()).unwrap_or_default(),
                ),
            ),
            since: notice.map(|notice| clock(notice.since)),
            link: format!(
                "/console/phones/{}",
                book::encode_in('t', terminal.id.subscriber, terminal.id.no)
            ),
        });
    }
    let holds = control.store().holds(None, true).await?;
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
