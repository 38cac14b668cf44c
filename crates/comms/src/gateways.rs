//! The tokio edge: sockets, clock, one task a gateway. Decisions are [`Line`]'s.

mod bind;
mod socket;

pub use bind::Binds;

use crate::hub::{Hub, Order, lock};
use crate::tls::{Stream, TlsConfig, no_handshake, why};
use crate::{GatewayConfig, Line, outbind};
use bind::OneBind;
use delivery::alert::{Change, Watch};
use delivery::network::NetworkTable;
use delivery::pace::Limit;
use delivery::{Event, Outbound};
use socket::{Done, Socket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The line looks at its clock this often.
const TICK: Duration = Duration::from_millis(250);
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a peer may take nothing that is written.
const WRITE: Duration = Duration::from_secs(5);
/// Octets that are read at once.
const READ: usize = 64 * 1024;
/// How long a connection that is being closed may still bring answers.
const LINGER: Duration = Duration::from_secs(2);
/// How long the end waits for answers under way.
const GOODBYE: Duration = Duration::from_secs(3);
/// Messages taken in before they are written together.
const GROUP: usize = 1_000;

/// A connection was opened, or why not.
struct Opened {
    port: usize,
    number: u64,
    stream: Result<Stream, String>,
}

/// Every gateway of this process.
pub struct Gateways {
    hub: Arc<Mutex<Hub>>,
    tasks: Vec<JoinHandle<()>>,
    watch: JoinHandle<()>,
}

impl Gateways {
    /// Connects to all of them, and keeps connecting. What comes is told to `events`.
    pub fn start(configs: Vec<GatewayConfig>, events: mpsc::Sender<Event>) -> Self {
        Self::start_paced(configs, Vec::new(), events)
    }

    /// The same, with rates of destination networks.
    pub fn start_paced(
        configs: Vec<GatewayConfig>,
        limits: Vec<Limit>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self::start_among(configs, limits, events, None)
    }

    /// The same, as one node among many: of gateways that grant one bind, `binds` says who holds it.
    pub fn start_among(
        configs: Vec<GatewayConfig>,
        limits: Vec<Limit>,
        events: mpsc::Sender<Event>,
        binds: Option<Binds>,
    ) -> Self {
        let mut lines = Vec::new();
        let mut inboxes = Vec::new();
        for config in &configs {
            let (orders, inbox) = mpsc::unbounded_channel();
            lines.push((config.route(), orders));
            inboxes.push(inbox);
        }
        let hub = Arc::new(Mutex::new(Hub::new(lines, limits)));
        let mut tasks = Vec::new();
        for (place, (config, inbox)) in configs.into_iter().zip(inboxes).enumerate() {
            let (called, calls) = mpsc::channel(1);
            if let Some(outbind) = config.outbind() {
                tokio::spawn(outbind::listen(config.name.clone(), outbind, called));
            }
            let binds = binds.as_ref().filter(|_| config.one_bind);
            let work = Work {
                only: binds.map(|binds| OneBind::new(&config.name, binds)),
                line: Line::new(config.clone(), (place as u64) << 48, steady(), now()),
                place,
                taken: 0,
                config,
                events: events.clone(),
                hub: Arc::clone(&hub),
                sockets: Vec::new(),
                holding: Vec::new(),
            };
            tasks.push(tokio::spawn(work.run(inbox, calls)));
        }
        let watch = tokio::spawn(watch(lock(&hub).table()));
        Self { hub, tasks, watch }
    }

    /// Sends a message by the gateway that routing chooses; while none can take it, it waits.
    pub fn send(&self, message: Outbound) {
        let mut hub = lock(&self.hub);
        hub.clock(steady(), now());
        hub.send(message);
    }

    /// What came with `ack` is stored (or could not be): the gateway may be answered.
    pub fn stored(&self, ack: u64, ok: bool) {
        let place = usize::try_from(ack >> 48).unwrap_or(usize::MAX);
        lock(&self.hub).tell(place, Order::Stored(ack, ok));
    }

    /// The network state table as it stands.
    pub fn table(&self) -> Arc<Mutex<NetworkTable>> {
        lock(&self.hub).table()
    }

    /// Nothing more is handed over from now on; waits a moment for the answers under way, which are told as always. A
    /// part whose answer nobody records goes again at the next start, and a business card would be a second entry.
    pub async fn hold(&self) {
        let idle = lock(&self.hub).hold();
        let all = async {
            for line in idle {
                let _ = line.await;
            }
        };
        if tokio::time::timeout(GOODBYE, all).await.is_err() {
            tracing::warn!("a gateway did not answer before the end: what it was given goes again");
        }
    }

    /// Unbinds everywhere and waits a moment for answers under way.
    pub async fn shutdown(self) {
        self.watch.abort();
        lock(&self.hub).stop();
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

struct Work {
    line: Line,
    /// Its place among the gateways.
    place: usize,
    /// Messages that it was ever given.
    taken: u64,
    config: GatewayConfig,
    /// The only bind, where the carrier grants one for all nodes.
    only: Option<OneBind>,
    events: mpsc::Sender<Event>,
    hub: Arc<Mutex<Hub>>,
    sockets: Vec<Socket>,
    /// Who waits until no answer is under way.
    holding: Vec<oneshot::Sender<()>>,
}

impl Work {
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut calls: mpsc::Receiver<TcpStream>,
    ) {
        let (opened, mut opening) = mpsc::channel(4);
        self.sockets = (0..self.line.ports()).map(|_| Socket::default()).collect();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut held, mut stopping, mut leaving) = (None::<i64>, None::<i64>, None::<i64>);
        let mut octets = vec![0; READ];
        let mut told = Vec::new();
        loop {
            self.line.clock(steady(), now());
            tokio::select! {
                (port, done) = socket::next(&mut self.sockets, &mut octets) => match done {
                    Done::Read(Ok(0)) => self.lost(port, "The gateway closed the connection."),
                    Done::Read(Ok(length)) => {
                        let octets = octets.get(..length).unwrap_or_default();
                        self.line.input(port, octets, steady());
                    }
                    Done::Read(Err(error)) | Done::Wrote(Err(error)) => {
                        self.lost(port, &why(&error));
                    }
                    Done::Wrote(Ok(())) => {}
                },
                Some(opened) = opening.recv() => self.opened(opened),
                () = bind::changed(&mut self.only) => {}
                Some(stream) = calls.recv(), if stopping.is_none() => self.called(stream),
                order = orders.recv(), if stopping.is_none() => {
                    let mut next = order;
                    let mut group = 0;
                    loop {
                        match next {
                            Some(Order::Send(message)) => {
                                self.taken += 1;
                                self.take(message);
                            }
                            Some(Order::Tell(event)) => told.push(event),
                            Some(Order::Stored(token, ok)) => self.line.stored(token, ok),
                            Some(Order::Hold(done)) => {
                                self.line.hold();
                                held.get_or_insert(steady());
                                self.holding.push(done);
                            }
                            Some(Order::Stop) | None => {
                                self.line.hold();
                                // The moment for answers began when it was told to hold.
                                stopping = Some(held.unwrap_or_else(steady));
                            }
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
                _ = tick.tick() => {
                    self.line.jitter(jitter());
                    self.line.tick(steady());
                }
            }
            let may = self.may_bind();
            if may && stopping.is_none() {
                self.connect(&opened);
            }
            self.write();
            self.publish();
            for event in self.line.events().into_iter().chain(told.drain(..)) {
                if self.events.send(event).await.is_err() {
                    stopping.get_or_insert(steady());
                }
            }
            if self.line.idle() {
                // Nobody listens when the moment is over.
                for done in self.holding.drain(..) {
                    let _ = done.send(());
                }
            }
            let over = |since: i64| self.line.idle() || steady() - since > ms(GOODBYE);
            if leaving.is_none() && stopping.is_some_and(over) {
                leaving = Some(steady());
                self.line.unbind();
                self.write();
            }
            if leaving.is_some_and(|since| self.gone() || steady() - since > ms(LINGER)) {
                return;
            }
        }
    }

    /// Whether no session is left that the gateway could still end with an unbind_resp.
    fn gone(&self) -> bool {
        let mut ports = self.sockets.iter().enumerate();
        ports.all(|(port, socket)| socket.stream.is_none() || self.line.closing(port))
    }

    /// A message goes by this gateway: by this node's session, or by the node that holds the only one.
    fn take(&mut self, message: Outbound) {
        match &mut self.only {
            Some(only) if message.by.is_none() && only.holds(monotonic()).is_err() => {
                only.pass(message);
            }
            _ => self.line.push(message, steady()),
        }
    }

    /// Whether this node may be bound. Else nothing is written any more but a good-bye: what is open is closed at once.
    fn may_bind(&mut self) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        self.line.passed(only.waiting());
        let Err((up, sentence)) = only.holds(monotonic()) else {
            self.line.here(steady());
            return true;
        };
        for (port, socket) in self.sockets.iter_mut().enumerate() {
            if socket.asked || socket.stream.is_some() {
                let unbind = self.line.last_word(port);
                if socket.blocked.is_none() {
                    // Politeness: a gateway that does not hear it sees the connection's end.
                    let _ = socket.write(unbind, steady());
                }
                self.line.closed(port, &sentence, steady());
                *socket = socket.after(steady());
            }
        }
        self.line.elsewhere(up, &sentence, steady());
        false
    }

    fn opened(&mut self, opened: Opened) {
        let Opened {
            port,
            number,
            stream,
        } = opened;
        let Some(socket) = self.sockets.get_mut(port).filter(|s| s.number == number) else {
            return;
        };
        match stream {
            Ok(stream) => {
                socket.stream = Some(stream);
                self.line.connected(port, steady());
            }
            Err(why) => self.lost(port, &why),
        }
    }

    /// The SMSC called, and said who it is: what it had before is over, whether or not that was noticed.
    fn called(&mut self, stream: TcpStream) {
        let Some(port) = self.config.called() else {
            return;
        };
        let there = self.sockets.get(port).is_some_and(|s| s.stream.is_some());
        if there {
            self.lost(port, "The gateway called anew.");
        }
        if let Some(socket) = self.sockets.get_mut(port) {
            socket.stream = Some(Stream::Plain(stream));
            self.line.connected(port, steady());
        }
    }

    /// A connection has ended, whether or not its peer knows.
    fn lost(&mut self, port: usize, why: &str) {
        self.line.closed(port, why, steady());
        if let Some(socket) = self.sockets.get_mut(port) {
            *socket = socket.after(steady() + self.line.backoff(jitter()));
        }
    }

    /// Opens what is due, each in a task of its own: a peer that does not answer holds nothing up.
    fn connect(&mut self, opened: &mpsc::Sender<Opened>) {
        for (port, socket) in self.sockets.iter_mut().enumerate() {
            // The SMSC opens that one itself.
            if self.config.called() == Some(port) {
                continue;
            }
            if socket.asked || socket.due > steady() {
                continue;
            }
            socket.asked = true;
            let (host, tcp) = (self.config.host.clone(), self.config.port);
            let (opened, number, tls) = (opened.clone(), socket.number, self.config.tls.clone());
            tokio::spawn(async move {
                let stream = open(&host, tcp, tls).await;
                // Nobody hears it when the line has ended.
                let _ = opened
                    .send(Opened {
                        port,
                        number,
                        stream,
                    })
                    .await;
            });
        }
    }

    /// One write a port and wake-up, of everything that came together; what the peer does not take now waits.
    fn write(&mut self) {
        for port in 0..self.sockets.len() {
            let octets = self.line.output(port);
            let closing = self.line.closing(port);
            let Some(socket) = self.sockets.get_mut(port) else {
                continue;
            };
            if let Err(error) = socket.write(octets, steady()) {
                self.lost(port, &why(&error));
            } else if socket
                .blocked
                .is_some_and(|since| steady() - since > ms(WRITE))
            {
                // A broken connection is told by reading; one that takes nothing is told by nobody (row 14).
                self.lost(port, "The gateway takes no more octets.");
            } else if closing && socket.blocked.is_none() {
                let since = socket.end(steady());
                // A peer that is gone never closes its half: answers under way had their moment (rows 14 and 15).
                if steady() - since > ms(LINGER) {
                    self.lost(port, "The connection was given up.");
                }
            }
        }
    }

    /// The line's rows for the table; what waits here in vain goes back to the router.
    fn publish(&mut self) {
        let back = self.line.take_back();
        let mut hub = lock(&self.hub);
        hub.clock(steady(), now());
        hub.publish(self.place, &mut self.line.rows, self.taken, back);
    }
}

/// Looks at the table once a second, and says what an operator must hear of: once when it begins, once when it ends.
async fn watch(table: Arc<Mutex<NetworkTable>>) {
    let mut watch = Watch::default();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        let changes = {
            let mut table = lock(&table);
            let changes = watch.look(&table, steady());
            table.alerts = watch.current();
            changes
        };
        for change in changes {
            match change {
                Change::Raised(alert) => {
                    let (what, since) = (alert.what.name(), alert.since);
                    tracing::warn!(target: "alert", what, gateway = alert.gateway, since, sentence = alert.sentence, "raised");
                }
                Change::Cleared(alert) => {
                    let (what, since) = (alert.what.name(), alert.since);
                    tracing::info!(target: "alert", what, gateway = alert.gateway, since, sentence = alert.sentence, "cleared");
                }
            }
        }
    }
}

/// Connects; why not, as a sentence.
async fn open(host: &str, port: u16, tls: Option<TlsConfig>) -> Result<Stream, String> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect((host, port)))
        .await
        .map_err(|_| format!("{host}:{port} does not answer."))?
        .map_err(|error| format!("{host}:{port} cannot be reached: {error}."))?;
    // Small writes must not wait for the peer's delayed ACK (SMPP.md, row 24).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!(%error, "TCP_NODELAY was refused");
    }
    let Some(tls) = tls else {
        return Ok(Stream::Plain(stream));
    };
    let (connector, name) = tls.client(host)?;
    let stream = tokio::time::timeout(CONNECT, connector.connect(name, stream))
        .await
        .map_err(|_| {
            format!("{host}:{port} does not answer by TLS; Kith sends nothing in the clear.")
        })?
        .map_err(|error| no_handshake(&error))?;
    Ok(Stream::Tls(Box::new(stream)))
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The wall clock, ms UTC: for what people see.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// The same clock as [`monotonic`], for everything that waits: nobody sets it.
pub(crate) fn steady() -> i64 {
    i64::try_from(monotonic()).unwrap_or(i64::MAX)
}

/// The clock that fences are held against, ms: it goes on while the machine sleeps.
fn monotonic() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}

/// 0–1, from the clock's finest digits: enough to keep nodes apart, and no secret.
fn jitter() -> f64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.subsec_nanos());
    f64::from(nanos % 1000) / 1000.0
}
