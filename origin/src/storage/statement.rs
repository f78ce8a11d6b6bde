//! A statement with its arguments, and the columns of a row in their order.

use portcullis_shared::time::UnixSeconds;
use sqlx::{Database, error::BoxDynError};

use super::{
    engine::{Binds, Engine, Reads},
    fault::Fault,
};

/// A statement that is being given its arguments, `$1` first.
pub(super) struct Statement<Db: Database> {
    sql: &'static str,
    arguments: Result<Db::Arguments, BoxDynError>,
}

impl<Db: Engine> Statement<Db> {
    /// A statement without arguments yet.
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            arguments: Ok(Db::Arguments::default()),
        }
    }

    /// Gives the next argument.
    pub(super) fn bind<'q, T>(mut self, value: T) -> Self
    where
        Db: Binds<'q, T>,
    {
        if let Ok(arguments) = &mut self.arguments
            && let Err(error) = <Db as Binds<'q, T>>::bind(arguments, value)
        {
            self.arguments = Err(error);
        }
        self
    }

    /// Runs it for all its rows.
    pub(super) async fn rows(self, connection: &mut Db::Connection) -> Result<Vec<Db::Row>, Fault> {
        let arguments = self.arguments.map_err(sqlx::Error::Encode)?;
        Ok(Db::rows(connection, self.sql, arguments).await?)
    }

    /// Runs it for its first row, if it has one.
    pub(super) async fn row(
        self,
        connection: &mut Db::Connection,
    ) -> Result<Option<Db::Row>, Fault> {
        Ok(self.rows(connection).await?.into_iter().next())
    }

    /// Runs it for a row that is always there.
    pub(super) async fn one(self, connection: &mut Db::Connection) -> Result<Db::Row, Fault> {
        self.row(connection)
            .await?
            .ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Runs it for what it does.
    pub(super) async fn run(self, connection: &mut Db::Connection) -> Result<(), Fault> {
        self.rows(connection).await.map(drop)
    }
}

/// Reads a row from left to right, in the order in which its statement names the columns.
pub(super) struct Columns<'r, Db: Database> {
    row: &'r Db::Row,
    next: usize,
}

impl<'r, Db: Engine> Columns<'r, Db> {
    /// Starts at the first column.
    pub(super) fn of(row: &'r Db::Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn next<T>(&mut self) -> Result<T, Fault>
    where
        Db: Reads<T>,
    {
        let value = <Db as Reads<T>>::read(self.row, self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, an integer that is kept as a smaller or unsigned one.
    pub(super) fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, Fault> {
        let number: i64 = self.next()?;
        T::try_from(number).map_err(|_| Fault::Unreadable("a number"))
    }

    /// The next column, a time.
    pub(super) fn time(&mut self) -> Result<UnixSeconds, Fault> {
        self.next().map(UnixSeconds)
    }

    /// The next column, a time or none.
    pub(super) fn optional_time(&mut self) -> Result<Option<UnixSeconds>, Fault> {
        Ok(self.next::<Option<i64>>()?.map(UnixSeconds))
    }

    /// The next column, an identifier or another type that is made of bytes.
    pub(super) fn bytes<T: for<'b> TryFrom<&'b [u8]>>(&mut self) -> Result<T, Fault> {
        let bytes: Vec<u8> = self.next()?;
        T::try_from(&bytes).map_err(|_| Fault::Unreadable("bytes of a fixed length"))
    }

    /// The next column, an identifier or none.
    pub(super) fn optional_bytes<T: for<'b> TryFrom<&'b [u8]>>(
        &mut self,
    ) -> Result<Option<T>, Fault> {
        let Some(bytes) = self.next::<Option<Vec<u8>>>()? else {
            return Ok(None);
        };
        let value = T::try_from(&bytes);
        value
            .map(Some)
            .map_err(|_| Fault::Unreadable("bytes of a fixed length"))
    }

    /// The next column, written as text.
    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, Fault> {
        let text: String = self.next()?;
        text.parse().map_err(|_| Fault::Unreadable("a word"))
    }
}
