//! Liveness and readiness.

use std::time::{SystemTime, UNIX_EPOCH};

use insta::assert_snapshot;

use super::api::Api;
use crate::support::{TestClock, on_both_engines};

on_both_engines!(a_service_is_ready_when_clocks_agree,);

/// Moves the clock to the database's, which is the machine's, and `off` seconds from there.
#[expect(
    clippy::disallowed_methods,
    reason = "the database's clock is the machine's"
)]
fn set_clock(api: &Api, off: i64) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let now = i64::try_from(now).unwrap();
    api.test
        .clock
        .advance(now - api.test.app.clock.now().0 + off);
    let _: &TestClock = &api.test.clock;
}

#[tokio::test]
async fn a_service_lives_whatever_its_clock_says() {
    let api = Api::without_store().await;
    assert_snapshot!(api.get("/health/live").send().await.shown(), @r#"
    200 application/json
    {
      "status": "ok"
    }
    "#);
}

async fn a_service_is_ready_when_clocks_agree(api: Api) {
    set_clock(&api, 0);
    assert_eq!(api.get("/health/ready").send().await.status, 200);
    for off in [-4, 4] {
        set_clock(&api, off);
        let answer = api.get("/health/ready").send().await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (503, "unavailable"),
            "{off}"
        );
    }
    assert_snapshot!(api.get("/health/ready").send().await.shown(), @r#"
    503 application/problem+json
    retry-after: 1
    {"code":"unavailable","status":503,"title":"Not available at the moment","type":"urn:portcullis:problem:unavailable"}
    "#);
}
