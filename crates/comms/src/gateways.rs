//! The tokio edge: sockets, clock, one task a gateway. Decisions are [`Line`]'s.

use crate::{GatewayConfig, Line};
use delivery::network::NetworkTable;
use delivery::{Event, Outbound};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The line looks at its clock this often.
const TICK: Duration = Duration::from_millis(250);
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a peer may take nothing that is written.
const WRITE: Duration = Duration::from_secs(5);
/// How long a connection that is being closed may still bring answers.
const LINGER: Duration = Duration::from_secs(2);
/// How long the end waits for answers under way.
const GOODBYE: Duration = Duration::from_secs(3);
/// Messages taken in before they are written together.
const GROUP: usize = 1_000;

enum Order {
    Send(Outbound),
    Stored(u64, bool),
    Stop,
}

/// What a connection's reader tells.
struct Heard {
    port: usize,
    number: u64,
    news: News,
}

enum News {
    Opened(OwnedWriteHalf),
    Octets(Vec<u8>),
    Closed(String),
}

/// Every gateway of this process.
pub struct Gateways {
    lines: Vec<mpsc::UnboundedSender<Order>>,
    tasks: Vec<JoinHandle<()>>,
    table: Arc<Mutex<NetworkTable>>,
}

impl Gateways {
    /// Connects to all of them, and keeps connecting. Messages go by the first that is configured; what comes is told
    /// to `events`.
    pub fn start(configs: Vec<GatewayConfig>, events: mpsc::Sender<Event>) -> Self {
        let table = Arc::new(Mutex::new(NetworkTable::default()));
        let mut lines = Vec::new();
        let mut tasks = Vec::new();
        for (index, config) in (0_u64..).zip(configs) {
            let (orders, inbox) = mpsc::unbounded_channel();
            lines.push(orders);
            let work = Work {
                line: Line::new(config.clone(), index << 48, now()),
                config,
                events: events.clone(),
                table: Arc::clone(&table),
                sockets: Vec::new(),
            };
            tasks.push(tokio::spawn(work.run(inbox)));
        }
        Self {
            lines,
            tasks,
            table,
        }
    }

    /// Sends a message by a gateway.
    pub fn send(&self, message: Outbound) {
        if let Some(line) = self.lines.first() {
            // A line ends only when everything does.
            let _ = line.send(Order::Send(message));
        }
    }

    /// What came with `ack` is stored (or could not be): the gateway may be answered.
    pub fn stored(&self, ack: u64, ok: bool) {
        let index = usize::try_from(ack >> 48).unwrap_or(usize::MAX);
        if let Some(line) = self.lines.get(index) {
            let _ = line.send(Order::Stored(ack, ok));
        }
    }

    /// The network state table as it stands.
    pub fn table(&self) -> Arc<Mutex<NetworkTable>> {
        Arc::clone(&self.table)
    }

