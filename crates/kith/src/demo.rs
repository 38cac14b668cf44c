//! `kith demo`: server, carrier, cards and handsets in one process, with sample data.

use crate::house::House;
use book::{Edit, FriendDraft, Language, NumberDraft};
use clap::Args;
use comms::{Bind, GatewayConfig};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, Settings};
use delivery::Policy;
use identity::{Grant, JobKind, Scope};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use terminals::ChannelKind;
use tokio::net::TcpListener;

/// The main job, with nothing else installed.
#[derive(Args)]
pub struct Demo {
    /// The data folder; a fresh temporary one when absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The first of the ports; 0 takes free ones.
    #[arg(long, default_value_t = 8900)]
    port: u16,
}

/// One owner of the sample data.
struct Owner {
    name: &'static str,
    msisdn: &'static str,
    language: Language,
    card: Option<&'static str>,
    friends: &'static [(&'static str, &'static str)],
}

const OWNERS: [Owner; 3] = [
    Owner {
        name: "Mum",
        msisdn: "+447700900101",
        language: Language::En,
        card: Some("sim-28x50"),
        friends: &[
            ("Mei", "07700 900123"),
            ("Dr Lee", "07700 900456"),
            ("Taxi", "020 7946 0123"),
        ],
    },
    Owner {
        name: "王奶奶",
        msisdn: "+8613900000102",
        language: Language::ZhHans,
        card: Some("usim-28x100"),
        friends: &[("小梅", "13900001234"), ("王医生", "13900001235")],
    },
    Owner {
        name: "Uncle Joe",
        msisdn: "+447700900103",
        language: Language::En,
        card: None,
        friends: &[("Mei", "07700 900123")],
    },
];

/// Where everything listens.
struct Ports {
    portal: SocketAddr,
    api: SocketAddr,
    lab: SocketAddr,
    smsc: SocketAddr,
}

const PASSWORD: &str = "secret8";

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(demo: Demo) -> ExitCode {
    match start(demo).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("kith demo: {sentence}");
            ExitCode::from(1)
        }
    }
}

async fn start(demo: Demo) -> Result<(), String> {
    let began = Instant::now();
    let folder = demo
        .data
        .unwrap_or_else(|| std::env::temp_dir().join(format!("kith-demo-{}", std::process::id())));
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    let api = listen(demo.port, "the API").await?;
    let phones = listen(next(demo.port, 1), "the phones").await?;
    let smsc = listen(next(demo.port, 2), "the carrier").await?;
    let portal = listen(next(demo.port, 3), "the portal").await?;
    let portal_addr = portal.local_addr().map_err(|error| error.to_string())?;
    let smsc_addr = smsc.local_addr().map_err(|error| error.to_string())?;
    let api_addr = api.local_addr().map_err(|error| error.to_string())?;
    let lab = lab::start(lab::LabConfig {
        smsc: smsc.into(),
        http: phones.into(),
        data_dir: Some(folder.join("lab")),
        accounts: vec![lab::Account {
            system_id: "kith".into(),
            password: PASSWORD.into(),
        }],
        handsets: OWNERS.iter().zip(1..).map(handset).collect(),
        telephone: None,
        price_micros: Some(40_000),
        currency: "GBP".into(),
        service_number: "0800 123 456".into(),
    })
    .await
    .map_err(|error| error.to_string())?;
    let key = vault::MasterKey::from_file(&folder.join("master.key"))
        .map_err(|error| error.to_string())?;
    let house = House::open(&folder, key, settings(), vec![gateway(smsc_addr)])?;
    let control = house.control.clone();
    sample(&control).await?;
    let (_, token) = control
        .create_token("demo", Scope::ALL)
        .await
        .map_err(|error| error.to_string())?;
    let router = web::api::router(control.clone());
    let server = tokio::spawn(async move { axum::serve(api, router).await });
    let pages = web::portal::router(control.clone());
    let public = tokio::spawn(async move { axum::serve(portal, pages).await });
    let ports = Ports {
        portal: portal_addr,
        api: api_addr,
        lab: lab.http_addr,
        smsc: smsc_addr,
    };
    write_json(&folder, &control, &token, &ports).await?;
    println!(
        "Kith demo, ready after {} ms. Ctrl-C ends it.",
        began.elapsed().as_millis()
    );
    println!("  portal   http://{portal_addr}/");
    println!(
        "           the owner's page: log in with {}; the code comes to the drawn phone",
        OWNERS[0].msisdn
    );
    println!("  phones   http://{}/", lab.http_addr);
    println!("           the handsets: their phone books are read from the cards' own files");
    println!("  API      http://{api_addr}/api/v1");
    println!(
        "           token and ids: {}",
        folder.join("demo.json").display()
    );
    crate::stop_signal().await;
    // Event streams never end by themselves.
    server.abort();
    public.abort();
    house.close().await;
    lab.shutdown().await;
    Ok(())
}

