use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::SubscriberBuilder;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The line that tells of an event, for people and as JSON.
fn told(event: &Event) -> [String; 2] {
    let lines = || {
        let lines = Lines::default();
        let writer = lines.clone();
        let builder = SubscriberBuilder::default().without_time();
        (lines, builder.with_writer(move || writer.clone()))
    };
    let (human, builder) = lines();
    tracing::subscriber::with_default(builder.with_ansi(false).finish(), || event.announce());
    let (json, builder) = lines();
    let builder = builder.json().flatten_event(true);
    tracing::subscriber::with_default(builder.finish(), || event.announce());
    [human, json].map(|lines| {
        let bytes = std::mem::take(&mut *lines.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    })
}

#[test]
fn the_log_has_what_an_event_says_and_no_word_of_what_it_does_not() {
    let event = Event::new(UnixSeconds(1), Action::UserChanged, Actor::Operator);
    let [human, json] = told(&event);
    for line in [&human, &json] {
        assert!(line.contains("user_changed"), "{line}");
        for absent in ["detail", "user_id", "session_id", "None"] {
            assert!(!line.contains(absent), "{absent}: {line}");
        }
    }
    let [human, json] = told(&Event {
        detail: Some("roles [admin]".to_owned()),
        ..event
    });
    assert!(human.contains(r#" detail="roles [admin]""#), "{human}");
    assert!(json.contains(r#""detail":"roles [admin]""#), "{json}");
}

#[test]
fn what_steers_a_terminal_is_escaped_in_the_log() {
    let event = Event {
        detail: Some("a\u{1b}[2J\u{9b}2J\u{202e}b\n\"é".to_owned()),
        ..Event::new(UnixSeconds(1), Action::UserBanned, Actor::Operator)
    };
    for line in told(&event) {
        let line = line.strip_suffix('\n').unwrap();
        let steers = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!line.contains(steers), "{line:?}");
        assert!(
            line.contains("u{1b}[2J") && line.contains("b\\\\n\\\"é"),
            "{line}"
        );
    }
}
