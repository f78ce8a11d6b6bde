//! Statements over many rows at once, written so that both engines take them: identifiers in a
//! list, rows in `VALUES`.
//!
//! Each is prepared for a few numbers of rows only; where rows are fewer than places, the last one
//! is repeated, which changes nothing about what such a statement finds or writes.

use std::iter;

/// For how many rows there are statements, in ascending order.
const SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, MOST];

/// The most rows of one statement.
pub(super) const MOST: usize = 128;

/// A statement, written for each number of rows.
pub(super) struct Many(Vec<(usize, String)>);

impl Many {
    /// Has `write` write it for a number of rows.
    pub(super) fn new(write: impl Fn(usize) -> String) -> Self {
        Self::up_to(MOST, write)
    }

    /// The same for rows of many columns, at most so many: sqlx asks SQLite for the name of each
    /// argument, and SQLite goes through all of them for that.
    pub(super) fn up_to(most: usize, write: impl Fn(usize) -> String) -> Self {
        let sizes = SIZES.into_iter().filter(|size| *size <= most);
        Self(sizes.map(|size| (size, write(size))).collect())
    }

    /// The statements that take all of `rows`, each with the rows that it takes.
    pub(super) fn over<'r, T>(
        &'static self,
        rows: &'r [T],
    ) -> impl Iterator<Item = (&'static str, Vec<&'r T>)> {
        let most = self.0.last().map_or(1, |(size, _)| *size);
        rows.chunks(most).filter_map(|part| {
            let (size, sql) = self.0.iter().find(|(size, _)| *size >= part.len())?;
            let last = part.last()?;
            let padded = part.iter().chain(iter::repeat(last)).take(*size);
            Some((sql.as_str(), padded.collect()))
        })
    }
}

/// So many places for arguments, such as `$4, $5, $6`.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count)
        .map(|number| format!("${number}"))
        .collect();
    places.join(", ")
}

/// So many rows of so many places, such as `($1, $2), ($3, $4)`; the columns of such rows are named
/// `column1` and so on.
pub(super) fn rows_of_places(rows: usize, columns: usize) -> String {
    let rows: Vec<String> = (0..rows)
        .map(|row| format!("({})", places(1 + row * columns, columns)))
        .collect();
    rows.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_taken_and_the_last_fills_the_places_that_remain() {
        static LISTS: std::sync::LazyLock<Many> =
            std::sync::LazyLock::new(|| Many::new(|size| places(1, size)));
        let rows: Vec<usize> = (0..131).collect();
        let parts: Vec<_> = LISTS.over(&rows).collect();
        let [(first, all), (second, rest)] = parts.as_slice() else {
            panic!("{} parts", parts.len());
        };
        assert!(first.ends_with(", $128"));
        assert_eq!(all.len(), 128);
        assert_eq!(*second, "$1, $2, $3, $4");
        assert_eq!(*rest, [&128, &129, &130, &130]);
        assert_eq!(LISTS.over(&rows[..0]).count(), 0);
    }

    #[test]
    fn places_are_numbered_through() {
        assert_eq!(rows_of_places(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
