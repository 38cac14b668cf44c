//! Values on their way to PostgreSQL and back: one by one, and as an array a column.

use super::is_ours;
use crate::StoreError;
use crate::table::Kind;
use crate::value::{Row, Value};
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) if *ty == Type::INT4 => i32::try_from(*n)?.to_sql(ty, out),
            Self::Int(n) => n.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Blob(octets) => octets.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        is_ours(ty)
    }

    to_sql_checked!();
}

enum Array<'a> {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<&'a str>>),
    Blob(Vec<Option<&'a [u8]>>),
}

/// Rows as an array a column.
pub(super) struct Arrays<'a>(Vec<Array<'a>>);

impl<'a> Arrays<'a> {
    /// Of rows that begin with these columns.
    pub(super) fn of(columns: impl Iterator<Item = (&'static str, Kind)>, rows: &'a [Row]) -> Self {
        let column = |(at, (_, kind)): (usize, (&str, Kind))| {
            let values = rows.iter().map(|row| row.get(at));
            match kind {
                Kind::Int => Array::Int(
                    values
                        .map(|value| match value {
                            Some(Value::Int(n)) => Some(*n),
                            _ => None,
                        })
                        .collect(),
                ),
                Kind::Text => Array::Text(
                    values
                        .map(|value| match value {
                            Some(Value::Text(text)) => Some(&text[..]),
                            _ => None,
                        })
                        .collect(),
                ),
                Kind::Blob => Array::Blob(
                    values
                        .map(|value| match value {
                            Some(Value::Blob(octets)) => Some(&octets[..]),
                            _ => None,
                        })
                        .collect(),
                ),
            }
        };
        Self(columns.enumerate().map(column).collect())
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0
            .iter()
            .map(|array| match array {
                Array::Int(values) => values as &(dyn ToSql + Sync),
                Array::Text(values) => values,
                Array::Blob(values) => values,
            })
            .collect()
    }
}

/// A row as it came.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let value = |(at, column): (usize, &tokio_postgres::Column)| {
        let read = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Value::from),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(at)
                .map(|n| n.map(i64::from).into()),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at).map(Value::from),
            _ => row.try_get::<_, Option<String>>(at).map(Value::from),
        };
        read.map_err(super::said("read a row"))
    };
    row.columns().iter().enumerate().map(value).collect()
}
