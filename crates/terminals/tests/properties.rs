//! Properties of plans on whole cards, blank and in use.
#![allow(clippy::unwrap_used)]

use book::{FriendNo, NumberNo};
use proptest::prelude::*;
use std::collections::BTreeMap;
use terminals::{
    CardProfile, ChannelKind, Desired, EntryKey, Owner, Plan, PlanInput, Proof, Shadow, SlotNo,
    TerminalProfile, Wanted, plan,
};

fn entry(n: u32, name: String, digits: String, key: Option<u8>) -> Wanted {
    let number = EntryKey {
        friend: FriendNo(n),
        number: NumberNo(n),
    };
    Wanted {
        key: number,
        name,
        suffix: 0,
        dial: digits,
        speed_dial: key,
    }
}

fn entries() -> impl Strategy<Value = Vec<Wanted>> {
    let one = (
        "[A-Za-z éа-я小梅😀]{1,20}",
        r"\+?[0-9]{3,12}(p[0-9]{0,40})?",
        prop::option::of(2u8..10),
    );
    prop::collection::vec(one, 0..80).prop_map(|all| {
        (1..)
            .zip(all)
            .map(|(n, (name, digits, key))| entry(n, name, digits, key))
            .collect()
    })
}

fn make(
    card: &CardProfile,
    entries: &[Wanted],
    shadow: &Shadow,
    placement: &BTreeMap<EntryKey, SlotNo>,
) -> Plan {
    plan(&PlanInput {
        channel: ChannelKind::SimOta,
        card: Some(card),
        terminal: &TerminalProfile::builtin("feature-phone").unwrap(),
        desired: &Desired {
            entries: entries.to_vec(),
            left_out: vec![],
        },
        shadow,
        placement,
        freed: &[],
        everything: false,
    })
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is on a card in use, a plan never writes what is not ours, gives every wanted entry a place or a reason,
    /// and comes to rest; then it moves on to another book and comes to rest again.
    #[test]
    fn plans_come_to_rest_and_touch_nothing_foreign(
        profile in prop::sample::select(CardProfile::builtin_names().collect::<Vec<_>>()),
        in_use in any::<bool>(),
        by_key in any::<bool>(),
        typed in prop::collection::btree_map(1u16..51, any::<u8>(), 0..45),
        before in entries(),
        after in entries(),
    ) {
        let mut card = CardProfile::builtin(profile).unwrap();
        card.speed_dial_is_record = by_key;
        let mut shadow = Shadow { in_use, ..Shadow::default() };
        let record = |slot: SlotNo| match (slot.ext1_record(), typed.get(&slot.0)) {
            (None, Some(first)) if in_use => {
                let mut record = vec![0xFF; card.record_length.into()];
                record[0] = first & 0x7F;
                *record.last_mut().unwrap() = first % 12;
                record
            }
            (None, _) => vec![0xFF; card.record_length.into()],
            (Some(_), _) => vec![0xFF; 13],
        };
        let mut placement = BTreeMap::new();
        for entries in [before, after] {
            let mut rounds = 0;
            loop {
                let plan = make(&card, &entries, &shadow, &placement);
                prop_assert_eq!(plan.shown.len() + plan.left_out.len(), entries.len());
                prop_assert!(plan.packets.iter().all(|p| p.parts <= card.max_parts));
                for slot in &plan.reads {
                    prop_assert_eq!(shadow.get(*slot).owner, Owner::Unknown);
                    shadow.read(*slot, &record(*slot), 1);
                }
                for write in &plan.writes {
                    prop_assert!(!matches!(shadow.get(write.slot).owner, Owner::Foreign | Owner::Unknown));
                    shadow.apply(write, Proof::Applied, 2);
                }
                placement.clone_from(&plan.placement);
                if plan.packets.is_empty() {
                    for shown in &plan.shown {
                        prop_assert_eq!(&shadow.get(shown.slot).content, &shown.content);
                    }
                    break;
                }
                rounds += 1;
                prop_assert!(rounds < 300, "it never comes to rest");
            }
        }
    }
}