async fn listen(port: u16, what: &str) -> Result<TcpListener, String> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(addr).await.map_err(|error| {
        format!(
            "port {port} for {what} cannot be opened: {error}. Give another first port with --port."
        )
    })
}

fn next(first: u16, step: u16) -> u16 {
    if first == 0 {
        0
    } else {
        first.saturating_add(step)
    }
}

fn keys(n: u8) -> (String, String) {
    (
        format!("{n:02x}").repeat(16),
        format!("{:02x}", n ^ 0xA5).repeat(16),
    )
}

fn iccid(n: u8) -> String {
    format!("894477009000000000{n:02}")
}

fn handset((owner, n): (&Owner, u8)) -> lab::HandsetSpec {
    let (kic, kid) = keys(n);
    lab::HandsetSpec {
        msisdn: owner.msisdn.into(),
        name: owner.name.into(),
        language: owner.language.tag().into(),
        card: owner.card.map(|kind| lab::CardSpec {
            kind: kind.into(),
            iccid: iccid(n),
            kic,
            kid,
        }),
    }
}

fn settings() -> Settings {
    Settings {
        policy: Policy::DEMO,
        brand: "Kith".into(),
        brand_zh: "亲友簿".into(),
        spoken: Default::default(),
        service_number: "0800 123 456".into(),
        cards: Default::default(),
        phones: Default::default(),
    }
}

fn gateway(smsc: SocketAddr) -> GatewayConfig {
    GatewayConfig {
        name: "lab".into(),
        host: smsc.ip().to_string(),
        port: smsc.port(),
        system_id: "kith".into(),
        password: PASSWORD.into(),
        system_type: String::new(),
        address_range: String::new(),
        bind: Bind::Trx,
        source: "12345".into(),
        source_ton: 0,
        source_npi: 1,
        data_coding_ota: 0xF6,
        data_coding_card: 0xF5,
        window: 10,
        rate_per_s: None,
        enquire_seconds: 30,
        answer_seconds: 10,
        plain_receipts: false,
        price_micros: Some(40_000),
        currency: Some("GBP".into()),
    }
}

/// The sample data, once a data folder.
async fn sample(control: &Control) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| format!("the sample data could not be made: {error}");
    for (owner, n) in OWNERS.iter().zip(1..) {
        let known = control.store().subscribers_by_number(owner.msisdn).await;
        if !known.map_err(|error| say(&error))?.is_empty() {
            continue;
        }
        let new = NewSubscriber {
            msisdn: owner.msisdn.into(),
            name: owner.name.into(),
            language: owner.language,
            region: None,
        };
        let subscriber = control
            .create_subscriber(new)
            .await
            .map_err(|error| say(&error))?;
        let terminal = NewTerminal {
            subscriber: subscriber.id,
            channel: owner
                .card
                .map_or(ChannelKind::SmsCard, |_| ChannelKind::SimOta),
            msisdn: owner.msisdn.into(),
            card_profile: owner.card.map(Into::into),
            iccid: owner.card.map(|_| iccid(n)),
            keys: owner.card.map(|_| keys(n)),
            counter: None,
            in_use: false,
            terminal_profile: None,
        };
        control
            .add_terminal(terminal)
            .await
            .map_err(|error| say(&error))?;
        let grant = Grant::of_job(JobKind::Sample, subscriber.id);
        for (name, number) in owner.friends {
            let draft = FriendDraft {
                name: (*name).into(),
                numbers: vec![NumberDraft {
                    number: (*number).into(),
                    ..NumberDraft::default()
                }],
                ..FriendDraft::default()
            };
            let edit = control.edit(&grant, Edit::AddFriend(draft), EditOptions::default());
            edit.await.map_err(|error| say(&error))?;
        }
    }
    Ok(())
}

/// `demo.json` (API.md): written whole, then renamed into place, once everything answers.
async fn write_json(
    folder: &Path,
    control: &Control,
    token: &str,
    ports: &Ports,
) -> Result<(), String> {
    let mut subscribers = Vec::new();
    let all = control.store().subscribers(None, 100).await;
    for subscriber in all.map_err(|error| error.to_string())? {
        let terminals = control.store().terminals_of(subscriber.id).await;
        let terminals: Vec<_> = terminals
            .map_err(|error| error.to_string())?
            .into_iter()
            .map(|full| {
                let terminal = full.terminal;
                serde_json::json!({
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
            "terminals": terminals,
        }));
    }
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
        "phones": {"url": format!("http://{lab}/")},
        "api": {"url": format!("http://{api}/api/v1"), "token": token},
        "smsc": {"host": smsc.ip().to_string(), "port": smsc.port(), "system_id": "kith", "password": PASSWORD},
        "lab": {"url": format!("http://{lab}/lab/v1")},
        "subscribers": subscribers,
    });
    let (new, path) = (folder.join("demo.json.new"), folder.join("demo.json"));
    std::fs::write(&new, format!("{json:#}\n"))
        .and_then(|()| std::fs::rename(&new, &path))
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}
