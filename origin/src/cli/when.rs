//! Times as people write them: an age, Unix seconds, or a date with or without a time, all in UTC
//! (RFC 3339).

use portcullis_shared::time::UnixSeconds;

const DAY: i64 = 86_400;

/// The text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an age (30s, 15m, 12h, 7d), a date (2026-01-31), a date and time in UTC \
     (2026-01-31T12:00:00Z), or Unix seconds"
)]
pub(super) struct InvalidWhen;

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    At(UnixSeconds),
    Ago(i64),
}

impl When {
    /// The time, where it is one to come: not so long ago, but so long from `now`.
    pub(super) fn ahead_of(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::At(time) => time,
            Self::Ago(seconds) => now.plus(seconds),
        }
    }

    /// The time, seen from `now`.
    pub(super) fn from(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::At(time) => time,
            Self::Ago(seconds) => now.plus(-seconds),
        }
    }
}

impl std::str::FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, InvalidWhen> {
        let unit = match text.chars().last() {
            Some('s') => Some(1),
            Some('m') => Some(60),
            Some('h') => Some(3600),
            Some('d') => Some(DAY),
            Some(_) | None => None,
        };
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<i64>().ok()).flatten()
        };
        let found = match unit {
            Some(unit) => text
                .get(..text.len() - 1)
                .and_then(number)
                .and_then(|count| count.checked_mul(unit))
                .map(Self::Ago),
            None => number(text)
                .map(UnixSeconds)
                .or_else(|| date_and_time(text))
                .map(Self::At),
        };
        found.ok_or(InvalidWhen)
    }
}

fn date_and_time(text: &str) -> Option<UnixSeconds> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_to(year, month, day);
    // A day that the month does not have comes back as another one.
    (civil(days) == (year, month, day))
        .then(|| UnixSeconds(days * DAY + hour * 3600 + minute * 60 + second))
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        let fits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
        *slot = part.parse().ok().filter(|_| fits)?;
    }
    parts.next().is_none().then_some(found)
}

/// Years begin in March here, so that a leap day is the last of its year; days are counted in eras
/// of 400 years, which are all of one length.
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (from_march * 153 + 2) / 5 + day - 1 - EPOCH
}

/// Year, month and day so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, day) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month, in_month)
}

/// A time in UTC (RFC 3339).
pub(super) fn written(time: UnixSeconds) -> String {
    let (year, month, day) = civil(time.0.div_euclid(DAY));
    let second = time.0.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(written(UnixSeconds(seconds)), text);
            assert_eq!(text.parse(), Ok(When::At(UnixSeconds(seconds))), "{text}");
        }
        let day = |number: i64| written(UnixSeconds(number * DAY + 7));
        for number in (-200_000..200_000).step_by(97) {
            let seconds = UnixSeconds(number * DAY + 7);
            assert_eq!(
                day(number).parse().ok(),
                (number >= -719_528).then_some(When::At(seconds))
            );
        }
    }

    #[test]
    fn an_age_is_before_now_and_nonsense_is_refused() {
        let from = |text: &str| {
            text.parse::<When>()
                .map(|when| when.from(UnixSeconds(1_000_000)))
        };
        assert_eq!(from("90s"), Ok(UnixSeconds(999_910)));
        assert_eq!(from("2h"), Ok(UnixSeconds(992_800)));
        assert_eq!(from("7d"), Ok(UnixSeconds(395_200)));
        assert_eq!(from("1234"), Ok(UnixSeconds(1234)));
        assert_eq!(from("1970-01-02"), Ok(UnixSeconds(DAY)));
        for text in [
            "",
            "d",
            "-1d",
            "+1d",
            "1w",
            "99999999999999999d",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00Z",
            "2026-01-01-01",
            "é",
        ] {
            assert_eq!(from(text), Err(InvalidWhen), "{text:?}");
        }
    }
}
