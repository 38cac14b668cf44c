//! What of a terminal stands in no column of its own, as short as it can be said: a step of delivery writes all of it.

use crate::StoreError;
use crate::value::{Columns, Value, json};
use ::terminals::{ChannelKind, Content};
use book::{Revision, SubscriberId};
use delivery::{Record, ShipmentId, Terminal, TerminalId, Trouble};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Older bodies hold the whole terminal; what stands in columns is not read from them.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card_profile: Option<Cow<'a, str>>,
    terminal_profile: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_default")]
    content: Cow<'a, Content>,
    #[serde(with = "hex::serde")]
    keys: Vec<u8>,
    incarnation: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    in_use: bool,
    planned: Revision,
    proven: Revision,
    #[serde(default, skip_serializing_if = "is_default")]
    tries: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    absent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_heard: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_outcome: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<Cow<'a, Trouble>>,
    #[serde(default, skip_serializing_if = "is_default")]
    record: Cow<'a, Record>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The body of a terminal's row.
pub(super) fn of(terminal: &Terminal) -> Result<Value, StoreError> {
    json(&Body {
        card_profile: terminal.card_profile.as_deref().map(Cow::Borrowed),
        terminal_profile: Cow::Borrowed(&terminal.terminal_profile),
        content: Cow::Borrowed(&terminal.content),
        keys: terminal.keys.clone(),
        incarnation: terminal.incarnation,
        in_use: terminal.in_use,
        planned: terminal.planned,
        proven: terminal.proven,
        tries: terminal.tries,
        absent: terminal.absent,
        last_heard: terminal.last_heard,
        last_outcome: terminal.last_outcome.as_deref().map(Cow::Borrowed),
        trouble: terminal.trouble.as_ref().map(Cow::Borrowed),
        record: Cow::Borrowed(&terminal.record),
    })
}

/// A terminal from its row, key first, as [`crate::table::TERMINAL`] has it.
pub(super) fn read(row: &[Value]) -> Result<Terminal, StoreError> {
    let body: Body<'_> = row.json(11)?;
    Ok(Terminal {
        id: TerminalId {
            subscriber: SubscriberId(row.unsigned(1)?),
            no: row.small(2)?,
        },
        version: row.unsigned(3)?,
        channel: ChannelKind::parse(row.text(4)?).map_or_else(|| row.odd(4), Ok)?,
        msisdn: row.text(5)?.to_owned(),
        iccid: match row.column(6) {
            Value::Null => None,
            _ => Some(row.text(6)?.to_owned()),
        },
        card_profile: body.card_profile.map(Cow::into_owned),
        terminal_profile: body.terminal_profile.into_owned(),
        content: body.content.into_owned(),
        keys: body.keys,
        counter_next: row.unsigned(8)?,
        incarnation: body.incarnation,
        in_use: body.in_use,
        in_flight: row
            .optional(9)?
            .map(|ship| ShipmentId(ship.cast_unsigned())),
        planned: body.planned,
        proven: body.proven,
        tries: body.tries,
        next_try: row.optional(10)?,
        absent: body.absent,
        last_heard: body.last_heard,
        last_outcome: body.last_outcome.map(Cow::into_owned),
        trouble: body.trouble.map(Cow::into_owned),
        retired: row.int(7)? != 0,
        record: body.record.into_owned(),
    })
}
