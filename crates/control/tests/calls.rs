//! A call at the desk, without a gateway: rung, verified by a code, edited in, ended; and who gets in where.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "calls/many_accounts.rs"]
mod many_accounts;

use book::{Edit, FriendDraft, Language, SubscriberId};
use control::{CallError, Control, Denied, EditOptions, NewSubscriber, NewTerminal, Settings};
use control::{Spoken, UndoInCall};
use delivery::{Outbound, Policy, Target};
use identity::{Account, CallState, Face, Grant, JobKind, Role, Session};
use store::Store;
use terminals::ChannelKind;
use tokio::sync::mpsc;

const CALLER: &str = "+447700900100";

struct Desk {
    control: Control,
    sent: mpsc::UnboundedReceiver<Outbound>,
    ann: Session,
    owner: SubscriberId,
}

async fn desk(spoken: Spoken) -> Desk {
    let (outbound, sent) = mpsc::unbounded_channel();
    let settings = Settings {
        policy: Policy::DEMO,
        spoken,
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let store = Store::memory().unwrap();
    let control = Control::new(store, key, settings, outbound, Default::default);
    let owner = control.create_subscriber(NewSubscriber {
        msisdn: CALLER.into(),
        name: "Mum".into(),
        language: Language::En,
        region: None,
    });
    let owner = owner.await.unwrap().id;
    let terminal = control.add_terminal(NewTerminal {
        subscriber: owner,
        channel: ChannelKind::SmsCard,
        msisdn: CALLER.into(),
        card_profile: None,
        iccid: None,
        keys: None,
        counter: None,
        in_use: false,
        terminal_profile: None,
    });
    terminal.await.unwrap();
    let mut account = Account {
        login: "ann".into(),
        name: "Ann".into(),
        role: Role::Agent,
        subscribers: Vec::new(),
        password: None,
        language: Language::En,
        disabled: false,
    };
    account.password = Some(control.hash("three small words").await.unwrap());
    control.put_account(&account).await.unwrap();
    let entered = control.log_in_with_password(Face::Desk, " Ann", "three small words");
    let cookie = entered.await.unwrap().unwrap();
    let ann = control.session(Face::Desk, &cookie).await.unwrap().unwrap();
    assert_eq!(control.session(Face::Console, &cookie).await.unwrap(), None);
    Desk {
        control,
        sent,
        ann,
        owner,
    }
}

impl Desk {
    /// The next text that goes out, and to whom.
    fn text(&mut self) -> Option<(String, String)> {
        loop {
            let message = self.sent.try_recv().ok()?;
            if matches!(message.target, Target::Notice { .. }) {
                let text = String::from_utf8(message.user_data).unwrap();
                return Some((message.destination, text));
            }
        }
    }

    async fn verified(&mut self) -> String {
        let call = self
            .control
            .ring("07700 900100", "0800", true)
            .await
            .unwrap();
        self.control.answer(&call.id, &self.ann).await.unwrap();
        let sent = self
            .control
            .send_call_code(&call.id, &self.ann, Language::En);
        sent.await.unwrap();
        let (to, text) = self.text().unwrap();
        assert_eq!(to, CALLER);
        let digits: String = text.chars().take(7).collect();
        let done = self.control.code_digits(&call.id, &digits).await.unwrap();
        assert_eq!((done.level, done.locked_until), (1, None));
        call.id
    }

    async fn add(&self, call: &str, name: &str) -> book::Revision {
        let call = self.control.call(call).await.unwrap().unwrap();
        let grant = Grant::of_call(&call, &self.ann, self.control.now()).unwrap();
        let edit = Edit::AddFriend(FriendDraft::new(name, "07700 900123"));
        let edited = self.control.edit(&grant, edit, EditOptions::default());
        edited.await.unwrap().revision
    }

    async fn held(&self) -> bool {
        let terminals = self.control.store().terminals_of(self.owner).await.unwrap();
        terminals[0].due.unwrap().at == i64::MAX
    }

    async fn names(&self) -> Vec<String> {
        let book = self
            .control
            .store()
            .book(self.owner)
            .await
            .unwrap()
            .unwrap();
        book.friends.into_values().map(|f| f.name).collect()
    }
}

#[tokio::test]
async fn what_a_call_changes_goes_at_its_end_and_the_owner_is_told() {
    let mut desk = desk(Spoken::Never).await;
    let id = desk.verified().await;
    desk.add(&id, "Mei").await;
    assert!(desk.held().await);
    // Nobody else's wish lets it go before.
    let terminals = desk.control.store().terminals_of(desk.owner).await.unwrap();
    let terminal = terminals[0].terminal.id;
    desk.control.test(terminal).await.unwrap();
    desk.control.verify(terminal).await.unwrap();
    assert!(desk.held().await);
    let full = desk.control.store().terminal(terminal).await.unwrap();
    assert_eq!(full.unwrap().terminal.in_flight, None);
    desk.control.send_in_call(&id, &desk.ann).await.unwrap();
    assert!(!desk.held().await);
    desk.add(&id, "Wei").await;
    assert!(desk.held().await);
    let call = desk.control.end_call(&id, Some(&desk.ann)).await.unwrap();
    assert!(call.settled && call.state == CallState::Ended);
    assert!(!desk.held().await);
    let (to, text) = desk.text().unwrap();
    assert_eq!(to, CALLER);
    assert_eq!(
        text,
        "Kith: on your call today we added Mei (...0123) and added Wei (...0123). Not you? Call 0800 123 456."
    );
    desk.control.end_call(&id, None).await.unwrap();
    assert_eq!(desk.text(), None, "the text goes once");
    assert!(Grant::of_call(&call, &desk.ann, desk.control.now()).is_some_and(|g| !g.may_write()));
}

#[tokio::test]
async fn a_caller_who_hangs_up_during_the_read_back_leaves_the_word_to_the_agent() {
    let mut desk = desk(Spoken::Never).await;
    let id = desk.verified().await;
    let first = desk.add(&id, "Mei").await;
    desk.add(&id, "Wei").await;
    let read = desk.control.read_back(&id, &desk.ann, first, true);
    read.await.unwrap();
    let call = desk.control.end_call(&id, None).await.unwrap();
    assert!(!call.settled && desk.held().await);
    assert_eq!(desk.text(), None);
    let word = UndoInCall::Unconfirmed;
    desk.control
        .decide_call(&id, &desk.ann, word)
        .await
        .unwrap();
    assert_eq!(desk.names().await, ["Mei"]);
    assert!(!desk.held().await);
    assert!(desk.text().unwrap().1.contains("added Mei"));
}

#[tokio::test]
async fn a_caller_who_hangs_up_before_any_reading_back_is_served() {
    let mut desk = desk(Spoken::Never).await;
    let id = desk.verified().await;
    desk.add(&id, "Mei").await;
    let call = desk.control.end_call(&id, None).await.unwrap();
    assert!(call.settled && !desk.held().await);
}

#[tokio::test]
async fn unknown_and_known_numbers_look_the_same_before_the_proof() {
    let mut desk = desk(Spoken::Never).await;
    let control = desk.control.clone();
    let call = control.ring("+447700900999", "0800", true).await.unwrap();
    control.answer(&call.id, &desk.ann).await.unwrap();
    let sent = control.send_call_code(&call.id, &desk.ann, Language::En);
    assert_eq!(sent.await.unwrap().codes_sent, 1);
    assert_eq!(desk.text(), None);
    let tried = control.code_digits(&call.id, "123456").await.unwrap();
    assert_eq!((tried.level, tried.tries_left), (0, 2));
}

#[tokio::test]
async fn failures_lock_the_number_over_calls_and_codes() {
    let mut desk = desk(Spoken::Never).await;
    let control = desk.control.clone();
    let mut locked = None;
    for _ in 0..2 {
        let call = control.ring(CALLER, "0800", true).await.unwrap();
        control.answer(&call.id, &desk.ann).await.unwrap();
        let sent = control.send_call_code(&call.id, &desk.ann, Language::En);
        sent.await.unwrap();
        let (_, text) = desk.text().unwrap();
        // Never the right one.
        let wrong = if text.starts_with("000 000") {
            "111111"
        } else {
            "000000"
        };
        for _ in 0..3 {
            locked = control
                .code_digits(&call.id, wrong)
                .await
                .unwrap()
                .locked_until;
        }
    }
    assert!(locked.is_some());
    let call = control.ring(CALLER, "0800", true).await.unwrap();
    control.answer(&call.id, &desk.ann).await.unwrap();
    let sent = control.send_call_code(&call.id, &desk.ann, Language::En);
    assert!(matches!(sent.await, Err(CallError::Locked(_))));
    control.unlock(CALLER).await.unwrap();
    let sent = control.send_call_code(&call.id, &desk.ann, Language::En);
    assert!(sent.await.is_ok());
}

#[tokio::test]
async fn a_spoken_code_only_where_policy_allows_it() {
    for (spoken, keyed, allowed) in [
        (Spoken::Never, false, false),
        (Spoken::WithoutTelephone, false, true),
        (Spoken::WithoutTelephone, true, false),
        (Spoken::Always, true, true),
    ] {
        let mut desk = desk(spoken).await;
        let control = desk.control.clone();
        let call = control.ring(CALLER, "0800", keyed).await.unwrap();
        control.answer(&call.id, &desk.ann).await.unwrap();
        let sent = control.send_call_code(&call.id, &desk.ann, Language::En);
        sent.await.unwrap();
        let (_, text) = desk.text().unwrap();
        let digits: Vec<_> = text.split(&[' ', ':', '.'][..]).collect();
        let at = digits
            .iter()
            .rposition(|w| w.len() == 3 && w.parse::<u16>().is_ok() && *w != "456");
        let at = at.unwrap();
        let code = format!("{}{}", digits[at - 1], digits[at]);
        let done = control.spoken_code(&call.id, &desk.ann, &code).await;
        assert_eq!(
            done.is_ok_and(|d| d.level == 1),
            allowed,
            "{spoken:?} {keyed}"
        );
    }
}

#[tokio::test]
async fn the_tenth_wrong_password_locks_until_somebody_unlocks() {
    let desk = desk(Spoken::Never).await;
    let control = &desk.control;
    let mut denied = Vec::new();
    for _ in 0..5 {
        let tried = control.log_in_with_password(Face::Desk, "ann", "wrong words here");
        denied.push(tried.await.unwrap().unwrap_err());
    }
    assert!(denied.iter().all(|d| *d == Denied::Wrong));
    let tried = control.log_in_with_password(Face::Desk, "ann", "three small words");
    assert!(matches!(tried.await.unwrap(), Err(Denied::Locked(_))));
    let tried = control.log_in_with_password(Face::Desk, "nobody", "three small words");
    assert_eq!(tried.await.unwrap(), Err(Denied::Wrong));
}

#[tokio::test]
async fn a_link_makes_an_account_once() {
    let desk = desk(Spoken::Never).await;
    let control = &desk.control;
    let secret = control.first_administrator().await.unwrap().unwrap();
    let made = control.accept(&secret, "Root", "Ruth", "four small words here");
    assert_eq!(made.await.unwrap().role, Role::Administrator);
    let again = control.accept(&secret, "eve", "Eve", "four small words here");
    assert!(again.await.is_err());
    assert_eq!(control.first_administrator().await.unwrap(), None);
    let login = control.log_in_with_password(Face::Console, "root", "four small words here");
    let cookie = login.await.unwrap().unwrap();
    let link = control.reset("root").await.unwrap();
    assert_eq!(control.session(Face::Console, &cookie).await.unwrap(), None);
    let made = control.accept(&link, "", "", "five small words, new");
    assert_eq!(made.await.unwrap().name, "Ruth");
}

#[tokio::test]
async fn family_logs_in_with_its_own_telephone_and_only_while_it_may() {
    let mut desk = desk(Spoken::Never).await;
    let control = desk.control.clone();
    let grant = Grant::of_job(JobKind::CommandLine, desk.owner);
    let added = control.add_guardian(&grant, "Wei", "07700 900188", Language::En);
    added.await.unwrap();
    control.start_log_in("07700 900188").await.unwrap();
    let (to, text) = desk.text().unwrap();
    assert_eq!(to, "+447700900188");
    let cookie = control.log_in("07700 900188", &text[..6]).await.unwrap();
    let cookie = cookie.unwrap();
    let session = control
        .session(Face::Portal, &cookie)
        .await
        .unwrap()
        .unwrap();
    let grant_of_wei = Grant::of_session(&session, desk.owner).unwrap();
    assert_eq!(grant_of_wei.actor().kind, book::ActorKind::Guardian);
    let removed = control.remove_guardian(&grant, "+447700900188");
    removed.await.unwrap();
    assert_eq!(control.session(Face::Portal, &cookie).await.unwrap(), None);
}
