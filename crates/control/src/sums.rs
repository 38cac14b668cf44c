//! Passwords and PINs: slow sums, taken one at a time beside the threads that serve others.

use crate::{AccountError, Control};
use book::SubscriberId;
use identity::password::{self, Memory, SALT};
use identity::pin;
use std::sync::Arc;
use store::{DocumentWrite, Job, StoreError};

impl Control {
    /// Sets or takes away an owner's PIN.
    ///
    /// # Errors
    /// [`AccountError::Password`] when it is not six digits.
    pub async fn set_pin(
        &self,
        subscriber: SubscriberId,
        digits: Option<&str>,
    ) -> Result<(), AccountError> {
        let key = subscriber.0.to_string();
        let write = match digits {
            None => DocumentWrite::remove("pin", key),
            Some(digits) => {
                let mut salt = [0; SALT];
                self.random(&mut salt);
                let pepper = self.vault().pepper();
                let digits = digits.to_owned();
                let hashed = self
                    .at_leisure(move |memory| pin::hash(&digits, pepper.expose(), &salt, memory))
                    .await?;
                DocumentWrite::put("pin", key, &hashed?)
            }
        };
        Ok(self.store().run(Job::Documents(vec![write])).await?)
    }

    /// Whether these are the digits of this owner's PIN.
    pub(crate) async fn is_pin(
        &self,
        subscriber: SubscriberId,
        digits: &str,
    ) -> Result<bool, StoreError> {
        let document = self
            .store()
            .document("pin", &subscriber.0.to_string())
            .await?;
        let hash: Option<String> = document.and_then(|d| serde_json::from_str(&d.value).ok());
        let pepper = self.vault().pepper();
        let digits = digits.to_owned();
        self.at_leisure(move |memory| pin::is(&digits, pepper.expose(), hash.as_deref(), memory))
            .await
    }

    /// A slow sum, one at a time and beside the threads that serve others: guesses cannot take every core.
    pub(crate) async fn at_leisure<T: Send + 'static>(
        &self,
        sum: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        // A queue without end would keep everybody waiting: who finds it long is told to come again.
        let Ok(_place) = self.0.queue.try_acquire() else {
            return Err(StoreError::Closed);
        };
        let mut memory = Arc::clone(&self.0.hashing).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || sum(&mut memory)).await;
        done.map_err(|_| StoreError::Closed)
    }

    /// A password as it is stored.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn hash(&self, password: &str) -> Result<String, AccountError> {
        let mut salt = [0; SALT];
        self.random(&mut salt);
        let password = password.to_owned();
        let hashed = self
            .at_leisure(move |memory| password::hash(&password, &salt, memory))
            .await?;
        Ok(hashed?)
    }
}
