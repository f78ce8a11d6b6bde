use super::*;
use crate::{answer::Answer, gate::Decision};

fn ruling(reason: Option<Reason>) -> Ruling {
    Ruling {
        decision: Decision::Answer(Answer::invalid_token()),
        reason,
        would_be: None,
        rule: None,
        subject: None,
        key: None,
    }
}

fn state() -> State<'static> {
    State {
        isolate: "1f",
        lifetime: 61_005,
        keys_age: Some(2_040),
        feed_age: None,
        feed_seq: Some(7),
        keys_with_tables: 1,
        cached_tokens: 2,
        cache: Uses { hits: 5, misses: 3 },
    }
}

#[test]
fn decisions_are_told_by_outcome_and_reason_and_only_those_that_were_made() {
    let mut counters = Counters::default();
    for reason in [Some(Reason::Expired), Some(Reason::Expired), None] {
        counters.decided(&ruling(reason));
    }
    let text = counters.text(&state());
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("portcullis_edge_decisions_total"))
        .collect();
    let expected = [
        "portcullis_edge_decisions_total{outcome=\"answered\",reason=\"\"} 1",
        "portcullis_edge_decisions_total{outcome=\"refused\",reason=\"expired\"} 2",
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_reason_is_counted_apart() {
    let mut counters = Counters::default();
    for reason in Reason::ALL {
        counters.decided(&ruling(Some(*reason)));
    }
    let counts: Vec<u64> = counters.decisions().map(|(_, _, count)| count).collect();
    assert_eq!(counts, vec![1; Reason::ALL.len()]);
}

#[test]
fn the_text_is_open_metrics() {
    let mut counters = Counters::default();
    counters.fetched(Fetched::Keys, true);
    counters.fetched(Fetched::Revocations, false);
    let text = counters.text(&state());
    for line in [
        "portcullis_edge_isolate_info{id=\"1f\"} 1",
        "portcullis_edge_isolate_age_seconds 61.005",
        "portcullis_edge_keys_age_seconds 2.040",
        "portcullis_edge_feed_seq 7",
        "portcullis_edge_keys_with_tables 1",
        "portcullis_edge_fetches_total{document=\"keys\",result=\"taken\"} 1",
        "portcullis_edge_fetches_total{document=\"revocations\",result=\"failed\"} 1",
        "portcullis_edge_token_cache_lookups_total{result=\"hit\"} 5",
        "portcullis_edge_token_cache_tokens 2",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    // What is not known is left out, not told as 0.
    assert!(!text.contains("\nportcullis_edge_revocations_age_seconds"));
    assert!(text.ends_with("\n# EOF\n"));
    // Every sample belongs to the family that was announced last.
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(family) && !family.is_empty(), "{line}");
        }
    }
}
