//! `demo.json`: where everything is and how to get in, for scripts and tests.

use super::{PASSWORD, Ports, sample};
use control::Control;
use identity::Role;
use std::path::Path;

/// `demo.json` (API.md): written whole, then renamed into place, once everything answers.
pub async fn write(
    folder: &Path,
    control: &Control,
    token: &str,
    ports: &Ports,
) -> Result<(), String> {
    let mut subscribers = Vec::new();
    let all = control.store().subscribers(None, 100).await;
    for subscriber in all.map_err(|error| error.to_string())? {
        let known = sample::OWNERS
            .iter()
            .zip(1..)
            .find(|(owner, _)| owner.msisdn == subscriber.msisdn);
        let terminals = control.store().terminals_of(subscriber.id).await;
        let terminals: Vec<_> = terminals
            .map_err(|error| error.to_string())?
            .into_iter()
            .map(|full| {
                let terminal = full.terminal;
                // The lab's cards have the same keys: whoever tries a packet by hand needs them.
                let keys = terminal
                    .iccid
                    .as_ref()
                    .and(known.map(|(_, n)| sample::keys(n)));
                let card = terminal
                    .card_profile
                    .as_deref()
                    .and_then(|name| control.card(name));
                serde_json::json!({
                    "kic": keys.as_ref().map(|(kic, _)| kic),
                    "kid": keys.as_ref().map(|(_, kid)| kid),
                    "tar": card.map(|card| card.tar.to_string()),
                    "id": book::encode_in('t', terminal.id.subscriber, terminal.id.no),
                    "channel": terminal.channel.as_str(),
                    "card_profile": terminal.card_profile,
                    "msisdn": terminal.msisdn,
                    "iccid": terminal.iccid,
                })
            })
            .collect();
        subscribers.push(serde_json::json!({
            "id": book::subscriber_id(subscriber.id),
            "name": subscriber.name,
            "msisdn": subscriber.msisdn,
            "pin": known.map(|(owner, _)| owner.pin),
            "terminals": terminals,
        }));
    }
    let first = subscribers
        .iter()
        .find(|s| s["msisdn"] == sample::OWNERS[0].msisdn);
    let first = first.map(|s| s["id"].clone());
    let accounts = sample::ACCOUNTS.map(|(role, login, _)| {
        serde_json::json!({
            "role": role.as_str(),
            "login": login,
            "password": sample::PASSWORD,
            "subscriber": first.clone().filter(|_| matches!(role, Role::Owner | Role::Guardian)),
        })
    });
    let Ports {
        portal,
        api,
        lab,
        smsc,
    } = ports;
    let json = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "portal": {"url": format!("http://{portal}/")},
        "desk": {"url": format!("http://{api}/desk")},
        "console": {"url": format!("http://{api}/console")},
        "phones": {"url": format!("http://{lab}/")},
        "api": {"url": format!("http://{api}/api/v1"), "token": token},
        "smsc": {"host": smsc.ip().to_string(), "port": smsc.port(), "system_id": "kith", "password": PASSWORD},
        "lab": {"url": format!("http://{lab}/lab/v1")},
        "accounts": accounts,
        "subscribers": subscribers,
    });
    let (new, path) = (folder.join("demo.json.new"), folder.join("demo.json"));
    std::fs::write(&new, format!("{json:#}\n"))
        .and_then(|()| std::fs::rename(&new, &path))
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}
