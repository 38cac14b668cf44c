//! The rows of the list: everybody with the state of her entry.

use super::Frame;
use crate::states::{self, Said, Teller};
use book::{Friend, Number, NumberNo, friend_id, listed, search, spaced};
use control::BookView;

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
    /// The organisation whose shared group brings her: hers to change, not the owner's.
    pub from: Option<String>,
    pub said: Said,
}

/// Everybody in the order of the list, then what is only on the phone.
pub fn all(f: &Frame, view: &BookView) -> Vec<Row> {
    let friends = listed(&view.book).into_iter();
    let mut rows: Vec<_> = friends.map(|friend| of_friend(f, view, friend)).collect();
    // Being removed, held back from that, or her own.
    let outside = states::entries(view).filter(|(_, entry)| {
        let key = entry.key;
        key.is_none_or(|key| !view.book.friends.contains_key(&key.friend))
    });
    rows.extend(outside.map(|(terminal, entry)| Row {
        link: None,
        initial: initial(&entry.name_shown),
        name: entry.name_shown.clone(),
        number: shown(&entry.number_shown, &view.subscriber.region),
        key: None,
        emergency: false,
        from: None,
        said: teller(f).entry(terminal, entry),
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
    let own = !friend.no.is_shared();
    Row {
        link: own.then(|| format!("/people/{}", friend_id(view.subscriber.id, friend.no))),
        initial: initial(friend.sort_as.as_ref().unwrap_or(&friend.name)),
        name: friend.name.clone(),
        number: number.unwrap_or_default(),
        key: key.map(|key| f.w.with("key", "key", key)),
        emergency: friend.emergency,
        from: view.brought_by(friend).map(|from| {
            f.w.with("shared-from", "organisation", from.organisation.clone())
        }),
        said: teller(f).friend(view, friend.no),
    }
}

/// Says states in the page's words.
pub fn teller(f: &Frame) -> Teller<'_> {
    Teller {
        w: f.w,
        service: &f.service,
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
