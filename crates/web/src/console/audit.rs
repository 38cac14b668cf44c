//! The rules that keep Kith honest (delivery::audit), looked at over what is stored now.

use super::{Frame, count};
use crate::locale::Words;
use crate::page::{Unavailable, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::State;
use axum::response::Response;

/// The most subscribers that are looked at in one go; `kith audit` looks at all.
const LOOKED: u32 = 200;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Page {
    f: Frame,
    looked: String,
    found: Vec<(String, String)>,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let subscribers = control.store().subscribers(None, LOOKED).await?;
    let mut found = Vec::new();
    for subscriber in &subscribers {
        for violation in control.audit(subscriber.id).await? {
            found.push((
                subscriber.msisdn.clone(),
                format!("{}: {}", violation.rule, violation.found),
            ));
        }
    }
    Ok(page(&Page {
        f: Frame::new(w, &admin, "audit"),
        looked: w.with("audit-looked", "count", count(subscribers.len())),
        found,
    }))
}
