//! A turn that is stopped at a request to the store, as a process is that the machine has no time for: what it decided is
//! old when the request arrives. It runs on a thread of its own, and never while anything else does.

use crate::node::{Line, Stored, lock};
use control::Control;
use delivery::Event;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What a turn gives: when there is something to do next, or why it failed.
pub type Next = Result<i64, String>;

/// What became of a turn.
pub enum Came {
    /// It stands at a request.
    Stopped(Turn),
    /// It is over.
    Over(Next),
}

enum Said {
    Stopped,
    Over(Next),
}

/// Where a turn stops.
pub struct Stop {
    after: u32,
    says: Sender<Said>,
    go: Receiver<()>,
}

impl Stop {
    /// Whether the request that is made now is the one.
    pub fn is_here(&mut self) -> bool {
        let rest = self.after.checked_sub(1);
        self.after = rest.unwrap_or_default();
        rest.is_none()
    }

    /// Stands still until the turn may go on; `false`: the process has ended meanwhile.
    pub fn wait(self) -> bool {
        self.says.send(Said::Stopped).is_ok() && self.go.recv().is_ok()
    }
}

/// A turn under way.
pub struct Turn {
    go: Option<Sender<()>>,
    said: Receiver<Said>,
    thread: Option<JoinHandle<()>>,
}

impl Turn {
    /// Begins a turn that stops at its request number `after`, counted from 0, if it makes so many.
    pub fn begin(
        control: Control,
        events: Vec<Event>,
        told: Stored,
        line: &Line,
        after: u32,
    ) -> Came {
        let (says, said) = channel();
        let (go, goes) = channel();
        line.stop(Some(Stop {
            after,
            says: says.clone(),
            go: goes,
        }));
        let thread = std::thread::spawn(move || {
            let stored: control::Stored = Box::new(move |ack, done| lock(&told).push((ack, done)));
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let next = match runtime {
                Ok(runtime) => runtime
                    .block_on(control.step(events, &stored))
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            // Nobody listens any more: the process has ended.
            let _ = says.send(Said::Over(next));
        });
        Self {
            go: Some(go),
            said,
            thread: Some(thread),
        }
        .until_it_speaks()
    }

    /// Lets it go on.
    pub fn go_on(self) -> Came {
        let went = self.go.as_ref().is_some_and(|go| go.send(()).is_ok());
        match went {
            true => self.until_it_speaks(),
            false => Came::Over(Err("a stopped turn is gone".into())),
        }
    }

    fn until_it_speaks(self) -> Came {
        match self.said.recv() {
            Ok(Said::Stopped) => Came::Stopped(self),
            Ok(Said::Over(next)) => Came::Over(next),
            Err(_) => Came::Over(Err("a turn ended by a panic".into())),
        }
    }
}

/// The process ends with it.
impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.go.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
