//! From a book and a terminal to a plan: the same for what is shown beforehand and for what is sent (rule 8).

use crate::Control;
use book::{Book, Subscriber};
use delivery::Hold;
use store::{BookFull, StoreError, TerminalFull};
use terminals::{CardProfile, Desired, Plan, PlanError, PlanInput, TerminalProfile, desired, plan};

/// Everything a plan of one terminal was made from, and the plan.
pub(crate) struct Planned {
    pub card: Option<CardProfile>,
    pub desired: Desired,
    pub plan: Result<Plan, PlanError>,
}

/// The book with held friends at the content that stays on the terminals meanwhile (rule 9).
pub(crate) fn released(book: &Book, holds: &[Hold]) -> Book {
    let mut book = book.clone();
    let held = holds
        .iter()
        .filter(|hold| hold.state == delivery::HoldState::Held);
    for (no, friend) in held.flat_map(|hold| &hold.released) {
        book.friends.insert(*no, friend.clone());
    }
    book
}

impl Control {
    /// Plans `full` from the book as released by `holds`; nothing is sent or recorded.
    pub(crate) fn plan_for(
        &self,
        subscriber: &Subscriber,
        book: &Book,
        holds: &[Hold],
        full: &TerminalFull,
        everything: bool,
    ) -> Planned {
        let terminal = &full.terminal;
        let phone = self
            .phone(&terminal.terminal_profile)
            .unwrap_or_else(plain_phone);
        let card = terminal.card_profile.as_deref().and_then(|n| self.card(n));
        let desired = desired(
            &released(book, holds),
            &phone,
            &terminal.content,
            subscriber.language,
            &subscriber.region,
        );
        let plan = plan(&PlanInput {
            channel: terminal.channel,
            card: card.as_ref(),
            terminal: &phone,
            desired: &desired,
            shadow: &full.shadow,
            placement: &full.placement,
            freed: &full.freed,
            everything,
        });
        Planned {
            card,
            desired,
            plan,
        }
    }

    /// The book with what shared groups bring, to plan from and to show; its subscriber and its open holds.
    pub(crate) async fn book_of(
        &self,
        id: book::SubscriberId,
    ) -> Result<Option<(Subscriber, Book, Vec<Hold>)>, StoreError> {
        let contents = std::sync::Arc::clone(&self.0.contents);
        self.store()
            .read(move |store| {
                let mut found = store.books_full(&[id])?;
                contents.join(store, &mut found)?;
                Ok(found.pop().map(apart))
            })
            .await
    }
}

fn apart(full: BookFull) -> (Subscriber, Book, Vec<Hold>) {
    (full.subscriber, full.book, full.holds)
}

/// A terminal whose profile was taken out of the configuration is planned as a plain phone.
fn plain_phone() -> TerminalProfile {
    TerminalProfile {
        name: String::new(),
        dial: terminals::profile::Dial::default(),
        first_number_only: false,
        entries: None,
        name_characters: None,
    }
}
