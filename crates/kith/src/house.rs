//! The house: every room with its doors joined. Used by `serve` and `demo`.

use crate::config::Config;
use crate::nodes;
use comms::{Binds, GatewayConfig, Gateways};
use control::{Control, OneBind, Settings, Sharing};
use delivery::NodeId;
use delivery::pace::Limit;
use std::fs::{File, Permissions, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use store::{Servers, Store};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use vault::MasterKey;

/// Events that may wait between comms and control.
const EVENTS: usize = 10_000;

/// The command line's way to a running server, in the data folder; only its owner may open it.
pub const SOCKET: &str = "kith.sock";

/// A running server, without its listeners.
pub struct House {
    /// Main control.
    pub control: Control,
    gateways: Arc<Gateways>,
    stop: oneshot::Sender<()>,
    engine: JoinHandle<()>,
    messages: JoinHandle<()>,
    socket: JoinHandle<()>,
    leases: (oneshot::Sender<()>, JoinHandle<()>),
    /// Held as long as this process holds the store.
    _lock: File,
}

/// What a node among many needs beside what one alone needs.
pub struct Among {
    /// The database that all share.
    pub servers: Servers,
    /// Where the others give hints.
    pub hints: TcpListener,
    /// The address of it that they are told.
    pub address: SocketAddr,
}

/// What is configured of the carriers.
pub struct Carriers {
    /// Their gateways.
    pub gateways: Vec<GatewayConfig>,
    /// The rates of destination networks.
    pub limits: Vec<Limit>,
}

impl House {
    /// Opens the store in `folder`, or the one that is shared, and joins control and communication.
    pub fn open(
        folder: &Path,
        key: MasterKey,
        mut settings: Settings,
        carriers: Carriers,
        among: Option<Among>,
    ) -> Result<Self, String> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
        let lock = lock(folder)?;
        let store = store(folder, among.as_ref().map(|among| &among.servers))?;
        let (hints, hinted) = mpsc::unbounded_channel();
        let (passed, passing) = mpsc::unbounded_channel();
        let mut binds = None;
        if let Some(among) = &among {
            let one_bind = carriers.gateways.iter().filter(|gateway| gateway.one_bind);
            let one_bind = OneBind {
                gateways: one_bind.map(|gateway| gateway.name.clone()).collect(),
                ..OneBind::default()
            };
            let stands = one_bind.stands.subscribe();
            binds = Some(Binds { stands, passed });
            settings.sharing = Some(sharing(folder, among.address, hints, one_bind)?);
        }
        let word = key.clone();
        let (events, inbox) = mpsc::channel(EVENTS);
        let gateways = Arc::new(Gateways::start_among(
            carriers.gateways,
            carriers.limits,
            events,
            binds,
        ));
        let (outbound, mut sent) = mpsc::unbounded_channel();
        let table = gateways.table();
        let network = move || table.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let control = Control::new(store, key, settings, outbound, network);
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = tokio::spawn({
            let (control, gateways) = (control.clone(), Arc::clone(&gateways));
            async move {
                let stored = Box::new(move |ack, ok| gateways.stored(ack, ok));
                // What a campaign did last is recorded; it is taken up at the next start.
                let never = std::future::pending();
                tokio::select! {
                    () = control.run(inbox, stored, ended(stopped)) => {}
                    () = control.run_campaigns(never) => {}
                    // What was taken and not answered, the next holder of the bind tells of.
                    () = control.run_offers(passing) => {}
                }
            }
        });
        let (let_go, gone) = oneshot::channel::<()>();
        let leases = tokio::spawn({
            let control = control.clone();
            async move {
                let listener =
                    among.map(|among| nodes::listen(among.hints, &word, control.clone()));
                let (told, enough) = oneshot::channel::<()>();
                let telling =
                    tokio::spawn(nodes::tell(word, hinted, control.clone(), ended(enough)));
                control.own(ended(gone)).await;
                if let Some(listener) = listener {
                    listener.abort();
                }
                drop(told);
                let _ = telling.await;
            }
        });
        let messages = tokio::spawn({
            let gateways = Arc::clone(&gateways);
            async move {
                while let Some(message) = sent.recv().await {
                    gateways.send(message);
                }
            }
        });
        let socket = listen(folder, web::socket(control.clone()))?;
        Ok(Self {
            socket,
            leases: (let_go, leases),
            _lock: lock,
            control,
            gateways,
            stop,
            engine,
            messages,
        })
    }

    /// Control over the store of an installation whose server does not run: edits are recorded and marked due, and go
    /// out at the server's next start.
    pub fn control_alone(config: &Config) -> Result<Control, Alone> {
        let folder = &config.store.path;
        let servers = config.store.servers()?;
        if servers.is_none() && !folder.join("kith.db").exists() {
            return Err(Alone::Other(format!(
                "There is no Kith in {}: start kith serve once, or give --data or --config.",
                folder.display()
            )));
        }
        // Let go of at the end of the process.
        std::mem::forget(lock(folder)?);
        let key = config.store.master_key()?;
        let store = store(folder, servers.as_ref())?;
        let (outbound, _) = mpsc::unbounded_channel();
        Ok(Control::new(
            store,
            key,
            config.settings()?,
            outbound,
            Default::default,
        ))
    }

    /// Finishes what is in hand: the gateways get nothing more, and control records what they still answer, so that
    /// nothing which was taken goes again at the next start; then control ends, then the leases, so that others go on, then
    /// the gateways and the store.
    pub async fn close(self) {
        self.socket.abort();
        self.gateways.hold().await;
        let _ = self.stop.send(());
        let _ = self.engine.await;
        let (let_go, leases) = self.leases;
        let _ = let_go.send(());
        let _ = leases.await;
        self.messages.abort();
        let _ = self.messages.await;
        if let Some(gateways) = Arc::into_inner(self.gateways) {
            gateways.shutdown().await;
        }
        self.control.store().close().await;
    }
}

