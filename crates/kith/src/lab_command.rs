//! `kith lab`: the carrier, the cards and the handsets as a process of its own.

use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// A carrier, cards and handsets in software.
#[derive(Args)]
pub struct Lab {
    /// The folder that keeps cards, their counters and the list of handsets.
    #[arg(long)]
    data: PathBuf,
    /// The SMPP port.
    #[arg(long, default_value_t = 2775)]
    smpp_port: u16,
    /// The port of the drawn phones and of /lab/v1.
    #[arg(long, default_value_t = 2780)]
    http_port: u16,
    /// The name that a server binds with.
    #[arg(long, default_value = "kith")]
    system_id: String,
    /// Its password.
    #[arg(
        long,
        default_value = "secret8",
        env = "KITH_LAB_PASSWORD",
        hide_env_values = true
    )]
    password: String,
    /// Where Kith's API is (http://127.0.0.1:8081/api/v1): calls of the handsets ring there.
    #[arg(long, requires = "api_token")]
    api_url: Option<String>,
    /// A token with the scope `calls`.
    #[arg(long, env = "KITH_LAB_API_TOKEN", hide_env_values = true)]
    api_token: Option<String>,
    /// The number that owners call.
    #[arg(long, default_value = "0800 123 456")]
    service_number: String,
}

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(lab: Lab) -> ExitCode {
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let config = lab::LabConfig {
        smsc: loopback(lab.smpp_port).into(),
        http: loopback(lab.http_port).into(),
        data_dir: Some(lab.data),
        accounts: vec![lab::Account {
            system_id: lab.system_id,
            password: lab.password,
        }],
        handsets: lab::sample::handsets(),
        telephone: lab
            .api_url
            .zip(lab.api_token)
            .map(|(api_url, token)| lab::Telephone { api_url, token }),
        price_micros: Some(40_000),
        currency: "GBP".into(),
        service_number: lab.service_number,
    };
    match lab::start(config).await {
        Ok(lab) => {
            println!("SMPP    {}", lab.smsc_addr);
            println!("Phones  http://{}/", lab.http_addr);
            crate::stop_signal().await;
            lab.shutdown().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kith lab: {error}");
            ExitCode::from(1)
        }
    }
}
