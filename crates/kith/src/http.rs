//! HTTP on a listener: nobody holds a connection who says nothing, and never so many that none are left for the carrier
//! and the database.

use crate::stalled::Stalled;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// How long a client may take for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the TLS handshake, and for the head of the first request.
    pub first: Duration,
    /// Between an answer and the head of the next request. More than proxies keep a connection (60 s), so that none sends
    /// on one that is just being closed.
    pub idle: Duration,
    /// For the body of a request, from its head to its end.
    pub body: Duration,
    /// Without taking an octet of an answer that waits for it.
    pub stalled: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(120),
            stalled: Duration::from_secs(30),
        }
    }
}

/// What a connection may gather of a head, octets; bodies have limits at their routes.
const HEAD: usize = 64 * 1024;
/// The most connections of a listener, however many descriptors the system gives.
const MOST: usize = 16_384;
/// A full listener, or one without descriptors, is told of once in so long.
const TELL: Duration = Duration::from_secs(60);

/// How many connections a listener may have: a quarter of the descriptors that the system gives this process, which takes
/// all that it may have. The rest is for the other listeners, the carriers' and the database's.
pub fn connections() -> usize {
    let Rlimit { maximum, current } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    let may = match setrlimit(Resource::Nofile, all) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let quarter = may.map_or(MOST, |may| usize::try_from(may / 4).unwrap_or(MOST));
    quarter.clamp(1, MOST)
}

/// Serves a router, by TLS where there is an acceptor. Aborted, it takes nobody any more, and who is being answered is
/// answered to the end.
pub fn serve(tcp: TcpListener, tls: Option<TlsAcceptor>, router: Router) -> JoinHandle<()> {
    tokio::spawn(listen(tcp, tls, router, Patience::default(), connections()))
}

async fn listen(
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    patience: Patience,
    most: usize,
) {
    let router = router.with_state(());
    let places = Arc::new(Semaphore::new(most));
    // Gone with this task: the connections end after what they are at.
    let (open, _closing) = watch::channel(());
    let (mut full, mut refused) = (Seldom::default(), Seldom::default());
    loop {
        let Some(place) = place(&places, most, &mut full).await else {
            return;
        };
        let stream = match tcp.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, for instance: others end meanwhile.
                if refused.is_due(Instant::now()) {
                    tracing::warn!(%error, "a connection was not taken");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (tls, router, open) = (tls.clone(), router.clone(), open.clone());
        tokio::spawn(connection(stream, tls, router, patience, (place, open)));
    }
}

/// What would be told again and again, when it was told last.
#[derive(Default)]
struct Seldom(Option<Instant>);

impl Seldom {
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|at| now.duration_since(at) > TELL);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// A place for one more; who comes while there is none waits in the system's queue.
async fn place(
    places: &Arc<Semaphore>,
    most: usize,
    full: &mut Seldom,
) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    if full.is_due(Instant::now()) {
        tracing::warn!(
            most,
            "as many connections are open as a listener may have; further ones wait. Let the process have more open files (ulimit -n, LimitNOFILE), or close what holds them"
        );
    }
    Arc::clone(places).acquire_owned().await.ok()
}

