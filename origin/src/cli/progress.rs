//! How far a long command is: a bar on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes read, or a count of them where it is not known how many there will be.
pub(super) fn bytes(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {eta} left  {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
    };
    // A template that does not suit leaves the bar as it is by itself.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar of things that are done one after the other.
pub(super) fn count(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    // A template that does not suit leaves the bar as it is by itself.
    match ProgressStyle::with_template("{bar:30} {percent:>3} %  {pos} of {len}  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
