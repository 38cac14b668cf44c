//! Rule 10: a book is read or changed only with a grant, and only this room makes one.

use crate::{Scope, Session, Token};
use book::{Actor, ActorKind, SubscriberId, Way};

/// The right to open one book. Its fields are private: nobody else can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    subscriber: SubscriberId,
    actor: Actor,
    way: Way,
    call: Option<String>,
    write: bool,
}

/// Kith's own work on a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// The command line, by whoever may open the data folder.
    CommandLine,
    /// The sample data of `kith demo`.
    Sample,
    /// An administrator's decision on a hold.
    Hold,
}

impl Grant {
    /// Kith's own work on one book.
    pub fn of_job(job: JobKind, subscriber: SubscriberId) -> Self {
        let (kind, name, way) = match job {
            JobKind::CommandLine => (ActorKind::Administrator, "command line", Way::Cli),
            JobKind::Sample => (ActorKind::System, "sample data", Way::Cli),
            JobKind::Hold => (ActorKind::Administrator, "administrator", Way::Api),
        };
        Self {
            subscriber,
            actor: Actor {
                kind,
                id: format!("job:{name}"),
                name: name.to_owned(),
            },
            way,
            call: None,
            write: true,
        }
    }

    /// An owner's right to her own book, once she has logged in.
    pub fn of_session(session: &Session) -> Self {
        Self {
            subscriber: session.subscriber,
            actor: Actor {
                kind: ActorKind::Owner,
                id: format!("owner:{}", session.subscriber.0),
                name: session.name.clone(),
            },
            way: Way::Portal,
            call: None,
            write: true,
        }
    }

    /// A token's right to a book: none without `books:read`; to change it, `books:write`.
    pub fn of_token(token: &Token, subscriber: SubscriberId) -> Option<Self> {
        let write = token.may(Scope::BooksWrite);
        (write || token.may(Scope::BooksRead)).then(|| Self {
            subscriber,
            actor: Actor {
                kind: ActorKind::Token,
                id: format!("token:{}", token.id),
                name: token.name.clone(),
            },
            way: Way::Api,
            call: None,
            write,
        })
    }

    /// Whose book.
    pub fn subscriber(&self) -> SubscriberId {
        self.subscriber
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// By which way.
    pub fn way(&self) -> Way {
        self.way
    }

    /// In which call.
    pub fn call(&self) -> Option<&str> {
        self.call.as_deref()
    }

    /// Whether it may change the book, too.
    pub fn may_write(&self) -> bool {
        self.write
    }
}
