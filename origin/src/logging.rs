//! Logs: one line for each event, for people or as JSON.
//!
//! Texts that came from outside are logged as `Debug` shows them, or made [`legible`], so that no
//! line break and no escape sequence gets through; secrets are not logged at all. Lines go to standard error: what
//! a command prints is alone on standard output.

use tracing_subscriber::{EnvFilter, fmt::SubscriberBuilder};

use crate::settings::log::{Format, Log};

/// Libraries that say again what we say; the filter may still ask for them by name.
const QUIET: &str = "poem::server=warn";

/// Logging cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error("log.filter is malformed")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else has started logging in this process.
    #[error("logging has been started already")]
    Started(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts logging, for the whole process, panics included.
///
/// # Errors
///
/// See [`LoggingError`].
pub fn start(settings: &Log) -> Result<(), LoggingError> {
    let builder = SubscriberBuilder::default()
        .with_env_filter(EnvFilter::try_new(format!("{QUIET},{}", settings.filter))?)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        Format::Human => builder.with_ansi(is_terminal()).try_init(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
    started.map_err(LoggingError::Started)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        // The payload may hold anything; the place is enough to find it.
        tracing::error!(place, "a task panicked");
    }));
    Ok(())
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

/// A text from outside as a value that is logged as text: what is not shown where it stands, such as
/// the characters that steer a terminal, as its escape.
pub fn legible(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\'' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    });
    escaped.collect()
}

/// An error and its causes in one line, the outermost first, for a log or a person.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
