//! Accounts: invited by a one-time link, given a password by their holder, disabled, unlocked.

use crate::{Control, lookup};
use book::Language;
use identity::account::{is_staff_login, login as as_login};
use identity::password::PasswordError;
use identity::{Account, Failures, Role, digest};
use serde::{Deserialize, Serialize};
use store::{DocumentWrite, Job, Refused, StoreError};

/// The second key of the first administrator's link: no login looks like this.
const FIRST: &str = "-";
/// How often a change of an account is made again when others change it at the same time.
const ATTEMPTS: u32 = 8;
/// How long a one-time link is good for, ms.
const INVITATION: i64 = 24 * 3_600_000;

/// A one-time link to choose a password, and before that, for the first administrator, a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The login, when somebody has chosen it already.
    pub login: Option<String>,
    /// How she is called.
    pub name: Option<String>,
    /// What she will do here.
    pub role: Role,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The login cannot be one.
    #[error(
        "“{0}” cannot be a login: 2 to 40 of a–z, 0–9, “.”, “-” and “_”, beginning with a letter"
    )]
    Login(String),
    /// A family member's number that cannot be read.
    #[error("“{0}” is no telephone number with which somebody can log in")]
    Number(String),
    /// Nobody wrote a name.
    #[error("Write a name")]
    Name,
    /// Somebody has it.
    #[error("the login “{0}” is taken: choose another")]
    Taken(String),
    /// Nobody has it.
    #[error("there is no account “{0}”")]
    Missing(String),
    /// The link was used, or is too old.
    #[error("this link was used already, or is older than a day: ask for a new one")]
    Used,
    /// The grant does not allow it.
    #[error("only the owner and her family may do this")]
    Forbidden,
    /// The password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Control {
    /// The account with this login.
    ///
    /// # Errors
    /// The store's.
    pub async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let document = self.store().document("account", login).await?;
        Ok(document.and_then(|document| serde_json::from_str(&document.value).ok()))
    }

    /// Every account, by login.
    ///
    /// # Errors
    /// The store's.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        const PAGE: u32 = 500;
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .store()
                .documents("account", after.as_deref(), PAGE)
                .await?;
            after = page.last().map(|document| document.key.clone());
            let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            all.extend(
                page.iter()
                    .filter_map(|d| serde_json::from_str(&d.value).ok()),
            );
            if !full {
                return Ok(all);
            }
        }
    }

    /// Invites somebody of the staff: the secret goes into the link that she gets.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn invite(
        &self,
        login: &str,
        name: &str,
        role: Role,
    ) -> Result<String, AccountError> {
        let login = as_login(login);
        if !is_staff_login(&login) {
            return Err(AccountError::Login(login));
        }
        if self.account(&login).await?.is_some() {
            return Err(AccountError::Taken(login));
        }
        let invitation = Invitation {
            login: Some(login),
            name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
            role,
        };
        Ok(self.invitation(&invitation).await?)
    }

    /// A link for the first administrator, when there is none; each start makes a new one until it is used.
    ///
    /// # Errors
    /// The store's.
    pub async fn first_administrator(&self) -> Result<Option<String>, StoreError> {
        if self.has_administrator().await? {
            return Ok(None);
        }
        let invitation = Invitation {
            login: None,
            name: None,
            role: Role::Administrator,
        };
        self.invitation(&invitation).await.map(Some)
    }

    /// A link; the ones before for the same login are worth nothing from now on.
    async fn invitation(&self, invitation: &Invitation) -> Result<String, StoreError> {
        let secret = self.secret();
        let login = invitation.login.as_deref();
        let mut writes = self.uninvited(login).await?;
        let new = DocumentWrite::put("invitation", digest(&secret), invitation)
            .indexed(login.unwrap_or(FIRST))
            .until(self.now() + INVITATION);
        writes.push(new);
        self.store().run(Job::Documents(writes)).await?;
        Ok(secret)
    }

    /// Takes every link for this login away.
    async fn uninvited(&self, login: Option<&str>) -> Result<Vec<DocumentWrite>, StoreError> {
        let index = login.unwrap_or(FIRST);
        let known = self.store().documents_by_index("invitation", index).await?;
        let gone = known.into_iter();
        Ok(gone
            .map(|link| DocumentWrite::remove("invitation", link.key))
            .collect())
    }

    /// What a link invites to.
    ///
    /// # Errors
    /// The store's.
    pub async fn invited(&self, secret: &str) -> Result<Option<Invitation>, StoreError> {
        let document = self.store().document("invitation", &digest(secret)).await?;
        let document = document.filter(|d| d.expires.is_none_or(|at| at > self.now()));
        Ok(document.and_then(|document| serde_json::from_str(&document.value).ok()))
    }

    /// Uses a link: the account is made, or gets its new password. Gives its login and role.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn accept(
        &self,
        secret: &str,
        login: &str,
        name: &str,
        password: &str,
    ) -> Result<Account, AccountError> {
        let invitation = self.invited(secret).await?.ok_or(AccountError::Used)?;
        let first = invitation.login.is_none();
        let login = invitation.login.unwrap_or_else(|| as_login(login));
        if !is_staff_login(&login) {
            return Err(AccountError::Login(login));
        }
        if first && self.has_administrator().await? {
            return Err(AccountError::Used);
        }
        let (known, version) = self.versioned(&login).await?;
        match &known {
            Some(_) if first => return Err(AccountError::Taken(login)),
            // Only an account that waits for a password gets one by a link.
            Some(account) if account.password.is_some() || account.disabled => {
                return Err(AccountError::Used);
            }
            _ => {}
        }
        let name = invitation.name.unwrap_or_else(|| name.trim().to_owned());
        let name = known.as_ref().map_or(name, |account| account.name.clone());
        if name.is_empty() {
            return Err(AccountError::Name);
        }
        let account = Account {
            login,
            name,
            role: invitation.role,
            subscribers: Vec::new(),
            password: Some(self.hash(password).await?),
            language: known
                .as_ref()
                .map_or(Language::En, |account| account.language),
            disabled: false,
        };
        let used = self
            .store()
            .document("invitation", &digest(secret))
            .await?
            .ok_or(AccountError::Used)?;
        let mut writes = vec![
            DocumentWrite::remove("invitation", used.key).expecting(used.version),
            DocumentWrite::put("account", account.login.clone(), &account).expecting(version),
        ];
        writes.extend(lookup::beside(known.as_ref(), &account));
        match self.store().run(Job::Documents(writes)).await {
            Err(StoreError::Refused(Refused::Stale)) => Err(AccountError::Used),
            done => Ok(done.map(|()| account)?),
        }
    }

    /// An account with its version; none is at version 0.
    async fn versioned(&self, login: &str) -> Result<(Option<Account>, u64), StoreError> {
        let document = self.store().document("account", login).await?;
        Ok(match document {
            Some(document) => (serde_json::from_str(&document.value).ok(), document.version),
            None => (None, 0),
        })
    }

    /// Changes an account, or makes it, as it is at that moment: what others change meanwhile is not written over.
    pub(crate) async fn amend(
        &self,
        login: &str,
        make: impl Fn() -> Option<Account>,
        change: impl Fn(&mut Account),
        beside: Vec<DocumentWrite>,
    ) -> Result<Account, AccountError> {
        let amended = self.write_account(login, make, change, beside).await?;
        amended.ok_or_else(|| AccountError::Missing(login.to_owned()))
    }

    /// The same; none when there is no such account.
    async fn write_account(
        &self,
        login: &str,
        make: impl Fn() -> Option<Account>,
        change: impl Fn(&mut Account),
        beside: Vec<DocumentWrite>,
    ) -> Result<Option<Account>, StoreError> {
        for _ in 0..ATTEMPTS {
            let (known, version) = self.versioned(login).await?;
            let Some(mut account) = known.clone().or_else(&make) else {
                return Ok(None);
            };
            change(&mut account);
            let mut writes = beside.clone();
            writes.push(DocumentWrite::put("account", login, &account).expecting(version));
            writes.extend(lookup::beside(known.as_ref(), &account));
            match self.store().run(Job::Documents(writes)).await {
                Err(StoreError::Refused(Refused::Stale)) => {}
                done => return done.map(|()| Some(account)),
            }
        }
        Err(StoreError::Refused(Refused::Stale))
    }

    /// Puts an account there as it is.
    ///
    /// # Errors
    /// The store's.
    pub async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        let make = || Some(account.clone());
        let put = |there: &mut Account| there.clone_from(account);
        let done = self.write_account(&account.login, make, put, Vec::new());
        done.await.map(drop)
    }

    /// Sets the password of somebody who is logged in; the account is made if she had only codes before.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_password(
        &self,
        session: &identity::Session,
        password: &str,
    ) -> Result<(), AccountError> {
        let password = self.hash(password).await?;
        let make = || {
            Some(Account {
                login: session.login.clone(),
                name: session.name.clone(),
                role: session.role,
                subscribers: Vec::new(),
                password: None,
                language: Language::En,
                disabled: false,
            })
        };
        let set = |account: &mut Account| account.password = Some(password.clone());
        let done = self.amend(&session.login, make, set, Vec::new()).await;
        done.map(drop)
    }

    /// A one-time link to choose a new password; the old one, and every session, is worth nothing from now on.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn reset(&self, login: &str) -> Result<String, AccountError> {
        // Owners and family log in with a code to their own telephone: they need no link.
        if !is_staff_login(&as_login(login)) {
            return Err(AccountError::Login(as_login(login)));
        }
        let account = self.change_account(login, |account| account.password = None);
        let account = account.await?;
        let invitation = Invitation {
            login: Some(account.login),
            name: Some(account.name),
            role: account.role,
        };
        Ok(self.invitation(&invitation).await?)
    }

    /// Disables an account, or enables it again. Its sessions end at once.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn disable(&self, login: &str, disabled: bool) -> Result<Account, AccountError> {
        self.change_account(login, |account| account.disabled = disabled)
            .await
    }

    /// Ends a lock-out, of an account or of a caller's number.
    ///
    /// # Errors
    /// The store's.
    pub async fn unlock(&self, subject: &str) -> Result<(), StoreError> {
        let subject = self
            .normal_number(subject)
            .unwrap_or_else(|| as_login(subject));
        let write = DocumentWrite::put("failures", subject, &Failures::default());
        self.store().run(Job::Documents(vec![write])).await
    }

    /// A change by somebody who may: lock-outs, sessions and links of the login end with it.
    pub(crate) async fn change_account(
        &self,
        login: &str,
        change: impl Fn(&mut Account),
    ) -> Result<Account, AccountError> {
        let login = self.normal_number(login).unwrap_or_else(|| as_login(login));
        let mut beside = self.uninvited(Some(&login)).await?;
        beside.push(DocumentWrite::put(
            "failures",
            login.clone(),
            &Failures::default(),
        ));
        let sessions = self.store().documents_by_index("session", &login).await?;
        let ended = sessions.into_iter();
        beside.extend(ended.map(|session| DocumentWrite::remove("session", session.key)));
        self.amend(&login, || None, change, beside).await
    }
}
