//! What people do and what goes wrong, as words: a seed's life is a list of them, and so is a script.

use std::fmt;

/// What may strike a message, each so often in a thousand.
pub const FAULTS: [&str; 18] = [
    "lose-submit",
    "lose-response",
    "throttle",
    "queue-full",
    "system-error",
    "refuse-number",
    "refuse-message",
    "drop-radio",
    "vanish",
    "memory-full",
    "duplicate",
    "lose-receipt",
    "repeat-receipt",
    "lose-proof",
    "repeat-proof",
    "slow",
    "slow-proof",
    "early-receipt",
];

/// One thing that is done or happens. Numbers name subscribers, terminals, nodes and gateways from 0, in the order in
/// which they were taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The words of HELP.
pub enum Action {
    Subscriber,
    Sim {
        subscriber: usize,
        kind: String,
        in_use: bool,
    },
    CardPhone {
        subscriber: usize,
    },
    Add {
        subscriber: usize,
        friend: u32,
    },
    Rename {
        subscriber: usize,
        nth: usize,
        friend: u32,
    },
    Renumber {
        subscriber: usize,
        nth: usize,
        friend: u32,
    },
    Remove {
        subscriber: usize,
        nth: usize,
    },
    Undo {
        subscriber: usize,
        back: u64,
    },
    Decide {
        subscriber: usize,
        yes: bool,
    },
    Send {
        terminal: usize,
        all: bool,
    },
    Bulk {
        terminal: usize,
    },
    Verify {
        terminal: usize,
    },
    Test {
        terminal: usize,
    },
    Swap {
        terminal: usize,
        wrong_keys: bool,
    },
    Retire {
        terminal: usize,
    },
    Off {
        terminal: usize,
    },
    On {
        terminal: usize,
    },
    Down {
        gateway: usize,
    },
    Up {
        gateway: usize,
    },
    Crash {
        node: usize,
        requests: u32,
        heard: bool,
        sent: u32,
        back_after: i64,
    },
    Outage {
        node: usize,
        after: u32,
        requests: u32,
        heard: bool,
    },
    Pause {
        node: usize,
        ms: i64,
    },
    Stall {
        node: usize,
        requests: u32,
        ms: i64,
    },
    Clock {
        node: usize,
        ms: i64,
    },
    Leave {
        node: usize,
        back_after: i64,
    },
    BackUp,
    Restore,
    Fault {
        which: usize,
        permille: u32,
    },
}

/// How scripts are written.
pub const HELP: &str = "\
A script is a line an action; it begins with how long after the one before it is done (ms, s, m, h, d; or nothing: at once).
  subscriber | sim S KIND [in-use] | card-phone S
  add S F | rename S NTH F | renumber S NTH F | remove S NTH | undo S BACK | decide S yes|no
  send T [all] | bulk T | verify T | test T | swap T [wrong-keys] | retire T | off T | on T
  down G | up G | fault NAME PERMILLE
  crash N REQUESTS heard|lost SENT BACK_AFTER_MS     the node ends in its next turn, after so many requests to the store
  outage N AFTER REQUESTS heard|lost                 so many requests fail, their answers or they themselves lost
  stall N REQUESTS MS                                in a turn that makes so many requests, the node stops before the last
                                                     of them, and goes on after so long
  pause N MS | clock N MS | leave N BACK_AFTER_MS | back-up | restore";

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heard = |heard: bool| if heard { "heard" } else { "lost" };
        let also = |yes: bool, word: &'static str| if yes { word } else { "" };
        match self {
            Self::Subscriber => write!(f, "subscriber"),
            Self::Sim {
                subscriber,
                kind,
                in_use,
            } => {
                write!(f, "sim {subscriber} {kind}{}", also(*in_use, " in-use"))
            }
            Self::CardPhone { subscriber } => write!(f, "card-phone {subscriber}"),
            Self::Add { subscriber, friend } => write!(f, "add {subscriber} {friend}"),
            Self::Rename {
                subscriber,
                nth,
                friend,
            } => write!(f, "rename {subscriber} {nth} {friend}"),
            Self::Renumber {
                subscriber,
                nth,
                friend,
            } => write!(f, "renumber {subscriber} {nth} {friend}"),
            Self::Remove { subscriber, nth } => write!(f, "remove {subscriber} {nth}"),
            Self::Undo { subscriber, back } => write!(f, "undo {subscriber} {back}"),
            Self::Decide { subscriber, yes } => {
                write!(f, "decide {subscriber} {}", if *yes { "yes" } else { "no" })
            }
            Self::Send { terminal, all } => write!(f, "send {terminal}{}", also(*all, " all")),
            Self::Bulk { terminal } => write!(f, "bulk {terminal}"),
            Self::Verify { terminal } => write!(f, "verify {terminal}"),
            Self::Test { terminal } => write!(f, "test {terminal}"),
            Self::Swap {
                terminal,
                wrong_keys,
            } => {
                write!(f, "swap {terminal}{}", also(*wrong_keys, " wrong-keys"))
            }
            Self::Retire { terminal } => write!(f, "retire {terminal}"),
            Self::Off { terminal } => write!(f, "off {terminal}"),
            Self::On { terminal } => write!(f, "on {terminal}"),
            Self::Down { gateway } => write!(f, "down {gateway}"),
            Self::Up { gateway } => write!(f, "up {gateway}"),
            Self::Crash {
                node,
                requests,
                heard: h,
                sent,
                back_after,
            } => {
                write!(
                    f,
                    "crash {node} {requests} {} {sent} {back_after}",
                    heard(*h)
                )
            }
            Self::Outage {
                node,
                after,
                requests,
                heard: h,
            } => {
                write!(f, "outage {node} {after} {requests} {}", heard(*h))
            }
            Self::Pause { node, ms } => write!(f, "pause {node} {ms}"),
            Self::Stall { node, requests, ms } => write!(f, "stall {node} {requests} {ms}"),
            Self::Clock { node, ms } => write!(f, "clock {node} {ms}"),
            Self::Leave { node, back_after } => write!(f, "leave {node} {back_after}"),
            Self::BackUp => write!(f, "back-up"),
            Self::Restore => write!(f, "restore"),
            Self::Fault { which, permille } => {
                write!(
                    f,
                    "fault {} {permille}",
                    FAULTS.get(*which).copied().unwrap_or("?")
                )
            }
        }
    }
}

