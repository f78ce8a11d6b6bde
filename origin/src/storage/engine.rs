//! What the statements ask of a database of sqlx: a handful of types to bind and to read, and a
//! connection that runs them.
//!
//! sqlx states these bounds on foreign types, so each generic function would have to repeat them
//! all. Here they are stated once and follow from [`Engine`] alone.

use std::future::Future;

use sqlx::{
    Arguments as _, ColumnIndex, Database, Decode, Encode, Executor, Row as _, Type,
    error::BoxDynError,
};

/// A database whose statements take a `T`.
pub(super) trait Binds<'q, T>: Database {
    /// Adds the next argument.
    fn bind(arguments: &mut Self::Arguments, value: T) -> Result<(), BoxDynError>;
}

impl<'q, Db, T> Binds<'q, T> for Db
where
    Db: Database,
    T: Encode<'q, Db> + Type<Db>,
{
    fn bind(arguments: &mut Self::Arguments, value: T) -> Result<(), BoxDynError> {
        arguments.add(value)
    }
}

/// A database whose rows hold a `T`.
pub(super) trait Reads<T>: Database {
    /// The column at `index`, from 0.
    fn read(row: &Self::Row, index: usize) -> Result<T, sqlx::Error>;
}

impl<Db, T> Reads<T> for Db
where
    Db: Database,
    T: for<'r> Decode<'r, Db> + Type<Db>,
    usize: ColumnIndex<Db::Row>,
{
    fn read(row: &Self::Row, index: usize) -> Result<T, sqlx::Error> {
        row.try_get(index)
    }
}

/// A database that runs statements on its connections.
pub(super) trait Runs: Database {
    /// Runs a statement, prepared once per connection, and collects the rows that it returns.
    fn rows(
        connection: &mut Self::Connection,
        sql: &'static str,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;
}

impl<Db> Runs for Db
where
    Db: Database,
    for<'c> &'c mut Db::Connection: Executor<'c, Database = Db>,
{
    fn rows(
        connection: &mut Self::Connection,
        sql: &'static str,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send {
        connection.fetch_all((sql, Some(arguments)))
    }
}

/// A database that the statements are written for: it binds and reads integers of 64 bits, texts,
/// bytes, and truth values to compare with. The few words of SQL that differ are constants.
pub(super) trait Engine:
    Runs
    + for<'q> Binds<'q, i64>
    + for<'q> Binds<'q, Option<i64>>
    + for<'q> Binds<'q, Option<bool>>
    + for<'q> Binds<'q, &'q str>
    + for<'q> Binds<'q, Option<&'q str>>
    + for<'q> Binds<'q, &'q [u8]>
    + for<'q> Binds<'q, Option<&'q [u8]>>
    + Reads<i64>
    + Reads<Option<i64>>
    + Reads<String>
    + Reads<Option<String>>
    + Reads<Vec<u8>>
    + Reads<Option<Vec<u8>>>
{
    /// Whether `FOR UPDATE` holds rows. Where there is one writer, nobody else is to be kept off.
    const HOLDS_ROWS: bool;
    /// Whether `lower` folds more than the letters of ASCII, unless it is told not to.
    const FOLDS_BY_LOCALE: bool;
    /// The statement that reads the time of the database in Unix milliseconds, and touches a table.
    const READ_TIME: &'static str;
    /// The statement that reads the greatest number of the audit trail, 0 where there is none, and
    /// the names of the transactions that are writing to it at that moment, separated by spaces.
    const AUDIT_HORIZON: &'static str;
}

/// A statement of pieces; on an engine that holds rows, with the clause that holds its rows until
/// the transaction ends.
macro_rules! holding {
    ($db:ty, $($piece:tt)+) => {
        if <$db as $crate::storage::engine::Engine>::HOLDS_ROWS {
            concat!($($piece)+, " FOR UPDATE")
        } else {
            concat!($($piece)+)
        }
    };
}
pub(super) use holding;
