//! How values stand in columns, and the shapes of every statement.
//!
//! Parameters are `?1`: SQLite takes `$1` for a *name* and numbers it by its first appearance.

use book::SubscriberId;
use delivery::{ShipmentId, TerminalId};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Result, Row};
use serde::{Serialize, de::DeserializeOwned};

/// A value as JSON text.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<&T> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        serde_json::to_string(self.0)
            .map(ToSqlOutput::from)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(|e| FromSqlError::Other(e.into()))
    }
}

/// The whole of a row's JSON column 0.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>) -> Result<T> {
    row.get::<_, Json<T>>(0).map(|body| body.0)
}

/// Keys lead with 0, so they fit a signed integer and keep their order.
pub(super) fn subscriber(id: SubscriberId) -> (i64, i64) {
    (id.slice().into(), id.0.cast_signed())
}

/// Slice, subscriber, number.
pub(super) fn terminal(id: TerminalId) -> (i64, i64, u32) {
    let (slice, sub) = subscriber(id.subscriber);
    (slice, sub, id.no)
}

/// Slice, shipment: its id carries the slice at the same place as a subscriber's.
pub(super) fn shipment(id: ShipmentId) -> (i64, i64) {
    subscriber(SubscriberId(id.0))
}

/// A subscriber's id from its column.
pub(super) fn subscriber_id(sub: i64) -> SubscriberId {
    SubscriberId(sub.cast_unsigned())
}

/// The one row, or none.
pub(super) fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    row: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    db.prepare_cached(sql)?.query_row(params, row).optional()
}

/// All rows.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    row: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, row)?.collect()
}

/// A statement that answers nothing; how many rows it touched.
pub(super) fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}
