//! Processor time and memory, as Linux accounts for them. Processor time is steadier than wall
//! time where others use the machine.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// A tick of `/proc`: Linux has had a hundred a second for user space at all times.
const TICK: Duration = Duration::from_millis(10);

/// What a process has taken so far, in user space and in the kernel, to 10 ms.
///
/// # Errors
/// When the system has no `/proc` of Linux, or no such process.
pub(super) fn time_of(process: u32) -> Result<Duration> {
    let file = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{file} (processor time is read as Linux shows it)"))?;
    parse(&text).context(file)
}

/// proc(5): the second field is a name in parentheses that may hold anything; of those behind it,
/// the twelfth and the thirteenth are the times.
fn parse(text: &str) -> Option<Duration> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(TICK * user.saturating_add(system))
}

/// What a process has in memory now, in KiB.
///
/// # Errors
/// As [`time_of`].
pub(super) fn resident_kib(process: u32) -> Result<u64> {
    memory(process, "VmRSS:")
}

/// The most that a process ever had in memory, in KiB.
///
/// # Errors
/// As [`time_of`].
pub(super) fn peak_kib(process: u32) -> Result<u64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, name: &str) -> Result<u64> {
    let file = format!("/proc/{process}/status");
    let text = fs::read_to_string(&file).with_context(|| file.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    figure.context(file)
}

/// KiB as MiB.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn a_name_with_parentheses_and_spaces_shifts_nothing() {
        let line = "42 (a (b) c) S 1 42 42 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 4 0 7 8 9";
        assert_eq!(parse(line), Some(Duration::from_millis(1750)));
        assert_eq!(parse("42 (short) S 1"), None);
    }
}
