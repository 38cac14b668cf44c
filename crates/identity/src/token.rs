//! API tokens with scopes (API.md, “Conventions”). A token's secret is seen once; its SHA-256 is stored.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Look at books.
    #[serde(rename = "books:read")]
    BooksRead,
    /// Change books.
    #[serde(rename = "books:write")]
    BooksWrite,
    /// A telephone system's: calls and keyed digits; opens no book.
    #[serde(rename = "calls")]
    Calls,
    /// Subscribers and terminals.
    #[serde(rename = "provision")]
    Provision,
    /// Gateways and the network state table.
    #[serde(rename = "network")]
    Network,
    /// Organisations, their shared groups and campaigns.
    #[serde(rename = "organisations")]
    Organisations,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::BooksRead,
        Self::BooksWrite,
        Self::Calls,
        Self::Provision,
        Self::Network,
        Self::Organisations,
    ];

    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BooksRead => "books:read",
            Self::BooksWrite => "books:write",
            Self::Calls => "calls",
            Self::Provision => "provision",
            Self::Network => "network",
            Self::Organisations => "organisations",
        }
    }

    /// The scope of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id in the journal.
    pub id: String,
    /// What it was made for.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
}

impl Token {
    /// Whether it may.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The key under which a secret's token is stored: hex of its SHA-256. Finding it by this key is no oracle: who could
/// guess a hash's prefix would still not know the 256-bit secret.
pub fn digest(secret: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    data_encoding::HEXLOWER.encode(&digest)
}