/// One client, from handshake to end.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    tls: Option<TlsAcceptor>,
    router: Router,
    patience: Patience,
    (_place, open): (OwnedSemaphorePermit, watch::Sender<()>),
) {
    // Under TLS, which takes an answer long before the client does, and ends it long after.
    let stream = Stalled::new(stream, patience.stalled);
    let Some(tls) = tls else {
        return talk(stream, router, patience, open).await;
    };
    match timeout(patience.first, tls.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, router, patience, open).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    patience: Patience,
    open: watch::Sender<()>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(|body| Body::new(InTime::new(body, patience.body)));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(Heads::new(&patience))
        .header_read_timeout(patience.first)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let done = tokio::select! {
        done = &mut connection => done,
        () = open.closed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// hyper asks for one time-out for heads, which runs while a connection is idle, too: the first is short, since nobody
/// connects to say nothing; the next ones include the pause before them.
struct Heads {
    more: Duration,
    first: AtomicBool,
}

impl Heads {
    fn new(patience: &Patience) -> Self {
        Self {
            more: patience.idle.saturating_sub(patience.first),
            first: AtomicBool::new(true),
        }
    }
}

impl Timer for Heads {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let first = self.first.swap(false, Ordering::Relaxed);
        let more = if first { Duration::ZERO } else { self.more };
        TokioTimer::new().sleep_until(deadline + more)
    }
}

/// A request's body that must have come before its time is over.
struct InTime {
    body: Incoming,
    over: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl InTime {
    fn new(body: Incoming, patience: Duration) -> Self {
        let comes = !hyper::body::Body::is_end_stream(&body);
        Self {
            body,
            over: comes.then(|| Box::pin(tokio::time::sleep(patience))),
        }
    }
}

impl hyper::body::Body for InTime {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        match &mut self.over {
            Some(over) => over.as_mut().poll(context).map(|()| {
                let late = "the body took too long to come";
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, late)))
            }),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use rustls_pki_types::ServerName;
    use std::convert::Infallible;
    use tokio::io::{
        AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadBuf,
    };
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    /// Far less than any test waits.
    const SHORT: Duration = Duration::from_millis(80);
    /// Far more.
    const LONG: Duration = Duration::from_secs(600);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: kith\r\n\r\n";

    /// A sign of life now and then, as event streams give.
    struct Alive(tokio::time::Interval);

    impl hyper::body::Body for Alive {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let alive = |_| Some(Ok(Frame::data(Bytes::from_static(b":\n\n"))));
            self.0.poll_tick(context).map(alive)
        }
    }

    fn router() -> Router {
        let events = || async { Body::new(Alive(tokio::time::interval(SHORT / 8))) };
        Router::new()
            .route("/", get(|| async { "here" }))
            .route("/", post(|body: String| async move { body }))
            .route("/some", get(|| async { "x".repeat(32 * 1024) }))
            .route("/much", get(|| async { "x".repeat(64 * 1024 * 1024) }))
            .route("/events", get(events))
    }

    async fn begin(patience: Patience, most: usize) -> (std::net::SocketAddr, JoinHandle<()>) {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = tcp.local_addr().unwrap();
        (
            addr,
            tokio::spawn(listen(tcp, None, router(), patience, most)),
        )
    }

    const PATIENT: Patience = Patience {
        first: LONG,
        idle: LONG,
        body: LONG,
        stalled: LONG,
    };

    /// Everything that is said until the other side closes.
    async fn all(stream: &mut TcpStream) -> String {
        let mut said = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).into_owned()
    }

    async fn connect(addr: std::net::SocketAddr, words: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(words).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_a_head_is_closed() {
        let patience = Patience {
            first: SHORT,
            ..PATIENT
        };
        let (addr, _server) = begin(patience, 9).await;
        for words in [&b""[..], b"GET / HTTP/1.1\r\nHost: k"] {
            let said = all(&mut connect(addr, words).await).await;
            assert!(!said.contains("200"), "{said}");
        }
    }

    #[tokio::test]
    async fn who_is_idle_after_an_answer_is_closed_later_than_who_says_nothing() {
        let patience = Patience {
            first: SHORT,
            idle: SHORT * 4,
            ..PATIENT
        };
        let (addr, _server) = begin(patience, 9).await;
        let began = Instant::now();
        let said = all(&mut connect(addr, GET).await).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert!(began.elapsed() >= SHORT * 4);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let patience = Patience {
            body: SHORT,
            ..PATIENT
        };
        let (addr, _server) = begin(patience, 9).await;
        let half = b"POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 9\r\n\r\nhalf";
        let said = all(&mut connect(addr, half).await).await;
        assert!(said.starts_with("HTTP/1.1 4"), "{said}");
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_holds_no_place() {
        let patience = Patience {
            stalled: SHORT,
            ..PATIENT
        };
        let (addr, _server) = begin(patience, 1).await;
        let _deaf = connect(addr, b"GET /much HTTP/1.1\r\nHost: k\r\n\r\n").await;
        // The only place is free again, and only then.
        let mut next = connect(addr, GET).await;
        let mut begin = [0; 12];
        next.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn silent_clients_do_not_keep_others_out() {
        let patience = Patience {
            first: SHORT,
            ..PATIENT
        };
        let (addr, _server) = begin(patience, 2).await;
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(connect(addr, b"").await);
        }
        let mut last = connect(addr, GET).await;
        let mut begin = [0; 12];
        last.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn events_go_on_far_beyond_every_patience_and_an_end_answers_who_is_asked() {
        let patience = Patience {
            first: SHORT,
            idle: SHORT,
            body: SHORT,
            stalled: SHORT,
        };
        let (addr, server) = begin(patience, 9).await;
        let stream = connect(addr, b"GET /events HTTP/1.1\r\nHost: k\r\n\r\n").await;
        let mut lines = BufReader::new(stream).lines();
        let began = Instant::now();
        let mut alive = 0;
        while began.elapsed() < SHORT * 5 {
            let line = lines.next_line().await.unwrap().unwrap();
            alive += usize::from(line == ":");
        }
        assert!(alive > 3, "{alive}");
        // Aborted, it takes nobody, and the idle are let go of at once.
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        assert!(TcpStream::connect(addr).await.is_err());
        assert!(lines.next_line().await.unwrap().is_some(), "still told");
    }

    #[tokio::test]
    async fn the_idle_go_when_the_listener_does() {
        let (addr, server) = begin(PATIENT, 9).await;
        let mut stream = connect(addr, GET).await;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        server.abort();
        assert!(all(&mut stream).await.ends_with("here"));
    }

    #[test]
    fn what_goes_on_is_told_at_once_and_then_once_in_a_while() {
        let now = Instant::now();
        let mut seldom = Seldom::default();
        let mut due = |after| seldom.is_due(now + after);
        assert!(due(Duration::ZERO));
        assert!(!due(SHORT) && !due(TELL));
        assert!(due(TELL + SHORT));
        assert!(!due(TELL + SHORT * 2));
    }

    /// Takes what has come now and then, so that the other side must wait for room.
    struct Slow(DuplexStream, tokio::time::Interval);

    impl AsyncRead for Slow {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            std::task::ready!(self.1.poll_tick(context));
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(context, octets)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    /// Both sides' TLS.
    fn tls() -> (TlsAcceptor, TlsConnector) {
        let made = rcgen::generate_simple_self_signed(vec!["kith".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], made.signing_key.into())
            .unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server).into(), Arc::new(client).into())
    }

    /// A connection by TLS, whose other end takes 512 octets at a time.
    fn connected(tls: TlsAcceptor, patience: Patience) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = tokio::io::duplex(512);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        // The listener goes on meanwhile.
        let (open, closing) = watch::channel(());
        let connection = async move {
            connection(server, Some(tls), router(), patience, (place, open)).await;
            drop(closing);
        };
        (client, tokio::spawn(connection))
    }

    #[tokio::test]
    async fn who_takes_an_answer_little_by_little_gets_it_whole_by_tls() {
        let patience = Patience {
            stalled: SHORT,
            ..PATIENT
        };
        let (acceptor, connector) = tls();
        let (client, server) = connected(acceptor, patience);
        let slow = Slow(client, tokio::time::interval(SHORT / 8));
        let name = ServerName::try_from("kith").unwrap();
        let mut stream = connector.connect(name, slow).await.unwrap();
        let get = b"GET /some HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n";
        stream.write_all(get).await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        assert!(said.ends_with(&[b'x'; 32 * 1024]), "{}", said.len());
        server.await.unwrap();
    }

    #[tokio::test]
    async fn who_takes_nothing_by_tls_or_begins_no_handshake_is_let_go() {
        let patience = Patience {
            stalled: SHORT,
            ..PATIENT
        };
        let (acceptor, connector) = tls();
        let (client, server) = connected(acceptor.clone(), patience);
        let name = ServerName::try_from("kith").unwrap();
        let mut deaf = connector.connect(name, client).await.unwrap();
        let get = b"GET /some HTTP/1.1\r\nHost: k\r\n\r\n";
        deaf.write_all(get).await.unwrap();
        server.await.unwrap();
        let patience = Patience {
            first: SHORT,
            ..PATIENT
        };
        let (_silent, server) = connected(acceptor, patience);
        server.await.unwrap();
    }
}
