//! How far entries are, in words and icons, the same on every page (SCREENS.md §1). Over several terminals of an owner
//! pages show the worst (DECISIONS.md).

use crate::locale::Words;
use book::FriendNo;
use control::{BookView, TerminalView};
use terminals::{EntryState, EntryView, LeftOutReason};

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

/// Says states in one language.
pub struct Teller<'a> {
    /// The words.
    pub w: Words,
    /// The number that owners call.
    pub service: &'a str,
}

impl Teller<'_> {
    /// The least settled of a friend's entries over all her terminals.
    pub fn friend(&self, view: &BookView, friend: FriendNo) -> Said {
        entries(view)
            .filter(|(_, entry)| entry.key.is_some_and(|key| key.friend == friend))
            .map(|(terminal, entry)| self.entry(terminal, entry))
            .min_by_key(|said| said.rank)
            .unwrap_or_else(|| self.plain(EntryState::Saved, 5))
    }

    fn plain(&self, state: EntryState, rank: u8) -> Said {
        let state = state.as_str();
        Said {
            state,
            icon: state,
            word: self.w.say(&format!("state-{state}")),
            under: None,
            rank,
        }
    }

    /// What is said of one entry.
    pub fn entry(&self, terminal: &TerminalView, entry: &EntryView) -> Said {
        let plain = |rank| self.plain(entry.state, rank);
        let under = |rank, under: String| Said {
            under: Some(under),
            ..plain(rank)
        };
        match entry.state {
            EntryState::Trouble => under(
                0,
                self.w
                    .with("why-trouble", "number", self.service.to_owned()),
            ),
            EntryState::LeftOut => {
                let mut reasons = terminal.left_out.iter();
                let reason = reasons.find(|left| Some(left.key) == entry.key);
                self.left_out(reason.map(|left| &left.reason))
            }
            EntryState::Held => match &entry.was {
                Some(was) if was.number_shown != entry.number_shown => under(
                    2,
                    self.w.with("why-held", "number", was.number_shown.clone()),
                ),
                _ => plain(2),
            },
            // “Off” is said only when the network said so.
            EntryState::Waiting if terminal.full.terminal.absent => Said {
                icon: "off",
                word: self.w.say("state-off"),
                ..under(3, self.w.say("nothing-to-do"))
            },
            EntryState::Waiting => under(3, self.w.say("nothing-to-do")),
            EntryState::Sending => plain(4),
            EntryState::Saved => under(5, self.w.say("why-saved")),
            EntryState::Removing => plain(6),
            EntryState::Sent => plain(SETTLED + 1),
            EntryState::Delivered => plain(SETTLED + 2),
            EntryState::Foreign if entry.key.is_some() => {
                under(SETTLED + 3, self.w.say("why-card"))
            }
            EntryState::OnTerminal | EntryState::Foreign => plain(SETTLED + 3),
        }
    }

    /// Does not fit on a phone, or was never meant for it.
    pub fn left_out(&self, reason: Option<&LeftOutReason>) -> Said {
        let fits_not = |under: String| Said {
            under: Some(under),
            ..self.plain(EntryState::LeftOut, 1)
        };
        // By her own wish, or the phone's nature: calm, and after everything else.
        let apart = |word: &str| Said {
            icon: "apart",
            word: self.w.say(word),
            ..self.plain(EntryState::LeftOut, SETTLED + 4)
        };
        match reason {
            Some(LeftOutReason::Full { place, of }) => fits_not(self.w.with2(
                "why-full",
                ("of", i64::from(*of)),
                ("place", i64::from(*place)),
            )),
            Some(LeftOutReason::KeptOff) => apart("state-kept-off"),
            Some(LeftOutReason::NoNumber) => apart("state-no-number"),
            Some(LeftOutReason::FirstNumberOnly) => apart("state-first-only"),
            Some(LeftOutReason::OtherContent) => apart("state-other-phone"),
            Some(LeftOutReason::Number(_)) | None => fits_not(self.w.say("why-number")),
        }
    }
}

/// Every entry of every terminal in use.
pub fn entries(view: &BookView) -> impl Iterator<Item = (&TerminalView, &EntryView)> {
    let terminals = view.terminals.iter().filter(|t| !t.full.terminal.retired);
    terminals.flat_map(|terminal| terminal.entries.iter().map(move |entry| (terminal, entry)))
}

/// The sum that a page announces: “2 on the phone, 1 on its way”.
pub fn sum(w: Words, view: &BookView) -> String {
    let parts = EntryState::ALL.into_iter().filter_map(|state| {
        let count = entries(view).filter(|(_, e)| e.state == state).count();
        let word = w.say(&format!("state-{}", state.as_str()));
        (count > 0).then(|| format!("{count} {word}"))
    });
    parts.collect::<Vec<_>>().join(" · ")
}
