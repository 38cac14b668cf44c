//! However many accounts there are: who opens a book, and whether somebody runs Kith, is found with a question or two.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use store::{DocumentWrite, Fate, Job};

const MANY: u64 = 2_600;

/// A store whose questions and jobs are counted, and that breaks off after so many.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>, Arc<AtomicI64>);

impl Counted {
    fn store(&self, store: &Store) -> Store {
        let (asked, left) = (Arc::clone(&self.0), Arc::clone(&self.1));
        store.judged(move || {
            asked.fetch_add(1, Relaxed);
            match left.fetch_sub(1, Relaxed) > 0 {
                true => Fate::Heard,
                false => Fate::Lost,
            }
        })
    }

    /// What `work` asked of the store.
    async fn of<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        self.1.store(i64::MAX, Relaxed);
        self.0.store(0, Relaxed);
        let done = work.await;
        (self.0.load(Relaxed), done)
    }
}

fn control(store: Store) -> Control {
    let (outbound, _) = mpsc::unbounded_channel();
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    Control::new(store, key, Settings::default(), outbound, Default::default)
}

fn book_of(n: u64) -> SubscriberId {
    SubscriberId::new(7, n)
}

/// Who opens one book; every tenth opens a second one.
fn guardian(n: u64) -> Account {
    let second = n.is_multiple_of(10).then_some(book_of(1));
    Account {
        login: format!("+4477009{n:05}"),
        name: format!("Guardian {n}"),
        role: Role::Guardian,
        subscribers: [book_of(n)].into_iter().chain(second).collect(),
        password: None,
        language: Language::En,
        disabled: false,
    }
}

/// The accounts of a Kith that wrote nothing beside them.
async fn of_old(store: &Store, accounts: impl Iterator<Item = Account>) {
    let write = |account: Account| DocumentWrite::put("account", account.login.clone(), &account);
    let writes = accounts.map(write).collect();
    store.run(Job::Documents(writes)).await.unwrap();
}

fn logins(family: Vec<Account>) -> Vec<String> {
    family.into_iter().map(|account| account.login).collect()
}

#[tokio::test]
async fn a_family_is_found_without_reading_every_account() {
    let (store, counted) = (Store::memory().unwrap(), Counted::default());
    of_old(&store, (10..MANY).map(guardian)).await;
    let house = control(counted.store(&store));

    // Once, they are gone through; wherever that is broken off, it goes on.
    let mut broken = 0;
    for patience in [2, 5, 9] {
        counted.1.store(patience, Relaxed);
        broken += u32::from(house.family(book_of(15)).await.is_err());
    }
    assert_eq!(broken, 3);
    let (asked, family) = counted.of(house.family(book_of(15))).await;
    assert_eq!(logins(family.unwrap()), [guardian(15).login]);
    let pages = MANY.div_ceil(500);
    assert!(asked < 3 * pages, "{asked} questions: it began anew");

    let (asked, family) = counted.of(house.family(book_of(1))).await;
    assert_eq!((asked, family.unwrap().len()), (1, 259));
    let restarted = control(counted.store(&store));
    let (asked, family) = counted.of(restarted.family(book_of(20))).await;
    assert_eq!(
        (asked, logins(family.unwrap())),
        (2, vec![guardian(20).login])
    );

    // What is found is what the accounts say.
    let grant = Grant::of_job(JobKind::CommandLine, book_of(20));
    let login = guardian(20).login;
    house.remove_guardian(&grant, &login).await.unwrap();
    assert_eq!(house.family(book_of(20)).await.unwrap(), []);
    assert_eq!(house.family(book_of(1)).await.unwrap().len(), 259);
    let added = house.add_guardian(&grant, "Wei", "07700 900188", Language::En);
    let added = added.await.unwrap();
    assert_eq!(house.family(book_of(20)).await.unwrap(), [added]);
    let mut elsewhere = guardian(15);
    elsewhere.subscribers = vec![book_of(20)];
    house.put_account(&elsewhere).await.unwrap();
    assert_eq!(house.family(book_of(15)).await.unwrap(), []);
    assert_eq!(house.family(book_of(20)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn whether_somebody_runs_kith_is_one_question() {
    let (store, counted) = (Store::memory().unwrap(), Counted::default());
    let ruth = Account {
        login: "ruth".into(),
        role: Role::Administrator,
        subscribers: Vec::new(),
        ..guardian(10)
    };
    of_old(&store, (10..MANY).map(guardian)).await;
    let house = control(counted.store(&store));
    let (_, secret) = counted.of(house.first_administrator()).await;
    let secret = secret.unwrap().unwrap();
    let (asked, secret_again) = counted.of(house.first_administrator()).await;
    assert!(asked <= 3, "{asked} questions");
    assert_ne!(secret_again.unwrap().unwrap(), secret);
    house.put_account(&ruth).await.unwrap();
    let (asked, none) = counted.of(house.first_administrator()).await;
    assert_eq!((asked, none.unwrap()), (1, None));
    // She does something else by now.
    let role = Role::Supervisor;
    house.put_account(&Account { role, ..ruth }).await.unwrap();
    assert!(house.first_administrator().await.unwrap().is_some());
}

/// An administrator whom an earlier Kith wrote is one.
#[tokio::test]
async fn an_administrator_of_old_is_found() {
    let store = Store::memory().unwrap();
    let role = Role::Administrator;
    let ruth = Account {
        login: "ruth".into(),
        role,
        subscribers: Vec::new(),
        ..guardian(10)
    };
    of_old(&store, (10..700).map(guardian).chain([ruth])).await;
    assert_eq!(control(store).first_administrator().await.unwrap(), None);
}
