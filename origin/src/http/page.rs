//! Lists page by page: how many a page has, and whether there is another.
//!
//! One more is looked for than a page holds, which tells whether the page is the last.

use super::cursor::{self, Place};
use crate::domain::master_key::MasterKeys;

/// How many a page has at most, and where nothing is said; at least one.
const MOST: i64 = 200;
const USUAL: i64 = 50;

/// How many a page has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(u8);

impl Size {
    /// As many as were asked for, within the limits.
    pub(crate) fn asked(limit: Option<i64>) -> Self {
        let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
        Self(u8::try_from(limit).unwrap_or(1))
    }

    /// How many to look for.
    pub(crate) fn sought(self) -> u32 {
        u32::from(self.0) + 1
    }

    /// The page, of what was found, and where there is another one, the cursor for it: after the
    /// place of the last one on this page.
    pub(crate) fn cut<T, P: Place>(
        self,
        mut found: Vec<T>,
        place: impl FnOnce(&T) -> P,
        keys: &MasterKeys,
    ) -> (Vec<T>, Option<String>) {
        let size = usize::from(self.0);
        let is_last = found.len() <= size;
        found.truncate(size);
        let last = found.last().filter(|_| !is_last);
        let next = last.and_then(|last| cursor::write(&place(last), keys));
        (found, next)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_shared::ids::SessionId;

    use super::*;

    #[test]
    fn a_page_has_as_many_as_were_asked_for_within_the_limits() {
        for (limit, size) in [
            (None, 50),
            (Some(7), 7),
            (Some(0), 1),
            (Some(i64::MIN), 1),
            (Some(200), 200),
            (Some(i64::MAX), 200),
        ] {
            assert_eq!(Size::asked(limit).sought(), size + 1, "{limit:?}");
        }
    }

    #[test]
    fn there_is_a_cursor_where_there_is_another_page() {
        let keys = MasterKeys::parse(&format!("7 {}", "A".repeat(43))).unwrap();
        let place = |number: &u8| SessionId::from_bytes([*number; 16]);
        let cut = |found: &[u8]| Size::asked(Some(2)).cut(found.to_vec(), place, &keys);
        assert_eq!(cut(&[]), (vec![], None));
        assert_eq!(cut(&[1, 2]), (vec![1, 2], None));
        let (page, next) = cut(&[1, 2, 3]);
        assert_eq!(page, [1, 2]);
        assert_eq!(cursor::read(&next.unwrap(), &keys), Some(place(&2)));
    }
}