/// The words of a line after its time.
struct Words<'a>(std::str::SplitWhitespace<'a>);

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn n<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.word()?.parse().ok()
    }

    fn is(&mut self, word: &str) -> bool {
        self.word() == Some(word)
    }
}

impl Action {
    /// Reads an action as it is written; `None` when it is none.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = Words(line.split_whitespace());
        let verb = words.word()?;
        let w = &mut words;
        Some(match verb {
            "subscriber" => Self::Subscriber,
            "sim" => Self::Sim {
                subscriber: w.n()?,
                kind: w.word()?.into(),
                in_use: w.is("in-use"),
            },
            "card-phone" => Self::CardPhone { subscriber: w.n()? },
            "add" => Self::Add {
                subscriber: w.n()?,
                friend: w.n()?,
            },
            "rename" => Self::Rename {
                subscriber: w.n()?,
                nth: w.n()?,
                friend: w.n()?,
            },
            "renumber" => Self::Renumber {
                subscriber: w.n()?,
                nth: w.n()?,
                friend: w.n()?,
            },
            "remove" => Self::Remove {
                subscriber: w.n()?,
                nth: w.n()?,
            },
            "undo" => Self::Undo {
                subscriber: w.n()?,
                back: w.n()?,
            },
            "decide" => Self::Decide {
                subscriber: w.n()?,
                yes: w.is("yes"),
            },
            "send" => Self::Send {
                terminal: w.n()?,
                all: w.is("all"),
            },
            "bulk" => Self::Bulk { terminal: w.n()? },
            "verify" => Self::Verify { terminal: w.n()? },
            "test" => Self::Test { terminal: w.n()? },
            "swap" => Self::Swap {
                terminal: w.n()?,
                wrong_keys: w.is("wrong-keys"),
            },
            "retire" => Self::Retire { terminal: w.n()? },
            "off" => Self::Off { terminal: w.n()? },
            "on" => Self::On { terminal: w.n()? },
            "down" => Self::Down { gateway: w.n()? },
            "up" => Self::Up { gateway: w.n()? },
            "crash" => Self::Crash {
                node: w.n()?,
                requests: w.n()?,
                heard: w.is("heard"),
                sent: w.n()?,
                back_after: w.n()?,
            },
            "outage" => Self::Outage {
                node: w.n()?,
                after: w.n()?,
                requests: w.n()?,
                heard: w.is("heard"),
            },
            "pause" => Self::Pause {
                node: w.n()?,
                ms: w.n()?,
            },
            "stall" => Self::Stall {
                node: w.n()?,
                requests: w.n()?,
                ms: w.n()?,
            },
            "clock" => Self::Clock {
                node: w.n()?,
                ms: w.n()?,
            },
            "leave" => Self::Leave {
                node: w.n()?,
                back_after: w.n()?,
            },
            "back-up" => Self::BackUp,
            "restore" => Self::Restore,
            "fault" => {
                let name = w.word()?;
                let which = FAULTS.iter().position(|fault| *fault == name)?;
                Self::Fault {
                    which,
                    permille: w.n()?,
                }
            }
            _ => return None,
        })
    }
}
