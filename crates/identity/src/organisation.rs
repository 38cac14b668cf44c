//! Who may keep an organisation's shared groups: the counterpart of a [`crate::Grant`] for what many books carry.

use crate::{Face, JobKind, Role, Scope, Session, Token};
use book::{Actor, ActorKind, OrganisationNo, Way};

/// The right to an organisation's shared groups and campaigns. Its fields are private: nobody else can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationGrant {
    /// None: every organisation. A manager, once there is that role, has one here.
    only: Option<OrganisationNo>,
    actor: Actor,
    way: Way,
}

impl OrganisationGrant {
    /// An administrator's, at the console.
    pub fn of_console(admin: &Session) -> Option<Self> {
        let may = admin.face == Face::Console && admin.role == Role::Administrator;
        may.then(|| Self {
            only: None,
            actor: Actor {
                kind: ActorKind::Administrator,
                id: format!("account:{}", admin.login),
                name: admin.name.clone(),
            },
            way: Way::Console,
        })
    }

    /// A token's, with the scope `organisations`.
    pub fn of_token(token: &Token) -> Option<Self> {
        token.may(Scope::Organisations).then(|| Self {
            only: None,
            actor: Actor {
                kind: ActorKind::Token,
                id: format!("token:{}", token.id),
                name: token.name.clone(),
            },
            way: Way::Api,
        })
    }

    /// Kith's own work: the sample data of `kith demo`.
    pub fn of_job(job: JobKind) -> Self {
        let name = match job {
            JobKind::CommandLine => "command line",
            JobKind::Sample => "sample data",
            JobKind::CallEnd => "end of a call",
        };
        Self {
            only: None,
            actor: Actor {
                kind: ActorKind::System,
                id: format!("job:{name}"),
                name: name.to_owned(),
            },
            way: Way::Cli,
        }
    }

    /// Whether it reaches this organisation.
    pub fn may(&self, organisation: OrganisationNo) -> bool {
        self.only.is_none_or(|only| only == organisation)
    }

    /// Whether it reaches every organisation, those not made yet included.
    pub fn may_all(&self) -> bool {
        self.only.is_none()
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// By which way.
    pub fn way(&self) -> Way {
        self.way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_administrator_at_the_console_and_a_token_with_the_scope_may() {
        let session = |face, role| Session {
            face,
            login: "ann".into(),
            name: "Ann".into(),
            role,
            subscribers: Vec::new(),
            expires: 0,
        };
        let rows = [
            (Face::Console, Role::Administrator, true),
            (Face::Console, Role::Supervisor, false),
            (Face::Desk, Role::Administrator, false),
            (Face::Portal, Role::Owner, false),
        ];
        for (face, role, may) in rows {
            let grant = OrganisationGrant::of_console(&session(face, role));
            assert_eq!(grant.is_some(), may, "{face:?} {role:?}");
        }
        for scope in Scope::ALL {
            let token = Token {
                id: "t".into(),
                name: "t".into(),
                scopes: [scope].into(),
            };
            let grant = OrganisationGrant::of_token(&token);
            assert_eq!(grant.is_some(), scope == Scope::Organisations, "{scope:?}");
        }
    }
}
