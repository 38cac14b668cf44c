//! Rule 10: a book is read or changed only with a grant, and only this room makes one.

use crate::call::LOOK_BACK;
use crate::{Call, CallState, Face, Role, Scope, Session, Token};
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
    /// What a call left: changes that the caller did not confirm are undone, the rest goes.
    CallEnd,
}

impl Grant {
    /// Kith's own work on one book.
    pub fn of_job(job: JobKind, subscriber: SubscriberId) -> Self {
        let (kind, name, way) = match job {
            JobKind::CommandLine => (ActorKind::Administrator, "command line", Way::Cli),
            JobKind::Sample => (ActorKind::System, "sample data", Way::Cli),
            JobKind::CallEnd => (ActorKind::System, "end of a call", Way::Desk),
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

    /// An owner's or guardian's right to a book, once she has logged in to the portal; none to anybody else's.
    pub fn of_session(session: &Session, subscriber: SubscriberId) -> Option<Self> {
        let hers = session.face == Face::Portal && session.subscribers.contains(&subscriber);
        let kind = match session.role {
            // An owner's own book is her first; she may be family to other owners.
            Role::Owner if session.subscribers.first() == Some(&subscriber) => ActorKind::Owner,
            Role::Owner | Role::Guardian => ActorKind::Guardian,
            Role::Agent | Role::Supervisor | Role::Administrator => return None,
        };
        hers.then(|| Self {
            subscriber,
            actor: Actor {
                kind,
                id: format!("account:{}", session.login),
                name: session.name.clone(),
            },
            way: Way::Portal,
            call: None,
            write: true,
        })
    }

    /// An agent's right to the caller's book: only in a verified call that he has, to change it only while the call
    /// lasts, and to look at it for a while after.
    pub fn of_call(call: &Call, agent: &Session, now: i64) -> Option<Self> {
        let subscriber = call.subscriber?;
        let ended = call.ended.unwrap_or(now);
        let open = call.state != CallState::Ringing && now - ended < LOOK_BACK;
        let his = agent.face == Face::Desk && call.is_with(&agent.login);
        (open && his && call.level > 0).then(|| Self {
            subscriber,
            actor: Actor {
                kind: ActorKind::Agent,
                id: format!("account:{}", agent.login),
                name: agent.name.clone(),
            },
            way: Way::Desk,
            call: Some(call.id.clone()),
            write: call.state == CallState::Answered,
        })
    }

    /// What an ended call still has to do in its book: take back what the caller did not confirm.
    pub fn of_call_end(call: &Call) -> Option<Self> {
        let subscriber = call.subscriber.filter(|_| call.level > 0)?;
        let job = Self::of_job(JobKind::CallEnd, subscriber);
        Some(Self {
            call: Some(call.id.clone()),
            ..job
        })
    }

    /// An administrator's right to decide a hold of a book, or to look at what a terminal holds of it.
    pub fn of_console(admin: &Session, subscriber: SubscriberId) -> Option<Self> {
        let may = admin.face == Face::Console && admin.role == Role::Administrator;
        may.then(|| Self {
            subscriber,
            actor: Actor {
                kind: ActorKind::Administrator,
                id: format!("account:{}", admin.login),
                name: admin.name.clone(),
            },
            way: Way::Console,
            call: None,
            write: true,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::AgentRef;

    fn session(face: Face, role: Role) -> Session {
        Session {
            face,
            login: "ann".into(),
            name: "Ann".into(),
            role,
            subscribers: vec![SubscriberId(7)],
            expires: 1000,
        }
    }

    fn verified() -> Call {
        let mut call = Call::ring("c1".into(), String::new(), String::new(), true, 0);
        let (login, name) = ("ann".into(), "Ann".into());
        call.answer(AgentRef { login, name }, 1).unwrap();
        call.subscriber = Some(SubscriberId(7));
        call.level = 1;
        call
    }

    #[test]
    fn a_session_opens_its_own_books_only() {
        let owner = session(Face::Portal, Role::Owner);
        assert!(Grant::of_session(&owner, SubscriberId(7)).is_some());
        assert!(Grant::of_session(&owner, SubscriberId(8)).is_none());
        for (face, role) in [
            (Face::Desk, Role::Agent),
            (Face::Console, Role::Administrator),
            (Face::Portal, Role::Administrator),
        ] {
            let other = session(face, role);
            assert!(Grant::of_session(&other, SubscriberId(7)).is_none());
        }
    }

    #[test]
    fn a_call_opens_a_book_only_when_verified_and_only_to_its_agent() {
        let agent = session(Face::Desk, Role::Agent);
        let grant = Grant::of_call(&verified(), &agent, 2).unwrap();
        assert!(grant.may_write() && grant.call() == Some("c1"));
        let mut unverified = verified();
        unverified.level = 0;
        assert!(Grant::of_call(&unverified, &agent, 2).is_none());
        let mut other = session(Face::Desk, Role::Agent);
        other.login = "bob".into();
        assert!(Grant::of_call(&verified(), &other, 2).is_none());
        let console = session(Face::Console, Role::Administrator);
        assert!(Grant::of_call(&verified(), &console, 2).is_none());
    }

    #[test]
    fn after_the_call_the_agent_may_look_for_a_while() {
        let agent = session(Face::Desk, Role::Agent);
        let mut call = verified();
        call.end(None, 100);
        let grant = Grant::of_call(&call, &agent, 101).unwrap();
        assert!(!grant.may_write());
        assert!(Grant::of_call(&call, &agent, 100 + LOOK_BACK).is_none());
    }
}
