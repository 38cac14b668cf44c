//! The first page: what needs a person, four numbers, gateways and networks.

use super::needs::{self, Need};
use super::network::{self, Gateway, Network};
use super::nodes::{self, Node};
use super::{Frame, count};
use crate::locale::Words;
use crate::page::{Unavailable, clock, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use store::Counts;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    f: Frame,
    needs: Vec<Need>,
    checked: String,
    figures: Vec<Figure>,
    gateways: Vec<Gateway>,
    networks: Vec<Network>,
    nodes: Vec<Node>,
    /// What waits for a gateway, as a sentence; none when nothing does.
    waiting: Option<String>,
}

/// One of the four numbers, with its ten minutes.
struct Figure {
    value: String,
    word: String,
    /// Points of a line in a box of 100 × 24; none when there is nothing to draw.
    line: String,
    /// The same in words.
    text: String,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let counts = control.counts_soon().await;
    let samples = control.samples();
    let number = |word: &str, of: &dyn Fn(&Counts) -> u64| {
        let now = counts.as_ref().map(of);
        let points = samples.iter().map(|sample| of(&sample.counts));
        let points: Vec<u64> = points.chain(now).collect();
        let (least, most) = (points.iter().min(), points.iter().max());
        Figure {
            value: now.map_or_else(|| "–".to_owned(), |now| now.to_string()),
            word: w.say(word),
            text: w.with2(
                "figure-range",
                ("least", count(least.copied().unwrap_or(0))),
                ("most", count(most.copied().unwrap_or(0))),
            ),
            line: spark(&points),
        }
    };
    let p99 = control.wire_p99();
    let figures = vec![
        number("figure-waiting", &|c| c.due),
        number("figure-on-the-way", &|c| c.in_flight),
        number("figure-proven", &|c| c.proven_last_hour),
        Figure {
            value: p99.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms")),
            word: w.say("figure-p99"),
            line: String::new(),
            text: w.say("figure-p99-hint"),
        },
    ];
    let (table, now) = (control.network(), control.now());
    let steady = table.steady(now);
    let waiting = table.waiting;
    let waits = waiting.interactive + waiting.bulk > 0;
    Ok(page(&Page {
        waiting: waits.then(|| {
            w.with2(
                "router-waiting",
                ("interactive", count(waiting.interactive)),
                ("bulk", count(waiting.bulk)),
            )
        }),
        f: Frame::new(w, &admin, "overview"),
        needs: needs::list(control, w).await?,
        checked: clock(now),
        figures,
        gateways: network::gateways(w, table.gateways, steady),
        networks: network::networks(w, table.networks, steady),
        nodes: nodes::list(control).await?,
    }))
}

/// The points of a line through `values` in a box of 100 × 24.
fn spark(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let steps = values.len().saturating_sub(1).max(1);
    if values.len() < 2 {
        return String::new();
    }
    let points = values.iter().enumerate().map(|(at, value)| {
        let x = at * 100 / steps;
        let y = 22 - value * 20 / most;
        format!("{x},{y}")
    });
    points.collect::<Vec<_>>().join(" ")
}
