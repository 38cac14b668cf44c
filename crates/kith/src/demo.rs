//! `kith demo`: server, carrier, cards and handsets in one process, with sample data.

mod json;
mod nodes;
mod sample;

use crate::house::{Among, Carriers, House};
use crate::http;
use clap::Args;
use comms::{Bind, GatewayConfig};
use control::Settings;
use delivery::Policy;
use identity::Scope;
use sample::OWNERS;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use store::Servers;
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
    /// The data in this PostgreSQL database instead of a file: postgres://user@host/name.
    #[arg(long)]
    postgres: Option<String>,
    /// How many servers share the work; the others are processes of their own.
    #[arg(long, default_value_t = 1, requires = "postgres")]
    nodes: u16,
}

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
        handsets: sample::handsets(),
        telephone: None,
        price_micros: Some(40_000),
        currency: "GBP".into(),
        service_number: "0800 123 456".into(),
    })
    .await
    .map_err(|error| error.to_string())?;
    let key = vault::MasterKey::from_file(&folder.join("master.key"))
        .map_err(|error| error.to_string())?;
    let among = match &demo.postgres {
        Some(url) => {
            let hints = listen(0, "the other nodes").await?;
            Some(Among {
                servers: Servers::one(url),
                address: hints.local_addr().map_err(|error| error.to_string())?,
                hints,
            })
        }
        None => None,
    };
    let carriers = Carriers {
        gateways: vec![gateway(smsc_addr)],
        limits: Vec::new(),
    };
    let house = House::open(&folder, key, settings(), carriers, among)?;
    let control = house.control.clone();
    sample::put(&control).await?;
    let (_, token) = control
        .create_token("demo", Scope::ALL)
        .await
        .map_err(|error| error.to_string())?;
    let (_, calls) = control
        .create_token("telephone", [Scope::Calls])
        .await
        .map_err(|error| error.to_string())?;
    lab.join_telephone(lab::Telephone {
        api_url: format!("http://{api_addr}/api/v1"),
        token: calls,
    });
    let served = web::Served::default();
    let server = http::serve(api, None, web::lan(control.clone(), served));
    let pages = web::portal::router(control.clone(), served);
    let public = http::serve(portal, None, pages);
    let ports = Ports {
        portal: portal_addr,
        api: api_addr,
        lab: lab.http_addr,
        smsc: smsc_addr,
    };
    json::write(&folder, &control, &token, &ports).await?;
    println!(
        "Kith demo, ready after {} ms. Ctrl-C ends it.",
        began.elapsed().as_millis()
    );
    println!("  portal   http://{portal_addr}/");
    println!(
        "           the owner's page: log in with {}; the code comes to the drawn phone",
        OWNERS[0].msisdn
    );
    println!("  desk     http://{api_addr}/desk");
    println!(
        "           the agent's page: log in as ann, password “{}”; press the service number on a drawn phone",
        sample::PASSWORD
    );
    println!("  phones   http://{}/", lab.http_addr);
    println!("           the handsets: their phone books are read from the cards' own files");
    println!("  console  http://{api_addr}/console");
    println!(
        "           the administrator's page: log in as ruth, password “{}”",
        sample::PASSWORD
    );
    println!("  API      http://{api_addr}/api/v1");
    println!(
        "           token and ids: {}",
        folder.join("demo.json").display()
    );
    let (others, telling) = match &demo.postgres {
        Some(url) => {
            let others = nodes::Nodes::start(&folder, demo.nodes, url, smsc_addr, PASSWORD)?;
            (
                Some(others),
                Some(tokio::spawn(nodes::tell(control.clone()))),
            )
        }
        None => (None, None),
    };
    crate::stop_signal().await;
    if let Some(telling) = telling {
        telling.abort();
    }
    drop(others);
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

fn settings() -> Settings {
    Settings {
        policy: Policy::DEMO,
        ..Settings::default()
    }
}

fn gateway(smsc: SocketAddr) -> GatewayConfig {
    GatewayConfig {
        name: "lab".into(),
        host: smsc.ip().to_string(),
        port: smsc.port(),
        system_id: "kith".into(),
        password: PASSWORD.into(),
        password_file: None,
        system_type: String::new(),
        address_range: String::new(),
        bind: Bind::Trx,
        one_bind: false,
        source: "12345".into(),
        source_ton: 0,
        source_npi: 1,
        data_coding_ota: 0xF6,
        data_coding_card: 0xF5,
        prefixes: Vec::new(),
        weight: 1,
        bulk_share: 100,
        outbind: None,
        outbind_system_id: String::new(),
        outbind_password: String::new(),
        outbind_password_file: None,
        tls: None,
        window: 10,
        rate_per_s: None,
        enquire_seconds: 30,
        answer_seconds: 10,
        plain_receipts: false,
        price_micros: Some(40_000),
        currency: Some("GBP".into()),
    }
}
