//! The rows of the list: everybody with the state of her entry, in words (SCREENS.md §1).

use super::Frame;
use book::{Friend, FriendNo, Number, NumberNo, friend_id, listed, search, spaced};
use control::{BookView, TerminalView};
use terminals::{EntryState, EntryView, LeftOutReason};

/// One person.
pub struct Row {
    /// Her form; none for what only the phone knows.
    pub link: Option<String>,
    pub initial: String,
    pub name: String,
    /// In groups for the eye; CSS sets the gaps, so that a copied number has none.
    pub number: Vec<String>,
    pub key: Option<String>,
    pub emergency: bool,
    pub said: Said,
}

/// The state of an entry as it is shown.
#[derive(Clone)]
pub struct Said {
    /// The API's word.
    pub state: &'static str,
    pub icon: &'static str,
    pub word: String,
    /// Under it, when it helps.
    pub under: Option<String>,
    /// The smaller, the more it needs somebody; what is settled is at [`SETTLED`] and above.
    pub rank: u8,
}

/// From here on nothing is left to be done for the entry.
pub const SETTLED: u8 = 10;

/// Everybody in the order of the list, then what is only on the phone.
pub fn all(f: &Frame, view: &BookView) -> Vec<Row> {
    let friends = listed(&view.book).into_iter();
    let mut rows: Vec<_> = friends.map(|friend| of_friend(f, view, friend)).collect();
    let entries = entries(view);
    let outside = entries
        .filter(|(_, e)| matches!(e.state, EntryState::Removing | EntryState::Foreign))
        .filter(|(_, e)| {
            e.key
                .is_none_or(|key| !view.book.friends.contains_key(&key.friend))
        });
    rows.extend(outside.map(|(terminal, entry)| Row {
        link: None,
        initial: initial(&entry.name_shown),
        name: entry.name_shown.clone(),
        number: shown(&entry.number_shown, &view.subscriber.region),
        key: None,
        emergency: false,
        said: said(f, terminal, entry),
    }));
    rows
}

/// Those whom a search finds.
pub fn found(f: &Frame, view: &BookView, query: &str) -> Vec<Row> {
    let friends = search(&view.book, query).into_iter();
    friends.map(|friend| of_friend(f, view, friend)).collect()
}

/// The row of a friend.
pub fn of_friend(f: &Frame, view: &BookView, friend: &Friend) -> Row {
    let region = &view.subscriber.region;
    let number = friend.numbers.first().map(|n| groups(&spaced(n, region)));
    let key = friend.speed_dial.map(i64::from);
    Row {
        link: Some(format!(
            "/people/{}",
            friend_id(view.subscriber.id, friend.no)
        )),
        initial: initial(friend.sort_as.as_ref().unwrap_or(&friend.name)),
        name: friend.name.clone(),
        number: number.unwrap_or_default(),
        key: key.map(|key| f.w.with("key", "key", key)),
        emergency: friend.emergency,
        said: worst(f, view, friend.no).unwrap_or_else(|| plain(f, EntryState::Saved, 5)),
    }
}

/// The least settled of a friend's entries over all her terminals.
fn worst(f: &Frame, view: &BookView, friend: FriendNo) -> Option<Said> {
    entries(view)
        .filter(|(_, entry)| entry.key.is_some_and(|key| key.friend == friend))
        .map(|(terminal, entry)| said(f, terminal, entry))
        .min_by_key(|said| said.rank)
}

fn entries(view: &BookView) -> impl Iterator<Item = (&TerminalView, &EntryView)> {
    let terminals = view.terminals.iter().filter(|t| !t.full.terminal.retired);
    terminals.flat_map(|terminal| terminal.entries.iter().map(move |entry| (terminal, entry)))
}

fn plain(f: &Frame, state: EntryState, rank: u8) -> Said {
    let state = state.as_str();
    Said {
        state,
        icon: state,
        word: f.w.say(&format!("state-{state}")),
        under: None,
        rank,
    }
}

/// What is said of one entry.
pub fn said(f: &Frame, terminal: &TerminalView, entry: &EntryView) -> Said {
    let plain = |rank| plain(f, entry.state, rank);
    let under = |rank, under: String| Said {
        under: Some(under),
        ..plain(rank)
    };
    match entry.state {
        EntryState::Trouble => under(0, f.w.with("why-trouble", "number", f.service.clone())),
        EntryState::LeftOut => left_out(f, terminal, entry),
        EntryState::Held => match &entry.was {
            Some(was) if was.number_shown != entry.number_shown => {
                under(2, f.w.with("why-held", "number", was.number_shown.clone()))
            }
            _ => plain(2),
        },
        // “Off” is said only when the network said so.
        EntryState::Waiting if terminal.full.terminal.absent => Said {
            icon: "off",
            word: f.w.say("state-off"),
            ..under(3, f.w.say("nothing-to-do"))
        },
        EntryState::Waiting => under(3, f.w.say("nothing-to-do")),
        EntryState::Sending => plain(4),
        EntryState::Saved => under(5, f.w.say("why-saved")),
        EntryState::Removing => plain(6),
        EntryState::Sent => plain(SETTLED + 1),
        EntryState::Delivered => plain(SETTLED + 2),
        EntryState::Foreign if entry.key.is_some() => under(SETTLED + 3, f.w.say("why-card")),
        EntryState::OnTerminal | EntryState::Foreign => plain(SETTLED + 3),
    }
}

/// Does not fit, or was never meant for this phone.
fn left_out(f: &Frame, terminal: &TerminalView, entry: &EntryView) -> Said {
    let mut reasons = terminal.left_out.iter();
    let reason = reasons.find(|left| Some(left.key) == entry.key);
    let fits_not = |under: String| Said {
        under: Some(under),
        ..plain(f, entry.state, 1)
    };
    // By her own wish, or the phone's nature: calm, and worse than nothing else.
    let apart = |word: &str| Said {
        icon: "apart",
        word: f.w.say(word),
        ..plain(f, entry.state, SETTLED + 4)
    };
    match reason.map(|left| &left.reason) {
        Some(LeftOutReason::Full { place, of }) => fits_not(f.w.with2(
            "why-full",
            ("of", i64::from(*of)),
            ("place", i64::from(*place)),
        )),
        Some(LeftOutReason::KeptOff) => apart("state-kept-off"),
        Some(LeftOutReason::NoNumber) => apart("state-no-number"),
        Some(LeftOutReason::FirstNumberOnly) => apart("state-first-only"),
        Some(LeftOutReason::OtherContent) => apart("state-other-phone"),
        Some(LeftOutReason::Number(_)) | None => fits_not(f.w.say("why-number")),
    }
}

/// The first character of a name as it is sorted.
fn initial(name: &str) -> String {
    let first = name.chars().next();
    first
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default()
}

/// A number as a phone shows it, grouped as the others are.
pub fn shown(number: &str, region: &str) -> Vec<String> {
    let number = Number {
        no: NumberNo::default(),
        typed: number.to_owned(),
        normal: number.starts_with('+').then(|| number.to_owned()),
        post_dial: None,
        label: None,
    };
    groups(&spaced(&number, region))
}

fn groups(number: &str) -> Vec<String> {
    number.split(' ').map(str::to_owned).collect()
}
