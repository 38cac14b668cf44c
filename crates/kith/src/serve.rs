//! `kith serve`: the real thing, with a real carrier.

use crate::config::{self, Config};
use crate::house::House;
use clap::Args;
use control::Settings;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use vault::MasterKey;

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
    let policy = config.delivery.policy();
    let key = master_key(&config)?;
    let settings = Settings {
        policy,
        brand: config.brand.name,
        brand_zh: config.brand.name_zh,
        spoken: config.desk.spoken_codes.into(),
        service_number: config.brand.service_number,
        cards: Default::default(),
        phones: Default::default(),
    };
    let house = House::open(&config.store.path, key, settings, config.gateway)?;
    let served = web::Served {
        secure: config.listen.behind_proxy,
    };
    let router = web::lan(house.control.clone(), served);
    println!("Kith serves the API on http://{addr}/api/v1");
    println!("Kith serves the portal on http://{addr_public}/");
    let server = tokio::spawn(async move { axum::serve(lan, router).await });
    let pages = web::portal::router(house.control.clone(), served);
    let portal = tokio::spawn(async move { axum::serve(public, pages).await });
    crate::stop_signal().await;
    server.abort();
    portal.abort();
    house.close().await;
    Ok(())
}

fn master_key(config: &Config) -> Result<MasterKey, String> {
    let store = &config.store;
    let text = match (&store.master_key, &store.master_key_file) {
        (Some(digits), _) => {
            return MasterKey::from_hex("[store] master_key", digits).map_err(|e| e.to_string());
        }
        (None, Some(path)) => path.clone(),
        (None, None) => {
            std::fs::create_dir_all(&store.path)
                .map_err(|error| format!("{} cannot be made: {error}.", store.path.display()))?;
            store.path.join("master.key")
        }
    };
    MasterKey::from_file(&text).map_err(|error| error.to_string())
}
