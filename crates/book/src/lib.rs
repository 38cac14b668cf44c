//! The book: subscribers, friends, numbers, groups, changes and their integrity rules. Pure; knows nobody.
//!
//! [`apply`] is the one way to change a [`Book`]; it gives the journal's [`ChangeBody`] with the new book.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod brake;
mod change;
mod draft;
mod edit;
mod friend;
pub mod id;
mod number;
mod order;
mod pinyin;
mod refusal;
mod search;
pub mod shared;
mod standing;
mod undo;
pub mod vcard;

pub use brake::{BrakeReason, altered, brake};
pub use change::{Actor, ActorKind, Change, ChangeBody, Entry, Way, replay};
pub use draft::{FriendDraft, FriendPatch, NumberDraft};
pub use edit::{Edit, Outcome, Rules, Warning, apply, warnings};
pub use friend::{Book, Friend, Group, Language, Subscriber};
pub use id::*;
pub use number::{
    DialForm, Doubt, Kind, Label, Number, NumberError, Reading, Spoken, Understood, plain_digits,
    region_of, spaced, spoken, understand, warm,
};
pub use order::{by_name, letter, listed, sort_text};
pub use refusal::{Class, Refusal};
pub use search::{finds, search};
pub use shared::{Organisation, OrganisationNo, SHARED, SharedGroup, organisation_name};
pub use standing::{Standing, standing, stands};
pub use undo::changed_fields;
