//! What an edge tells of its decisions: to clients, to its log, and to administrators.

use serde_json::Value;

use crate::harness::{stack::Stack, wait};

const METRICS: &str = "/.well-known/portcullis/edge";

/// An edge that tells all it can.
async fn start() -> Stack {
    Stack::start(&[("SERVER_TIMING", "on"), ("LOG_DECISIONS", "1")]).await
}

/// The lines of the log about decisions.
fn decisions(stack: &Stack) -> Vec<Value> {
    let log = stack.edge.log();
    let lines = log.lines().filter_map(|line| {
        let line = line.get(line.find('{')?..)?;
        serde_json::from_str::<Value>(line).ok()
    });
    lines.filter(|line| line["message"] == "decision").collect()
}

#[tokio::test]
async fn clients_and_the_log_are_told_how_it_was_decided_and_the_log_alone_why() {
    let stack = start().await;
    let token = stack.bearer().await.1.access;
    let id = stack.id_of(&token).await;
    for (path, token, status, outcome) in [
        ("/echo/x", token.as_str(), 200, "passed"),
        ("/echo/x", "no.token.here", 401, "refused"),
        ("/report/x", "no.token.here", 200, "reported"),
        ("/no-such-path", token.as_str(), 404, "refused"),
    ] {
        let answer = stack.get(path, token).await.expect(status);
        let timing = answer.header("server-timing");
        assert!(timing.starts_with("edge;dur="), "{path}: {timing}");
        assert!(
            timing.ends_with(&format!(";desc=\"{outcome}\"")),
            "{path}: {timing}"
        );
        let request_id = answer.header("portcullis-request-id");
        let line = wait::until(
            "the line about a decision",
            std::time::Duration::from_secs(10),
            || async {
                let lines = decisions(&stack);
                lines
                    .into_iter()
                    .find(|line| line["request_id"] == request_id.as_str())
            },
        )
        .await;
        assert_eq!(line["outcome"], outcome, "{line}");
        if outcome == "passed" {
            assert_eq!(line["subject"], id.as_str(), "{line}");
            assert_eq!(line["route"], "*/echo/*", "{line}");
            assert!(line["feed_seq"].as_u64() > Some(0), "{line}");
        } else {
            assert!(
                line["reason"].is_string() && line["subject"].is_null(),
                "{line}"
            );
            assert!(
                !answer.text().contains(line["detail"].as_str().unwrap()) || path == "/report/x"
            );
        }
    }
    let log = stack.edge.log();
    assert!(!log.contains(&token), "a token is in the log");
}

#[tokio::test]
async fn what_an_edge_has_counted_is_told_to_administrators_alone() {
    let stack = start().await;
    let token = stack.bearer().await.1.access;
    stack.get("/echo/x", &token).await.expect(200);
    stack.get("/echo/x", &token).await.expect(200);
    stack.get("/echo/x", "no.token.here").await.expect(401);
    let admin = stack.admin_token().await;
    let counted = stack.get(METRICS, &admin).await.expect(200);
    assert!(
        counted
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert_eq!(counted.header("cache-control"), "no-store");
    let text = counted.text();
    for line in [
        "portcullis_edge_decisions_total{outcome=\"passed\",reason=\"\"} 2",
        "portcullis_edge_token_cache_lookups_total{result=\"hit\"} 1",
    ] {
        assert!(
            text.lines().any(|own| own == line),
            "{line} is missing in {text}"
        );
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    // Nobody else gets any of it: not a user, nor whoever has no token.
    for token in [token.as_str(), "no.token.here"] {
        let refused = stack.get(METRICS, token).await;
        assert_eq!(refused.status, 401);
        assert!(!refused.text().contains("portcullis_edge"));
    }
    let nobody = stack.http.get_plain(&stack.edge.at(METRICS)).await;
    assert_eq!(nobody.status, 401);
}
