//! The tables, in numbered steps that are carried in the binary.
//!
//! Both engines have the same steps under the same names. A step that has been released is never
//! changed: its checksum is kept in the database, and another one refuses to start.
//!
//! While a service is upgraded, programs of the release before work on the new tables. So a step
//! expands: it only adds, and what it adds may be left out by whoever does not know it. A later
//! release contracts, in a step whose name says which step a program must know at least:
//! `NNNN_needs_MMMM_name`. The database keeps the names, and an older program reads them.

use std::borrow::Cow;

use sqlx::{
    SqlStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    driver::Connection,
    engine::Engine,
    fault::Fault,
    statement::{Columns, Statement},
};

/// The steps of one engine.
macro_rules! steps {
    ($engine:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$((
            $version,
            $name,
            include_str!(concat!("../../migrations/", $engine, "/", $name, ".sql")),
        )),+]
    };
}

type Steps = &'static [(i64, &'static str, &'static str)];

/// The steps on SQLite.
pub(super) const SQLITE: Steps = steps!("sqlite":
    1 "0001_initial",
    2 "0002_users",
    3 "0003_sessions",
    4 "0004_throttle",
    5 "0005_revocation_plans",
    6 "0006_audit",
    7 "0007_restored",
    8 "0008_api_keys",
    9 "0009_links",
);

/// The steps on Postgres.
pub(super) const POSTGRES: Steps = steps!("postgres":
    1 "0001_initial",
    2 "0002_users",
    3 "0003_sessions",
    4 "0004_throttle",
    5 "0005_revocation_plans",
    6 "0006_audit",
    7 "0007_restored",
    8 "0008_api_keys",
    9 "0009_links",
);

/// The database has been through a step that programs as old as this one cannot work with.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has step {step}, which only programs that know step {needed:04} work with; this \
     one is older"
)]
pub struct TooNew {
    /// The step's name.
    pub step: String,
    /// The step that programs must know.
    pub needed: i64,
}

/// Runs those steps that a database does not have yet.
///
/// Steps that only a newer program knows are left alone: they only add, so that this program, of
/// the release before, may start once more while the others are being replaced.
pub(super) async fn run(steps: Steps, connection: &mut impl Migrate) -> Result<(), MigrateError> {
    let migrations = steps.iter().map(|&(version, name, sql)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(
            version,
            Cow::Borrowed(name),
            MigrationType::Simple,
            sql,
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    // `Migrator::run` does the same over a trait whose lifetimes keep the future from being `Send`.
    migrator.run_direct(None, connection, false).await
}

/// Makes sure that no step which only a newer program knows has taken away what this one needs.
pub(super) async fn check<Db: Engine>(
    steps: Steps,
    connection: &mut Connection<Db>,
) -> Result<Result<(), TooNew>, Fault> {
    let sql = "SELECT version, description FROM _sqlx_migrations ORDER BY version";
    let known = |version: i64| steps.iter().any(|(known, _, _)| *known == version);
    for row in &Statement::<Db>::new(sql).rows(connection).await? {
        let mut columns = Columns::<Db>::of(row);
        let (version, step) = (columns.next()?, columns.next::<String>()?);
        if let Some(needed) = needed(&step).filter(|needed| !known(version) && !known(*needed)) {
            return Ok(Err(TooNew { step, needed }));
        }
    }
    Ok(Ok(()))
}

/// The step that programs must know which work with a database that has the step of this name:
/// `0012_needs_0009_drop_codes` takes away what programs use that do not know 0009.
fn needed(name: &str) -> Option<i64> {
    let (_, rest) = name.split_once("_needs_")?;
    rest.split('_').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_step_in_either_folder_is_carried_for_both_engines() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        for (engine, steps) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let files: BTreeSet<String> = fs::read_dir(folder.join(engine))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let carried: BTreeSet<String> = steps
                .iter()
                .map(|(_, name, _)| format!("{name}.sql"))
                .collect();
            assert_eq!(files, carried, "{engine}");
            for (version, name, _) in steps {
                assert!(name.starts_with(&format!("{version:04}_")), "{name}");
            }
        }
        let names = |steps: Steps| steps.iter().map(|(_, name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names(SQLITE), names(POSTGRES));
    }

    #[test]
    fn a_step_only_adds_unless_its_name_says_what_it_needs() {
        for (_, name, sql) in SQLITE.iter().chain(POSTGRES) {
            let sql = sql.to_uppercase();
            let taken = ["DROP ", "RENAME ", "ALTER COLUMN ", "DELETE FROM "];
            let takes_away = taken.iter().any(|word| sql.contains(word));
            assert!(!takes_away || needed(name).is_some(), "{name}");
            assert_eq!(name.contains("_needs_"), needed(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_name_says_which_step_programs_must_know() {
        assert_eq!(needed("0012_needs_0009_drop_codes"), Some(9));
        assert_eq!(needed("0012_needs_9"), Some(9));
        for name in ["0012_codes", "0012_needs_codes", "0012_needs_"] {
            assert_eq!(needed(name), None, "{name}");
        }
    }
}
