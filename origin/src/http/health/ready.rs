//! `GET /health/ready`: the database answers, the clocks agree, and there is a key to sign with.

use poem_openapi::OpenApi;
use portcullis_shared::problem::Code;

use super::live::Health;
use crate::{
    domain::clock::UnixMillis,
    http::{answer::Ok, failure::Failure, refused::Refused, service::Shared},
};

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Ready
    #[oai(path = "/health/ready", method = "get", operation_id = "ready")]
    async fn ready(&self, service: Shared<'_>) -> Result<Ok<Health>, Refused> {
        let app = &service.app;
        let before = app.now();
        let database = app.store.database_time().await?;
        let skew = skew(before, database, app.now());
        if skew > service.clock_skew_max {
            let cause = format!("the clock is {skew} ms off the database's");
            return Err(Failure::new(Code::Unavailable).source(cause).into());
        }
        app.signing.active(app).await?;
        Result::Ok(Ok(Health::ok()))
    }
}

/// By how many milliseconds the database's clock is off at least, when it was read at some moment
/// between `before` and `after`.
fn skew(before: UnixMillis, database: UnixMillis, after: UnixMillis) -> i64 {
    let early = before.0.saturating_sub(database.0);
    let late = database.0.saturating_sub(after.0);
    early.max(late).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_the_answer_took_is_no_skew() {
        let of = |before, database, after| {
            skew(UnixMillis(before), UnixMillis(database), UnixMillis(after))
        };
        assert_eq!(of(1000, 1500, 4000), 0);
        assert_eq!(of(1000, 900, 4000), 100);
        assert_eq!(of(1000, 4100, 4000), 100);
    }
}
