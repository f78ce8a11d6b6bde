//! A whole service in a test: the real databases, a clock that is moved by hand, random bytes from
//! a seed, and passwords that are cheap to hash.

mod app;
mod database;
mod mmdb;
mod sources;
mod wait;

pub(crate) use app::{ADMIN, CURL, TestApp, USER, context};
pub(crate) use database::{Database, Engine};
pub(crate) use mmdb::CountryFile;
pub(crate) use sources::{SeededEntropy, TestClock};
pub(crate) use wait::until;

/// Makes two tests of each function over a [`TestApp`]: one on SQLite, one on Postgres.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    super::$name($crate::support::TestApp::on($crate::support::Engine::Sqlite).await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    super::$name($crate::support::TestApp::on($crate::support::Engine::Postgres).await).await;
                }
            }
        )*
    };
}
pub(crate) use on_both_engines;
