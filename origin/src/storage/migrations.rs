//! The tables, in numbered steps that are carried in the binary.
//!
//! Both engines have the same steps under the same names. A step that has been released is never
//! changed: its checksum is kept in the database, and another one refuses to start.

use std::borrow::Cow;

use sqlx::{
    SqlStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
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
    6 "0006_audit",
);

/// The steps on Postgres.
pub(super) const POSTGRES: Steps = steps!("postgres":
    1 "0001_initial",
    2 "0002_users",
    3 "0003_sessions",
    4 "0004_throttle",
    6 "0006_audit",
);

/// Runs those steps that a database does not have yet.
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
    let migrator = Migrator::with_migrations(migrations.collect());
    // `Migrator::run` does the same over a trait whose lifetimes keep the future from being `Send`.
    migrator.run_direct(None, connection, false).await
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
}
