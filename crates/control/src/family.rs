//! Family: who may open a book beside its owner.

use crate::{AccountError, Control};
use book::{Language, SubscriberId, Way};
use identity::account::login as as_login;
use identity::{Account, Grant, Role};
use store::StoreError;

impl Control {
    /// The family of a book: everybody who may open it beside its owner.
    ///
    /// # Errors
    /// The store's.
    pub async fn family(&self, subscriber: SubscriberId) -> Result<Vec<Account>, StoreError> {
        self.accounts_of(subscriber).await
    }

    /// Lets family in: she logs in with a code to her own telephone, like the owner.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn add_guardian(
        &self,
        grant: &Grant,
        name: &str,
        number: &str,
        language: Language,
    ) -> Result<Account, AccountError> {
        may_keep_family(grant)?;
        if name.trim().is_empty() {
            return Err(AccountError::Name);
        }
        let login = self
            .normal_number(number)
            .ok_or_else(|| AccountError::Number(number.trim().to_owned()))?;
        let make = || {
            Some(Account {
                login: login.clone(),
                name: name.trim().to_owned(),
                role: Role::Guardian,
                subscribers: Vec::new(),
                password: None,
                language,
                disabled: false,
            })
        };
        let let_in = |account: &mut Account| {
            if !account.subscribers.contains(&grant.subscriber()) {
                account.subscribers.push(grant.subscriber());
            }
        };
        self.amend(&login, make, let_in, Vec::new()).await
    }

    /// Takes family out again; her sessions end at once.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn remove_guardian(&self, grant: &Grant, login: &str) -> Result<(), AccountError> {
        may_keep_family(grant)?;
        let number = self.normal_number(login).unwrap_or_else(|| as_login(login));
        let family = self.account(&number).await?;
        // Nobody else's sessions are ended by this.
        if !family.is_some_and(|account| account.subscribers.contains(&grant.subscriber())) {
            return Err(AccountError::Missing(number));
        }
        let gone = |account: &mut Account| {
            account.subscribers.retain(|id| *id != grant.subscriber());
        };
        self.change_account(&number, gone).await.map(drop)
    }
}

/// Family is the owner's and the family's own matter: neither a call nor a token changes who may open a book.
fn may_keep_family(grant: &Grant) -> Result<(), AccountError> {
    let way = matches!(grant.way(), Way::Portal | Way::Cli);
    if grant.may_write() && way {
        Ok(())
    } else {
        Err(AccountError::Forbidden)
    }
}
