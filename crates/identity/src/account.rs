//! Accounts: people who log in, each with one role, and the faces that a role opens.

use book::{Language, SubscriberId};
use serde::{Deserialize, Serialize};

/// What somebody does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Of a terminal and of a book.
    Owner,
    /// Family of an owner, with all the owner's rights for now (issue 4: *full*).
    Guardian,
    /// At the desk.
    Agent,
    /// Helps the agents.
    Supervisor,
    /// Runs Kith.
    Administrator,
}

/// A set of pages with a log-in of its own. Ports do not keep cookies apart, so each face has its own cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// Owners and family.
    Portal,
    /// Agents.
    Desk,
    /// Administrators.
    Console,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Guardian,
        Self::Agent,
        Self::Supervisor,
        Self::Administrator,
    ];

    /// The word on the command line and in `demo.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Guardian => "guardian",
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether this role may log in there. An administrator opens no book: he has no way into portal or desk.
    pub fn opens(self, face: Face) -> bool {
        match face {
            Face::Portal => matches!(self, Self::Owner | Self::Guardian),
            Face::Desk => matches!(self, Self::Agent | Self::Supervisor),
            Face::Console => self == Self::Administrator,
        }
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// A telephone number in its normal form (portal), or a short name (desk, console). Unique.
    pub login: String,
    /// For the journal and the pages.
    pub name: String,
    /// What she does here.
    pub role: Role,
    /// Whose books (owners, guardians).
    pub subscribers: Vec<SubscriberId>,
    /// Argon2id as a PHC string; none until she has chosen one.
    pub password: Option<String>,
    /// The language of her pages.
    pub language: Language,
    /// May not log in any more.
    pub disabled: bool,
}

/// A login as it is stored: without spaces around, in small letters.
pub fn login(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// Whether `login` can be one of the staff's: 2 to 40 of a–z, 0–9, `.`, `-`, `_`, beginning with a letter.
pub fn is_staff_login(login: &str) -> bool {
    let first = login.chars().next();
    (2..=40).contains(&login.len())
        && first.is_some_and(|c| c.is_ascii_lowercase())
        && login
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_opens_its_own_face_only() {
        let faces = [Face::Portal, Face::Desk, Face::Console];
        for role in Role::ALL {
            let open = faces.iter().filter(|face| role.opens(**face)).count();
            assert_eq!(open, 1, "{role:?}");
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert!(!Role::Administrator.opens(Face::Desk));
    }

    #[test]
    fn logins() {
        for (typed, right) in [
            ("ann", true),
            ("a.b-c_9", true),
            ("a", false),
            ("9ann", false),
            ("+44", false),
            ("änn", false),
        ] {
            assert_eq!(is_staff_login(typed), right, "{typed}");
        }
        assert_eq!(login(" Ann "), "ann");
    }
}
