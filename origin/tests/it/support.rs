//! A whole service in a test: the real databases, a clock that is moved by hand, random bytes from
//! a seed, and passwords that are cheap to hash.

mod app;
mod database;
mod mmdb;
mod run;
mod sources;
mod wait;

pub(crate) use app::{ADMIN, CURL, TestApp, USER, context};
pub(crate) use database::{Database, Engine};
pub(crate) use mmdb::CountryFile;
pub(crate) use run::{Begin, run};
pub(crate) use sources::{SeededEntropy, TestClock};
pub(crate) use wait::until;

/// Makes two tests of each function: one on SQLite, one on Postgres. The function takes what it
/// begins with, which is anything that can [`Begin`].
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                use $crate::support::{Engine, run};

                #[test]
                fn on_sqlite() {
                    run(Engine::Sqlite, super::$name);
                }

                #[test]
                fn on_postgres() {
                    run(Engine::Postgres, super::$name);
                }
            }
        )*
    };
}
pub(crate) use on_both_engines;
