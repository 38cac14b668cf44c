//! Accounts found by what they may: who opens a book beside its owner, and whether there is an administrator. Each is a
//! small document that is written in the same job as its account, so that nobody reads every account to know it.

use crate::Control;
use book::SubscriberId;
use identity::{Account, Role};
use serde::{Deserialize, Serialize};
use store::{Document, DocumentWrite, Job, Refused, StoreError};

/// One a book and account.
const FAMILY: &str = "family";
/// One an administrator.
const ADMINISTRATOR: &str = "administrator";
/// How far the accounts of an earlier Kith are gone through, which had none of these.
const INDEXED: &str = "accounts-indexed";
const ALL: &str = "all";
/// Accounts gone through in one go.
const PAGE: u32 = 500;

/// How far that is.
#[derive(Default, Serialize, Deserialize)]
struct Indexed {
    /// The last login that was looked at.
    after: Option<String>,
    /// All were.
    done: bool,
}

fn of_book(subscriber: SubscriberId) -> String {
    format!("{:016x}", subscriber.0)
}

fn of_family(subscriber: SubscriberId, login: &str) -> String {
    format!("{:016x} {login}", subscriber.0)
}

/// What is written beside an account that was `before` and is `after`.
pub(crate) fn beside(before: Option<&Account>, after: &Account) -> Vec<DocumentWrite> {
    let login = &after.login;
    let left = before.into_iter().flat_map(|account| &account.subscribers);
    let left = left.filter(|id| !after.subscribers.contains(id));
    let mut writes: Vec<_> = left
        .map(|id| DocumentWrite::remove(FAMILY, of_family(*id, login)))
        .collect();
    writes.extend(
        after.subscribers.iter().map(|id| {
            DocumentWrite::put(FAMILY, of_family(*id, login), login).indexed(of_book(*id))
        }),
    );
    let was = before.is_some_and(|account| account.role == Role::Administrator);
    match after.role == Role::Administrator {
        true => writes.push(DocumentWrite::put(ADMINISTRATOR, login, login)),
        false if was => writes.push(DocumentWrite::remove(ADMINISTRATOR, login)),
        false => {}
    }
    writes
}

impl Control {
    /// The accounts that may open this book.
    pub(crate) async fn accounts_of(
        &self,
        subscriber: SubscriberId,
    ) -> Result<Vec<Account>, StoreError> {
        self.index_accounts().await?;
        let accounts = self.store().read(move |reads| {
            let mut accounts = Vec::new();
            for found in reads.documents_by_index(FAMILY, &of_book(subscriber))? {
                let login = serde_json::from_str::<String>(&found.value).unwrap_or_default();
                accounts.extend(reads.document("account", &login)?);
            }
            Ok(accounts)
        });
        let accounts = accounts.await?;
        let accounts = accounts.iter().filter_map(read);
        Ok(accounts
            .filter(|account| account.subscribers.contains(&subscriber))
            .collect())
    }

    /// Whether somebody runs this Kith.
    pub(crate) async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.index_accounts().await?;
        let first = self.store().documents(ADMINISTRATOR, None, 1).await?;
        Ok(!first.is_empty())
    }

    /// Goes once through the accounts of an earlier Kith; broken off anywhere, it goes on there.
    async fn index_accounts(&self) -> Result<(), StoreError> {
        let indexed = &mut *self.0.indexed.lock().await;
        if *indexed {
            return Ok(());
        }
        let known = self.store().document(INDEXED, ALL).await?;
        let known = known.and_then(|document| serde_json::from_str(&document.value).ok());
        let mut state: Indexed = known.unwrap_or_default();
        while !state.done {
            let after = state.after.take();
            let page = self
                .store()
                .documents("account", after.as_deref(), PAGE)
                .await?;
            self.index_page(&page).await?;
            state.done = u32::try_from(page.len()).is_ok_and(|n| n < PAGE);
            state.after = page.last().map(|document| document.key.clone()).or(after);
            let write = DocumentWrite::put(INDEXED, ALL, &state);
            self.store().run(Job::Documents(vec![write])).await?;
        }
        *indexed = true;
        Ok(())
    }

    /// Writes what stands beside these accounts, each with its account: one that is changed meanwhile brings its own.
    async fn index_page(&self, page: &[Document]) -> Result<(), StoreError> {
        let job = |document: &Document| {
            let account = read(document)?;
            let mut writes = beside(None, &account);
            let same = DocumentWrite::put("account", &document.key, &account);
            writes.push(same.expecting(document.version));
            (writes.len() > 1).then_some(Job::Documents(writes))
        };
        for done in self
            .store()
            .run_all(page.iter().filter_map(job).collect())
            .await
        {
            match done {
                Ok(()) | Err(StoreError::Refused(Refused::Stale)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn read(document: &Document) -> Option<Account> {
    serde_json::from_str(&document.value).ok()
}
