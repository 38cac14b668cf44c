//! A telephone number in three parts, never bent: as typed, normal form, post-dial.

mod plain;
mod read;
mod spoken;
mod understand;

pub use plain::ascii as plain_digits;
pub use read::{region_of, warm};
pub use spoken::{Spoken, spaced, spoken};
pub use understand::{Doubt, Kind, NumberError, Reading, Understood, understand};

use crate::NumberNo;
use serde::{Deserialize, Serialize};

/// Which of a friend's numbers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// 手机
    Mobile,
    /// 家里
    Home,
    /// 单位
    Work,
    /// 其他
    Other,
}

/// How a terminal wants numbers (`TerminalProfile.dial`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialForm {
    /// `+…` where the number has a normal form.
    #[default]
    International,
    /// As dialled inside the subscriber's country; `+…` for other countries.
    National,
    /// What was typed, without spaces.
    AsTyped,
}

/// One number of a friend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Stable for ever: a terminal's slot is bound to it.
    pub no: NumberNo,
    /// As typed, digits and signs in ASCII.
    pub typed: String,
    /// E.164 with `+` where what was typed is a valid full number; else it is kept as dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// What is dialled after the call is up: `p` a pause, `w` a wait, digits, `*`, `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_dial: Option<String>,
    /// Which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

impl Number {
    /// The number without post-dial: normal form, else what was typed without spaces (API.md, `number`).
    pub fn main(&self) -> String {
        self.normal.clone().unwrap_or_else(|| self.base())
    }

    /// What was typed, without spaces and without post-dial.
    pub fn base(&self) -> String {
        plain::split(&plain::ascii(&self.typed)).0
    }

    /// What a terminal dials: digits, `*`, `#`, `+`, and `p` for a pause or a wait before post-dial digits.
    ///
    /// A `+` inside (`*31#+44…`) stays: a channel that cannot hold it leaves the entry out with a reason (CASES C22).
    pub fn dial(&self, form: DialForm, region: &str) -> String {
        let mut dial = match (form, &self.normal) {
            (DialForm::International, _) => self.main(),
            (DialForm::National, Some(normal)) => {
                read::national(normal, region).unwrap_or_else(|| normal.clone())
            }
            (DialForm::National, None) | (DialForm::AsTyped, _) => self.base(),
        };
        dial.push_str(
            &self
                .post_dial
                .as_deref()
                .unwrap_or_default()
                .replace('w', "p"),
        );
        dial
    }
}
