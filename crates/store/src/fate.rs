//! What a simulation lets become of a request to the store: the way to it may break before the request or after it.

use crate::StoreError;
use std::sync::Arc;
use std::task::Poll;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out, and its answer comes.
    Heard,
    /// The same, but not before its answer is waited for: what is asked until then does not know of it.
    Late,
    /// It never reaches the store.
    Lost,
    /// It is carried out, and nobody hears of it: whoever asked cannot know.
    Unheard,
}

/// Decides about every request of a handle, in order.
pub(crate) type Judge = Arc<dyn Fn() -> Fate + Send + Sync>;

impl Fate {
    /// Whether it is carried out and its answer comes.
    pub fn is_heard(self) -> bool {
        matches!(self, Self::Heard | Self::Late)
    }

    /// Comes back when it is waited for a second time: an answer is never there at once, however fast the store's thread
    /// is, so a simulated life is the same every time.
    pub(crate) async fn once_more() {
        let mut first = true;
        std::future::poll_fn(|context| {
            if std::mem::take(&mut first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// What whoever asked is told of what never reached the store.
    pub(crate) fn cut() -> StoreError {
        StoreError::Database {
            what: "be reached",
            why: "the connection broke".into(),
        }
    }

    /// What whoever asked is told of what was carried out, perhaps.
    pub(crate) fn unheard() -> StoreError {
        StoreError::Unknown {
            why: "the connection broke before the answer".into(),
        }
    }
}
