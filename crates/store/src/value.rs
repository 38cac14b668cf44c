//! What stands in a column, and rows of it: the same for every database.

use crate::StoreError;
use book::SubscriberId;
use delivery::{ShipmentId, TerminalId};
use serde::{Serialize, de::DeserializeOwned};

/// One column of one row. There are no others: instants are ms UTC, flags are 0 and 1, structures are JSON text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}
impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Int(n.into())
    }
}
impl From<u16> for Value {
    fn from(n: u16) -> Self {
        Self::Int(n.into())
    }
}
impl From<u8> for Value {
    fn from(n: u8) -> Self {
        Self::Int(n.into())
    }
}
impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Int(yes.into())
    }
}
/// Keys lead with 0 and counts are small: nothing that Kith stores needs the sign.
impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(n.cast_signed())
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(octets: Vec<u8>) -> Self {
        Self::Blob(octets)
    }
}
impl From<&[u8]> for Value {
    fn from(octets: &[u8]) -> Self {
        Self::Blob(octets.to_vec())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value as JSON text.
pub(crate) fn json(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_string(value)
        .map(Value::Text)
        .map_err(|e| StoreError::Database {
            what: "write a value as JSON",
            why: e.to_string(),
        })
}

/// A row, or the key of one.
pub(crate) type Row = Vec<Value>;

/// Reading a row's columns. An odd value is the database's fault, and said.
pub(crate) trait Columns {
    fn column(&self, at: usize) -> &Value;

    fn odd<T>(&self, at: usize) -> Result<T, StoreError> {
        Err(StoreError::Database {
            what: "read a row",
            why: format!("column {at} holds {:?}", self.column(at)),
        })
    }
    fn optional(&self, at: usize) -> Result<Option<i64>, StoreError> {
        match self.column(at) {
            Value::Null => Ok(None),
            Value::Int(n) => Ok(Some(*n)),
            _ => self.odd(at),
        }
    }
    fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.optional(at)?.map_or_else(|| self.odd(at), Ok)
    }
    fn unsigned(&self, at: usize) -> Result<u64, StoreError> {
        self.int(at).map(i64::cast_unsigned)
    }
    /// A number that fits `T`.
    fn small<T: TryFrom<i64>>(&self, at: usize) -> Result<T, StoreError> {
        T::try_from(self.int(at)?).or_else(|_| self.odd(at))
    }
    fn text(&self, at: usize) -> Result<&str, StoreError> {
        match self.column(at) {
            Value::Text(text) => Ok(text),
            _ => self.odd(at),
        }
    }
    fn blob(&self, at: usize) -> Result<&[u8], StoreError> {
        match self.column(at) {
            Value::Blob(octets) => Ok(octets),
            _ => self.odd(at),
        }
    }
    fn json<T: DeserializeOwned>(&self, at: usize) -> Result<T, StoreError> {
        serde_json::from_str(self.text(at)?).map_err(|e| StoreError::Database {
            what: "read a row",
            why: format!("column {at} is not what this Kith writes: {e}"),
        })
    }
}

impl Columns for [Value] {
    fn column(&self, at: usize) -> &Value {
        self.get(at).unwrap_or(&Value::Null)
    }
}

/// Slice and subscriber. Keys lead with 0, so they fit a signed integer and keep their order.
pub(crate) fn subscriber(id: SubscriberId) -> Row {
    vec![id.slice().into(), id.0.into()]
}

/// Slice, subscriber, number.
pub(crate) fn terminal(id: TerminalId) -> Row {
    let mut key = subscriber(id.subscriber);
    key.push(id.no.into());
    key
}

/// Slice, shipment: its id carries the slice at the same place as a subscriber's.
pub(crate) fn shipment(id: ShipmentId) -> Row {
    subscriber(SubscriberId(id.0))
}

/// The slice of a key.
pub(crate) fn slice_of(key: &[Value]) -> u8 {
    match key.first() {
        Some(Value::Int(slice)) => u8::try_from(*slice).unwrap_or_default(),
        _ => 0,
    }
}