/// Why the store cannot be worked on without a server.
pub enum Alone {
    /// Another process holds it.
    Held(String),
    /// Something else.
    Other(String),
}

impl From<String> for Alone {
    fn from(sentence: String) -> Self {
        Self::Other(sentence)
    }
}

impl From<Alone> for String {
    fn from(alone: Alone) -> Self {
        match alone {
            Alone::Held(sentence) | Alone::Other(sentence) => sentence,
        }
    }
}

/// When it is said, or nobody can say it any more.
async fn ended(word: oneshot::Receiver<()>) {
    let _ = word.await;
}

/// The store in `folder`, or the one that all nodes share.
fn store(folder: &Path, servers: Option<&Servers>) -> Result<Store, String> {
    let store = match servers {
        Some(servers) => Store::connect(servers),
        None => Store::open(&folder.join("kith.db")),
    };
    store.map_err(|error| error.to_string())
}

/// This process among the others: a name of its own, and those of earlier ones on this folder, whose lock is ours now.
fn sharing(
    folder: &Path,
    address: SocketAddr,
    tell: mpsc::UnboundedSender<control::Hint>,
    one_bind: OneBind,
) -> Result<Sharing, String> {
    let path = folder.join("kith.node");
    let said =
        |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}.", path.display());
    let before = match std::fs::read_to_string(&path) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(said(&error)),
    };
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).map_err(|error| said(&error))?;
    let node = NodeId(u64::from_be_bytes(octets));
    // The last few: one that never came so far as to take anything may stand between.
    let mut names: Vec<_> = before.lines().rev().take(8).map(str::to_owned).collect();
    names.reverse();
    let former = names
        .iter()
        .filter_map(|name| u64::from_str_radix(name, 16).ok());
    let former = former.map(NodeId).collect();
    names.push(format!("{:016x}", node.0));
    std::fs::write(&path, names.join("\n") + "\n").map_err(|error| said(&error))?;
    Ok(Sharing {
        node,
        former,
        address: address.to_string(),
        began: nodes::now(),
        hints: tell,
        one_bind,
    })
}

/// Takes the data folder for this process: two servers on one store would send everything twice.
pub fn lock(folder: &Path) -> Result<File, Alone> {
    let path = folder.join("kith.lock");
    let said =
        |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}.", path.display());
    let file = File::create(&path).map_err(|error| said(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Alone::Held(format!(
            "Another Kith holds {}: stop it first, or use another data folder.",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(said(&error).into()),
    }
}

/// Listens for the command line.
fn listen(folder: &Path, router: axum::Router) -> Result<JoinHandle<()>, String> {
    let path = folder.join(SOCKET);
    let said =
        |error: &dyn std::fmt::Display| format!("{} cannot be opened: {error}.", path.display());
    // The lock is ours: what stands there is left from a process that was killed.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| said(&error))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(|error| said(&error))?;
    Ok(tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    }))
}
