//! `kith serve`: the real thing, with a real carrier.

use crate::config::{self, Config};
use crate::house::{Among, Carriers, House};
use crate::{advertise, http, nodes, tls};
use clap::Args;
use comms::NetworkConfig;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// The server with a real carrier's gateway.
#[derive(Args)]
pub struct Serve {
    /// The configuration; kith.example.toml explains every key.
    #[arg(long, default_value = "kith.toml", env = "KITH_CONFIG")]
    config: PathBuf,
    /// Only read and check the configuration.
    #[arg(long)]
    check: bool,
}

/// Exit codes: 1 what went wrong while running, 2 wrong usage (clap), 3 wrong configuration.
const WRONG_CONFIGURATION: u8 = 3;

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(serve: Serve) -> ExitCode {
    let environment: Vec<_> = std::env::vars().collect();
    let config = match config::read(&serve.config, &environment) {
        Ok(config) => config,
        Err(sentence) => {
            eprintln!("kith serve: {sentence}");
            return ExitCode::from(WRONG_CONFIGURATION);
        }
    };
    if serve.check {
        println!("{} is right.", serve.config.display());
        return ExitCode::SUCCESS;
    }
    match start(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("kith serve: {sentence}");
            ExitCode::from(1)
        }
    }
}

async fn start(config: Config) -> Result<(), String> {
    let addr = config.listen.lan;
    let lan = TcpListener::bind(addr)
        .await
        .map_err(|error| format!("{addr} for desk, console and API cannot be opened: {error}."))?;
    let addr_public = config.listen.public;
    let public = TcpListener::bind(addr_public)
        .await
        .map_err(|error| format!("{addr_public} for the portal cannot be opened: {error}."))?;
    // Port 0 took a free one.
    let addr = lan.local_addr().unwrap_or(addr);
    let addr_public = public.local_addr().unwrap_or(addr_public);
    let tls = tls::acceptor(&config.listen)?;
    let key = config.store.master_key()?;
    let settings = config.settings()?;
    let among = match config.store.servers()? {
        Some(servers) => {
            let hints = config.listen.nodes.unwrap_or((addr.ip(), 0).into());
            let hints = nodes::bind(hints).await?;
            let listens = hints.local_addr().map_err(|error| error.to_string())?;
            Some(Among {
                address: advertise::of(listens, config.listen.advertise, &servers).await,
                servers,
                hints,
            })
        }
        None => None,
    };
    let carriers = Carriers {
        gateways: config.gateway,
        limits: config.network.iter().map(NetworkConfig::limit).collect(),
    };
    let house = House::open(&config.store.path, key, settings, carriers, among)?;
    let served = web::Served {
        secure: config.listen.secure(),
    };
    let control = house.control.clone();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let first = control.first_administrator().await;
    if let Some(secret) = first.map_err(|error| error.to_string())? {
        println!(
            "Nobody runs this Kith yet. Open this once, within a day, to become its administrator:"
        );
        println!("  {scheme}://{addr}/welcome/{secret}");
    }
    println!("Desk     {scheme}://{addr}/desk");
    println!("Console  {scheme}://{addr}/console");
    println!("API      {scheme}://{addr}/api/v1");
    println!("Portal   {scheme}://{addr_public}/");
    let server = http::serve(lan, tls.clone(), web::lan(control.clone(), served));
    let portal = http::serve(public, tls, web::portal::router(control, served));
    crate::stop_signal().await;
    server.abort();
    portal.abort();
    house.close().await;
    Ok(())
}