    /// Unbinds everywhere and waits a moment for answers under way.
    pub async fn shutdown(self) {
        for line in &self.lines {
            let _ = line.send(Order::Stop);
        }
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

struct Work {
    line: Line,
    config: GatewayConfig,
    events: mpsc::Sender<Event>,
    table: Arc<Mutex<NetworkTable>>,
    sockets: Vec<Socket>,
}

/// One of the line's connections, or its absence.
#[derive(Default)]
struct Socket {
    /// Which connection this is: what an earlier one still says is not heard.
    number: u64,
    /// Opens the connection and reads it.
    reader: Option<JoinHandle<()>>,
    writer: Option<OwnedWriteHalf>,
    /// When to connect next, ms.
    due: i64,
    /// Since when it is being closed, ms.
    closing: Option<i64>,
}

impl Work {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let (heard, mut ears) = mpsc::channel(64);
        self.sockets = (0..self.line.ports()).map(|_| Socket::default()).collect();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping: Option<i64> = None;
        loop {
            tokio::select! {
                biased;
                Some(news) = ears.recv() => self.hear(news),
                order = orders.recv(), if stopping.is_none() => {
                    let mut next = order;
                    let mut group = 0;
                    loop {
                        match next {
                            Some(Order::Send(message)) => self.line.push(message, now()),
                            Some(Order::Stored(token, ok)) => self.line.stored(token, ok),
                            Some(Order::Stop) | None => stopping = Some(now()),
                        }
                        group += 1;
                        if group >= GROUP || stopping.is_some() {
                            break;
                        }
                        match orders.try_recv() {
                            Ok(order) => next = Some(order),
                            Err(_) => break,
                        }
                    }
                }
                _ = tick.tick() => self.line.tick(now()),
            }
            while let Ok(news) = ears.try_recv() {
                self.hear(news);
            }
            if stopping.is_none() {
                self.connect(&heard);
            }
            self.write().await;
            self.publish();
            for event in self.line.events() {
                if self.events.send(event).await.is_err() {
                    stopping.get_or_insert(now());
                }
            }
            let over = |since: i64| self.line.idle() || now() - since > ms(GOODBYE);
            if stopping.is_some_and(over) {
                self.line.unbind();
                self.write().await;
                for reader in self.sockets.iter().filter_map(|s| s.reader.as_ref()) {
                    reader.abort();
                }
                return;
            }
        }
    }

    fn hear(&mut self, Heard { port, number, news }: Heard) {
        let Some(socket) = self.sockets.get_mut(port).filter(|s| s.number == number) else {
            return;
        };
        match news {
            News::Opened(writer) => {
                socket.writer = Some(writer);
                self.line.connected(port, now());
            }
            News::Octets(octets) => self.line.input(port, &octets, now()),
            News::Closed(why) => self.lost(port, &why),
        }
    }

    /// A connection has ended, whether or not its peer knows.
    fn lost(&mut self, port: usize, why: &str) {
        self.line.closed(port, why, now());
        if let Some(socket) = self.sockets.get_mut(port) {
            if let Some(reader) = socket.reader.take() {
                reader.abort();
            }
            *socket = Socket {
                number: socket.number + 1,
                due: now() + self.line.backoff(jitter()),
                ..Socket::default()
            };
        }
    }

    /// Opens what is due, each in a task of its own: a peer that does not answer holds nothing up.
    fn connect(&mut self, heard: &mpsc::Sender<Heard>) {
        for (port, socket) in self.sockets.iter_mut().enumerate() {
            if socket.reader.is_some() || socket.due > now() {
                continue;
            }
            let (host, tcp) = (self.config.host.clone(), self.config.port);
            let (heard, number) = (heard.clone(), socket.number);
            let tell = move |news| Heard { port, number, news };
            socket.reader = Some(tokio::spawn(async move {
                let mut reader = match open(&host, tcp).await {
                    Ok((reader, writer)) => {
                        if heard.send(tell(News::Opened(writer))).await.is_err() {
                            return;
                        }
                        reader
                    }
                    Err(why) => {
                        // Nobody hears it when the line has ended.
                        let _ = heard.send(tell(News::Closed(why))).await;
                        return;
                    }
                };
                loop {
                    let mut octets = Vec::with_capacity(64 * 1024);
                    let news = match reader.read_buf(&mut octets).await {
                        Ok(0) => News::Closed("The gateway closed the connection.".into()),
                        Ok(_) => News::Octets(octets),
                        Err(error) => News::Closed(format!("The connection broke: {error}.")),
                    };
                    let end = matches!(news, News::Closed(_));
                    if heard.send(tell(news)).await.is_err() || end {
                        return;
                    }
                }
            }));
        }
    }

    /// One write a port and wake-up, of everything that came together.
    async fn write(&mut self) {
        for port in 0..self.sockets.len() {
            let octets = self.line.output(port);
            let closing = self.line.closing(port);
            let Some(socket) = self.sockets.get_mut(port) else {
                continue;
            };
            let Some(writer) = &mut socket.writer else {
                continue;
            };
            if !octets.is_empty() {
                let written = tokio::time::timeout(WRITE, writer.write_all(&octets)).await;
                // A broken connection is told by its reader; one that takes nothing is told by nobody (row 14).
                if written.is_err() {
                    self.lost(port, "The gateway takes no more octets.");
                    continue;
                }
            }
            match socket.closing {
                None if closing => {
                    socket.closing = Some(now());
                    let _ = writer.shutdown().await;
                }
                // A peer that is gone never closes its half: answers under way had their moment (rows 14 and 15).
                Some(since) if now() - since > ms(LINGER) => {
                    self.lost(port, "The connection was given up.");
                }
                _ => {}
            }
        }
    }

    fn publish(&self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let row = table.gateways.entry(self.config.name.clone()).or_default();
        if *row != self.line.rows.gateway {
            row.clone_from(&self.line.rows.gateway);
        }
        for (prefix, network) in &self.line.rows.networks {
            let row = table.networks.entry(prefix.clone()).or_default();
            if row != network {
                row.clone_from(network);
            }
        }
    }
}

/// Connects; why not, as a sentence.
async fn open(host: &str, port: u16) -> Result<(OwnedReadHalf, OwnedWriteHalf), String> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect((host, port)))
        .await
        .map_err(|_| format!("{host}:{port} does not answer."))?
        .map_err(|error| format!("{host}:{port} cannot be reached: {error}."))?;
    // Small writes must not wait for the peer's delayed ACK (SMPP.md, row 24).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!(%error, "TCP_NODELAY was refused");
    }
    Ok(stream.into_split())
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// 0–1, from the clock's finest digits: enough to keep nodes apart, and no secret.
fn jitter() -> f64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.subsec_nanos());
    f64::from(nanos % 1000) / 1000.0
}
