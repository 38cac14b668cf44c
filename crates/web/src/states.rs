//! How far a friend's entries are over all of an owner's terminals: pages show the worst (DECISIONS.md).

use crate::locale::Words;
use book::FriendNo;
use control::BookView;
use terminals::{EntryState, EntryView};

/// The least settled of a friend's entries.
pub fn worst(view: &BookView, friend: FriendNo) -> Option<&EntryView> {
    let entries = view.terminals.iter().flat_map(|terminal| &terminal.entries);
    entries
        .filter(|entry| entry.key.is_some_and(|key| key.friend == friend))
        .min_by_key(|entry| rank(entry.state))
}

fn rank(state: EntryState) -> u8 {
    match state {
        EntryState::Trouble => 0,
        EntryState::LeftOut => 1,
        EntryState::Held => 2,
        EntryState::Waiting => 3,
        EntryState::Sending => 4,
        EntryState::Saved => 5,
        EntryState::Removing => 6,
        EntryState::Sent => 7,
        EntryState::Delivered => 8,
        EntryState::OnTerminal | EntryState::Foreign => 9,
    }
}

/// The sum that a page announces: “2 on the phone, 1 on its way”.
pub fn sum(w: Words, view: &BookView) -> String {
    let entries = || view.terminals.iter().flat_map(|terminal| &terminal.entries);
    let parts = EntryState::ALL.into_iter().filter_map(|state| {
        let count = entries().filter(|entry| entry.state == state).count();
        let word = w.say(&format!("state-{}", state.as_str()));
        (count > 0).then(|| format!("{count} {word}"))
    });
    parts.collect::<Vec<_>>().join(" · ")
}
