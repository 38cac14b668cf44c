//! A card goes on where its counter came to, whatever terminals it was in before (rule 2).

use crate::{Control, ProvisionError};
use delivery::{TerminalId, goes_on_at};
use store::{Refused, StoreError};

impl Control {
    /// The first counter that this card was never sent in terminals that it has left; 1 when it was in none. Refused while
    /// it is in another terminal than `unless`: what it comes to there is not known before it has left.
    pub(crate) async fn unused_counter(
        &self,
        iccid: &str,
        unless: Option<TerminalId>,
    ) -> Result<u64, ProvisionError> {
        let card = iccid.to_owned();
        let asked = self
            .store()
            .read(move |reads| Ok((reads.terminal_by_iccid(&card)?, reads.card_past(&card)?)));
        let (holder, past) = asked.await?;
        if holder.is_some() && holder != unless {
            let taken = Refused::Taken(format!("the card {iccid}"));
            return Err(StoreError::Refused(taken).into());
        }
        let mut first = 1;
        for past in past {
            let incarnation = self.store().incarnation(past.slice).await?;
            first = first.max(goes_on_at(past.counter_next, past.incarnation, incarnation));
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{KIC, KID, house, owner, sim};
    use crate::*;
    use delivery::{Terminal, TerminalId};
    use store::{Job, SettleJob};

    const A: &str = "8944000000000000001";
    const B: &str = "8944000000000000002";
    const C: &str = "8944000000000000003";

    struct House(Control);

    impl House {
        fn new() -> Self {
            Self(house(Settings::default()))
        }

        /// A new subscriber with this card, taken in with what the operator typed.
        async fn take_in(&self, n: u32, card: &str, counter: Option<u64>) -> Terminal {
            let subscriber = owner(&self.0, n).await;
            let terminal = NewTerminal {
                counter,
                ..sim(subscriber, n, card)
            };
            self.0.add_terminal(terminal).await.unwrap()
        }

        async fn terminal(&self, id: TerminalId) -> Terminal {
            self.0.store().terminal(id).await.unwrap().unwrap().terminal
        }

        /// Packets went out with all counters below this one.
        async fn used_up_to(&self, id: TerminalId, counter_next: u64) {
            let terminal = Terminal {
                counter_next,
                ..self.terminal(id).await
            };
            let job = Job::Settle(Box::new(SettleJob::of(terminal)));
            self.0.store().run(job).await.unwrap();
        }

        async fn swap(&self, id: TerminalId, card: &str) -> Result<(), ProvisionError> {
            let patch = TerminalPatch {
                card: Some(NewCard {
                    iccid: card.into(),
                    kic: KIC.into(),
                    kid: KID.into(),
                    profile: None,
                }),
                content: None,
            };
            self.0.change_terminal(id, patch, |_| true).await
        }

        async fn next(&self, id: TerminalId) -> u64 {
            self.terminal(id).await.counter_next
        }
    }

    #[tokio::test]
    async fn a_card_of_a_subscriber_who_left_goes_on_where_it_was() {
        let house = House::new();
        for (n, typed, expected) in [(1, None, 50), (2, Some(7), 50), (3, Some(99), 99)] {
            let card = format!("894400000000000010{n}");
            let first = house.take_in(n, &card, None).await.id;
            house.used_up_to(first, 50).await;
            let gone = Job::DeleteSubscriber(first.subscriber);
            house.0.store().run(gone).await.unwrap();
            let again = house.take_in(n, &card, typed).await;
            assert_eq!(again.counter_next, expected, "typed {typed:?}");
        }
    }

    #[tokio::test]
    async fn a_card_that_was_retired_goes_on_where_it_was() {
        let house = House::new();
        let first = house.take_in(1, A, None).await.id;
        house.used_up_to(first, 50).await;
        house.0.retire(first, |_| true).await.unwrap();
        assert_eq!(house.take_in(1, A, Some(3)).await.counter_next, 50);
    }

    #[tokio::test]
    async fn a_card_that_was_swapped_and_comes_back_goes_on_where_it_was() {
        let house = House::new();
        let one = house.take_in(1, A, None).await.id;
        let two = house.take_in(2, B, None).await.id;
        house.used_up_to(one, 50).await;
        // It is still in the first one.
        let taken = house.swap(two, A).await;
        assert!(matches!(taken, Err(ProvisionError::Taken(_))), "{taken:?}");
        // The terminal's own number goes on, whatever card is in it.
        house.swap(one, C).await.unwrap();
        assert_eq!(house.next(one).await, 50);
        house.swap(two, A).await.unwrap();
        assert_eq!(house.next(two).await, 50);
        house.used_up_to(two, 80).await;
        house.swap(two, B).await.unwrap();
        house.swap(one, A).await.unwrap();
        assert_eq!(house.next(one).await, 80);
        // Typed in twice, it goes on as well.
        house.swap(one, A).await.unwrap();
        assert_eq!(house.next(one).await, 80);
    }
}
