//! `GET /metrics`.

use super::api::Api;

#[tokio::test]
async fn requests_are_counted_by_operation_and_status() {
    let api = Api::without_store().await;
    api.get("/auth/me").send().await;
    api.get("/auth/me").send().await;
    api.get("/health/live").send().await;
    api.get("/nobody/knows").send().await;
    let text = api.get("/metrics").send().await.body;
    for line in [
        r#"portcullis_requests_total{operation="me",status="401"} 2"#,
        r#"portcullis_requests_total{operation="live",status="200"} 1"#,
        r#"portcullis_requests_total{operation="none",status="404"} 1"#,
        r#"portcullis_request_duration_seconds_count{operation="me"} 2"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nobody/knows"));
}
