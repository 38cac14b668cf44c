//! The tokio edge: sockets, clock, one task a gateway. Decisions are [`Line`]'s.

use crate::{GatewayConfig, Line};
use delivery::network::NetworkTable;
use delivery::{Event, Outbound};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The line looks at its clock this often.
const TICK: Duration = Duration::from_millis(250);
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the end waits for answers under way.
const GOODBYE: Duration = Duration::from_secs(3);
/// Messages taken in before they are written together.
const GROUP: usize = 1_000;

enum Order {
    Send(Outbound),
    Stored(u64, bool),
    Stop,
}

enum Heard {
    Octets(usize, Vec<u8>),
    Closed(usize, String),
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
                writers: Vec::new(),
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
    writers: Vec<Option<OwnedWriteHalf>>,
}

impl Work {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let (heard, mut ears) = mpsc::channel(64);
        self.writers = (0..self.line.ports()).map(|_| None).collect();
        let mut connect_at = vec![now(); self.line.ports()];
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping: Option<i64> = None;
        loop {
            tokio::select! {
                biased;
                Some(news) = ears.recv() => self.hear(news, &mut connect_at),
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
                self.hear(news, &mut connect_at);
            }
            for port in 0..self.writers.len() {
                let down = self.writers.get(port).is_some_and(Option::is_none);
                let due = connect_at.get(port).is_some_and(|at| *at <= now());
                if down && due && stopping.is_none() {
                    self.connect(port, &heard, &mut connect_at).await;
                }
            }
            self.write().await;
            self.publish();
            for event in self.line.events() {
                if self.events.send(event).await.is_err() {
                    stopping.get_or_insert(now());
                }
            }
            if let Some(since) = stopping {
                let patience = i64::try_from(GOODBYE.as_millis()).unwrap_or(0);
                if self.line.idle() || now() - since > patience {
                    self.line.unbind();
                    self.write().await;
                    return;
                }
            }
        }
    }

    fn hear(&mut self, news: Heard, connect_at: &mut [i64]) {
        match news {
            Heard::Octets(port, octets) => self.line.input(port, &octets, now()),
            Heard::Closed(port, why) => self.lost(port, &why, connect_at),
        }
    }

    fn lost(&mut self, port: usize, why: &str, connect_at: &mut [i64]) {
        if let Some(writer) = self.writers.get_mut(port) {
            *writer = None;
        }
        self.line.closed(port, why, now());
        if let Some(at) = connect_at.get_mut(port) {
            *at = now() + self.line.backoff(jitter());
        }
    }

    async fn connect(&mut self, port: usize, heard: &mpsc::Sender<Heard>, at: &mut [i64]) {
        let (host, number) = (self.config.host.clone(), self.config.port);
        let opened = tokio::time::timeout(CONNECT, TcpStream::connect((host.as_str(), number)));
        let stream = match opened.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let why = format!("{host}:{number} cannot be reached: {error}.");
                return self.lost(port, &why, at);
            }
            Err(_) => {
                let why = format!("{host}:{number} does not answer.");
                return self.lost(port, &why, at);
            }
        };
        // Small writes must not wait for the peer's delayed ACK (SMPP.md, row 24).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "TCP_NODELAY was refused");
        }
        let (mut reader, writer) = stream.into_split();
        if let Some(place) = self.writers.get_mut(port) {
            *place = Some(writer);
        }
        let heard = heard.clone();
        tokio::spawn(async move {
            loop {
                let mut octets = Vec::with_capacity(64 * 1024);
                let news = match reader.read_buf(&mut octets).await {
                    Ok(0) => Heard::Closed(port, "The gateway closed the connection.".into()),
                    Ok(_) => Heard::Octets(port, octets),
                    Err(error) => Heard::Closed(port, format!("The connection broke: {error}.")),
                };
                let end = matches!(news, Heard::Closed(..));
                if heard.send(news).await.is_err() || end {
                    return;
                }
            }
        });
        self.line.connected(port, now());
    }

    /// One write a port and wake-up, of everything that came together.
    async fn write(&mut self) {
        for port in 0..self.writers.len() {
            let octets = self.line.output(port);
            let closing = self.line.closing(port);
            let Some(Some(writer)) = self.writers.get_mut(port) else {
                continue;
            };
            if !octets.is_empty() {
                // A broken connection is told by its reader.
                let _ = writer.write_all(&octets).await;
            }
            if closing {
                let _ = writer.shutdown().await;
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
