//! One of a line's connections, or its absence. Nothing here waits: a peer that takes nothing holds nothing up.

use crate::tls::Stream;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
pub(super) struct Socket {
    /// Which connection this is: what an earlier one still says is not heard.
    pub(super) number: u64,
    /// Whether it is being opened or open.
    pub(super) asked: bool,
    pub(super) stream: Option<Stream>,
    /// When to connect next, ms of the clock that only goes forward, as everywhere here.
    pub(super) due: i64,
    /// Since when it is being closed, ms.
    closing: Option<i64>,
    /// Since when the peer takes nothing, ms.
    pub(super) blocked: Option<i64>,
    /// What it has not taken yet, from `taken` on.
    out: Vec<u8>,
    taken: usize,
}

/// What a socket did.
pub(super) enum Done {
    /// Octets came; none: the peer closed.
    Read(io::Result<usize>),
    /// What was blocked went on.
    Wrote(io::Result<()>),
}

/// The next thing that any of the sockets does; what is read stands in `octets`.
pub(super) async fn next(sockets: &mut [Socket], octets: &mut [u8]) -> (usize, Done) {
    poll_fn(|cx| {
        for (port, socket) in sockets.iter_mut().enumerate() {
            if let Poll::Ready(done) = socket.poll(cx, octets) {
                return Poll::Ready((port, done));
            }
        }
        Poll::Pending
    })
    .await
}

impl Socket {
    fn poll(&mut self, cx: &mut Context<'_>, octets: &mut [u8]) -> Poll<Done> {
        let Some(stream) = &mut self.stream else {
            return Poll::Pending;
        };
        let mut read = ReadBuf::new(octets);
        if let Poll::Ready(done) = Pin::new(stream).poll_read(cx, &mut read) {
            return Poll::Ready(Done::Read(done.map(|()| read.filled().len())));
        }
        if self.blocked.is_none() {
            return Poll::Pending;
        }
        self.flush(cx, None).map(Done::Wrote)
    }

    /// Writes in one go; what the peer does not take now waits.
    pub(super) fn write(&mut self, octets: Vec<u8>, now: i64) -> io::Result<()> {
        if self.out.is_empty() {
            self.out = octets;
        } else {
            self.out.extend(octets);
        }
        if self.out.is_empty() || self.blocked.is_some() {
            return Ok(());
        }
        // Whoever waits for the socket asks for its own waker.
        match self.flush(&mut Context::from_waker(Waker::noop()), Some(now)) {
            Poll::Ready(done) => done,
            Poll::Pending => Ok(()),
        }
    }

    /// Writes until everything is taken, or until nothing is: then it is blocked since `now`.
    fn flush(&mut self, cx: &mut Context<'_>, now: Option<i64>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            self.out.clear();
            return Poll::Ready(Ok(()));
        };
        while let Some(rest) = self.out.get(self.taken..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut *stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(taken)) => self.taken += taken,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.blocked = self.blocked.or(now);
                    return Poll::Pending;
                }
            }
        }
        // TLS holds octets of its own.
        match Pin::new(stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                self.blocked = self.blocked.or(now);
                return Poll::Pending;
            }
        }
        self.out.clear();
        self.taken = 0;
        self.blocked = None;
        Poll::Ready(Ok(()))
    }

    /// Nothing more will be written: the peer sees the end, and may still answer. Since when that is so, ms.
    pub(super) fn end(&mut self, now: i64) -> i64 {
        if let (None, Some(stream)) = (self.closing, &mut self.stream) {
            let mut context = Context::from_waker(Waker::noop());
            // A connection that is broken is told by reading.
            let _ = Pin::new(stream).poll_shutdown(&mut context);
        }
        *self.closing.get_or_insert(now)
    }

    /// The connection after this one, to be opened at `due`, ms.
    pub(super) fn after(&self, due: i64) -> Self {
        Self {
            number: self.number + 1,
            due,
            ..Self::default()
        }
    }
}
