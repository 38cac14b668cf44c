//! A card goes on where its counter came to, whatever terminals it was in before (rule 2).

use crate::engine::join_keys;
use crate::{Control, ProvisionError};
use delivery::{TerminalId, goes_on_at};
use sha2::{Digest, Sha256};
use store::{Refused, StoreError};

/// A digest of a key set, which a counter belongs to; none when it is not written as it should be.
pub(crate) fn key_set(kic: &str, kid: &str) -> Option<u64> {
    let octets = |digits: &str| hex::decode(digits.trim()).ok();
    let pair = join_keys(&octets(kic)?, &octets(kid)?)?;
    let mut hash = Sha256::new();
    hash.update(b"key set ");
    hash.update(&pair);
    let first = hash.finalize().first_chunk().copied();
    first.map(u64::from_be_bytes)
}

impl Control {
    /// The first counter that this card was never sent under these keys, in terminals that it has left or before it had
    /// others; 1 when it never had these. Refused while it is in another terminal than `unless`: what it comes to there is
    /// not known before it has left.
    pub(crate) async fn unused_counter(
        &self,
        iccid: &str,
        key_set: Option<u64>,
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
        // What was remembered before key sets were told apart may be of any; what is known of these came after it.
        let known = past.iter().any(|past| past.key_set == key_set);
        let of = if known { key_set } else { None };
        let mut first = 1;
        for past in past.into_iter().filter(|past| past.key_set == of) {
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
    use terminals::CardProfile;

    const A: &str = "8944000000000000001";
    const B: &str = "8944000000000000002";
    const C: &str = "8944000000000000003";
    const D: &str = "8944000000000000004";

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
            self.keyed(id, card, KIC, None).await
        }

        /// Its card, with this key as it was typed.
        async fn keyed(
            &self,
            id: TerminalId,
            card: &str,
            kic: &str,
            profile: Option<&str>,
        ) -> Result<(), ProvisionError> {
            let patch = TerminalPatch {
                card: Some(NewCard {
                    iccid: card.into(),
                    kic: kic.into(),
                    kid: KID.into(),
                    profile: profile.map(str::to_owned),
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

    #[tokio::test]
    async fn keys_that_come_back_to_a_card_go_on_where_they_were() {
        const SLIP: &str = "ff0102030405060708090a0b0c0d0e0f";
        // A card that takes each counter one higher: new keys begin at 1.
        let mut strict = CardProfile::builtin("sim-28x50").unwrap();
        strict.spi = "1e39".into();
        let house = House(house(Settings {
            cards: [("strict".to_owned(), strict)].into(),
            ..Settings::default()
        }));
        // Written before key sets were told apart, or since.
        for told_apart in [true, false] {
            let (n, card, other) = if told_apart { (1, A, B) } else { (2, C, D) };
            let id = house.take_in(n, card, None).await.id;
            house.keyed(id, card, KIC, Some("strict")).await.unwrap();
            if !told_apart {
                let mut row = house.terminal(id).await;
                row.record.key_set = None;
                let job = Job::Settle(Box::new(SettleJob::of(row)));
                house.0.store().run(job).await.unwrap();
            }
            house.used_up_to(id, 50).await;
            for (kic, expected, used) in [(SLIP, 1, 4), (KIC, 50, 60), (SLIP, 4, 9), (KIC, 60, 70)]
            {
                house.keyed(id, card, kic, None).await.unwrap();
                assert_eq!(house.next(id).await, expected, "{kic} {told_apart}");
                house.used_up_to(id, used).await;
            }
            // Nor does another card between them.
            house.keyed(id, card, SLIP, None).await.unwrap();
            house.keyed(id, other, SLIP, None).await.unwrap();
            house.keyed(id, card, KIC, None).await.unwrap();
            assert_eq!(house.next(id).await, 70, "{told_apart}");
        }
    }
}
