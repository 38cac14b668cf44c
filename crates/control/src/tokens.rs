//! API tokens: made once, shown once, stored as a digest.

use crate::Control;
use identity::{Scope, Token, digest};
use store::{DocumentWrite, Job, StoreError};

/// A secret's octets: as much as a key.
const OCTETS: usize = 32;

impl Control {
    /// Makes a token; the secret is given here and never again.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_token(
        &self,
        name: &str,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Result<(Token, String), StoreError> {
        let mut octets = [0; OCTETS];
        self.random(&mut octets);
        let secret = format!("kith_{}", data_encoding::BASE64URL_NOPAD.encode(&octets));
        let token = Token {
            id: format!("{:x}", self.random_u64()),
            name: name.to_owned(),
            scopes: scopes.into_iter().collect(),
        };
        let write = DocumentWrite::put("token", digest(&secret), &token)
            .indexed(&token.id)
            .expecting(0);
        self.store().run(Job::Documents(vec![write])).await?;
        Ok((token, secret))
    }

    /// The token that this bearer secret is, if any.
    ///
    /// # Errors
    /// The store's.
    pub async fn token(&self, secret: &str) -> Result<Option<Token>, StoreError> {
        let document = self.store().document("token", &digest(secret)).await?;
        Ok(document.and_then(|document| serde_json::from_str(&document.value).ok()))
    }
}
