//! Which of several servers is the one to write to: all are asked, and of those that may be written the newest is taken.
//! An old primary that came back thinks that it may be written, too.

use super::error::said;
use super::tls::Wish;
use crate::StoreError;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

/// How long one try may take, from the socket to the answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the others are waited for once one will do.
const OTHERS: Duration = Duration::from_secs(1);
/// The WAL file's name begins with the timeline; pg_control still says the old one after a promotion. 0: a standby.
const TIMELINE: &str =
    "SELECT CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN 0
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END";

/// A connection to the newest server, and its timeline; `seen` is the highest one that is known.
pub(super) async fn newest(
    config: &Config,
    wish: &Wish,
    seen: i64,
) -> Result<(Client, i64), StoreError> {
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let mut tries: FuturesUnordered<_> = (0..hosts)
        .map(|n| one(alone(config, n), wish, seen))
        .collect();
    let mut best: Option<(Client, i64)> = None;
    let mut wrong = StoreError::Away {
        why: "no host is named".into(),
    };
    loop {
        let next = match best {
            None => tries.next().await,
            Some(_) => timeout(OTHERS, tries.next()).await.ok().flatten(),
        };
        match next {
            Some(Ok(found)) if best.as_ref().is_none_or(|best| best.1 < found.1) => {
                best = Some(found)
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => wrong = error,
            None => return best.ok_or(wrong),
        }
    }
}

async fn one(mut config: Config, wish: &Wish, seen: i64) -> Result<(Client, i64), StoreError> {
    config.connect_timeout(CONNECT);
    let tls = wish.set(&mut config)?;
    let connect = async {
        let (client, connection) = config.connect(tls).await.map_err(said("be opened"))?;
        // It ends with its client; what went wrong is told to whoever asks next.
        tokio::spawn(async {
            let _ = connection.await;
        });
        // A node that sleeps in the middle of a transaction holds its leases' rows: not for longer than this.
        // Every statement looks rows up by their keys: planned once, and never a whole table (docs/POSTGRES.md).
        let settings = "SET synchronous_commit = on; SET client_min_messages = error;
            SET idle_in_transaction_session_timeout = '4s';
            SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
            SET enable_mergejoin = off; SET jit = off";
        client
            .batch_execute(settings)
            .await
            .map_err(said("be opened"))?;
        let row = client
            .query_one(TIMELINE, &[])
            .await
            .map_err(said("be opened"))?;
        Ok::<(Client, i64), StoreError>((client, row.get(0)))
    };
    let silent = || StoreError::Away {
        why: "it takes connections and does not answer".into(),
    };
    let (client, timeline) = timeout(CONNECT, connect).await.map_err(|_| silent())??;
    let why = match timeline {
        0 => "this server may not be written: it is a standby".to_owned(),
        old if old < seen => {
            format!("this server is an older copy (timeline {old}, and {seen} was seen)")
        }
        _ => return Ok((client, timeline)),
    };
    Err(StoreError::Away { why })
}

/// The configuration of the `n`th host alone.
fn alone(of: &Config, n: usize) -> Config {
    let mut one = Config::new();
    one.application_name(of.get_application_name().unwrap_or("kith"));
    match of.get_hosts().get(n) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    if let Some(addr) = of.get_hostaddrs().get(n) {
        one.hostaddr(*addr);
    }
    if let Some(port) = of.get_ports().get(n).or(of.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = of.get_user() {
        one.user(user);
    }
    if let Some(password) = of.get_password() {
        one.password(password);
    }
    if let Some(name) = of.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = of.get_options() {
        one.options(options);
    }
    one.keepalives(of.get_keepalives())
        .keepalives_idle(of.get_keepalives_idle());
    one
}
