//! `portcullis restored`: what an operator says after a backup was put back.

use clap::Args;
use portcullis_shared::time::UnixSeconds;
use serde_json::json;

use super::{Error, assembly, output};
use crate::{
    domain::{
        audit::Actor,
        restored::{self, Outcome},
    },
    settings::Settings,
};

/// How long sessions may be behind.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// For how long sessions follow newer refresh tokens: a number and s, m, h or d
    #[arg(long = "for", default_value = "24h", value_name = "TIME", value_parser = seconds)]
    fast_forward: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  portcullis restored
      Let clients go on that refresh within a day.

  portcullis restored --for 7d
      Let those go on as well who come back within a week.";

/// The longest time that may be said: no session lies idle for longer by default.
const MAX: i64 = 30 * 24 * 60 * 60;

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = restored::restored(&app, arguments.fast_forward, Actor::Operator).await;
    app.store.close().await;
    print(&done?, arguments.json)
}

fn print(outcome: &Outcome, json: bool) -> Result<(), Error> {
    let Outcome {
        seq,
        key,
        until,
        newest_event,
    } = outcome;
    let value = json!({
        "seq": seq.0,
        "kid": key.as_str(),
        "fast_forward_until": until.0,
        "newest_event_at": newest_event.map(|at| at.0),
    });
    let newest = newest_event.map_or_else(|| "anything".to_owned(), date);
    let text = format!(
        "Sessions follow newer refresh tokens until {}. Access tokens from before are refused at \
         seq {}; clients refresh.\n\
         The database knows of nothing after {newest}. What was banned, signed out, disabled, \
         deleted, revoked or given another password or other rights since then must be done again: the \
         log of each origin has a line `audit` for it. Users and sessions that were made since \
         then are gone.",
        date(*until),
        seq.0
    );
    output::either(json, &value, &text)
}

/// A time as people read it (RFC 3339), in UTC.
fn date(at: UnixSeconds) -> String {
    let (days, second) = (at.0.div_euclid(86_400), at.0.rem_euclid(86_400));
    // Years that begin in March have their leap day at the end; 400 of them have 146097 days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..=9 => (era * 400 + year_of_era, month + 3),
        _ => (era * 400 + year_of_era + 1, month - 9),
    };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads `90s`, `30m`, `24h` or `7d`.
fn seconds(text: &str) -> Result<i64, String> {
    let form = || "must be a number and s, m, h or d, such as 24h".to_owned();
    let unit = text.chars().last().ok_or_else(form)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(form()),
    };
    let number = text.strip_suffix(unit).unwrap_or_default();
    let number: u32 = number.parse().map_err(|_| form())?;
    let seconds = i64::from(number) * factor;
    if (1..=MAX).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("must be between 1s and 30d".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_a_number_and_a_unit() {
        let cases = [("90s", 90), ("5m", 300), ("24h", 86_400), ("30d", MAX)];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in [
            "", "h", "24", "24 h", "-1h", "1.5h", "0s", "31d", "1w", "1日",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(UnixSeconds(at)), expected);
        }
    }
}
