//! What was measured of the origin, and of the floors beside it.

use std::time::Duration;

use anyhow::Result;
use portcullis_load::turns::Activity;

use super::floors::Count;
use crate::bench::cores::Cores;
use crate::bench::load::{Load, micros_each};

/// All figures of one database.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) empty: Served,
    live: Served,
    refresh: Served,
    introspection: Served,
    me: Served,
    login: Served,
    pub(super) hashes: Count,
    /// On `SQLite`: its writer is one, and this is what one writer can do.
    pub(super) synced: Option<Count>,
    pub(super) updates: Option<Count>,
}

/// Operations that were served.
#[derive(Default)]
pub(super) struct Served {
    load: Load,
    /// Processor time of who served them.
    processor: Duration,
}

impl Served {
    /// Takes a turn, and note of the processor time that it took.
    pub(super) fn turn(
        &mut self,
        turn: impl FnOnce() -> Result<Load>,
        processor: impl Fn() -> Result<Duration>,
    ) -> Result<()> {
        let before = processor()?;
        self.load += turn()?;
        self.processor += processor()?.saturating_sub(before);
        Ok(())
    }

    fn micros_each(&self) -> f64 {
        micros_each(self.processor, self.load.operations())
    }

    fn per_second(&self) -> f64 {
        self.load.per_second()
    }
}

impl Figures {
    /// What the origin is asked to do.
    pub(super) const ACTIVITIES: [Activity; 5] = [
        Activity::Live,
        Activity::Refresh,
        Activity::Introspection,
        Activity::Me,
        Activity::Login,
    ];

    /// The figures of [`Self::ACTIVITIES`].
    pub(super) fn served(&mut self) -> [(Activity, &mut Served); 5] {
        [
            (Activity::Live, &mut self.live),
            (Activity::Refresh, &mut self.refresh),
            (Activity::Introspection, &mut self.introspection),
            (Activity::Me, &mut self.me),
            (Activity::Login, &mut self.login),
        ]
    }

    pub(super) fn print(&self, cores: &Cores) {
        for (name, served) in [
            ("POST /auth/token (refresh)", &self.refresh),
            ("POST /auth/introspect", &self.introspection),
            ("GET /auth/me", &self.me),
            ("POST /auth/login", &self.login),
            ("GET /health/live", &self.live),
            ("floor: an empty handler of poem", &self.empty),
        ] {
            let (line, micros) = (served.load.line(), served.micros_each());
            println!("  {name:<34} {line}   cpu {micros:>6.0} µs");
        }
        let hashes = format!("floor: argon2id, {} thread(s)", cores.of_measured());
        for (name, count) in [
            (hashes.as_str(), Some(self.hashes)),
            ("floor: one fdatasync after another", self.synced),
            ("floor: pgbench, one UPDATE", self.updates),
        ] {
            if let Some(count) = count {
                println!("  {name:<34} {:>9.1} /s", count.per_second());
            }
        }
        self.compare();
    }

    fn compare(&self) {
        let ratio = |name: &str, ratio: f64| println!("  {name:<34} {ratio:>9.2}");
        let (refresh, empty) = (self.refresh.per_second(), self.empty.per_second());
        ratio("empty handler / refresh", empty / refresh);
        ratio(
            "empty handler / introspection",
            empty / self.introspection.per_second(),
        );
        ratio("empty handler / me", empty / self.me.per_second());
        if let Some(updates) = self.updates {
            ratio("pgbench / refresh", updates.per_second() / refresh);
        }
        let hashes = self.hashes.per_second();
        ratio("login / argon2id", self.login.per_second() / hashes);
    }
}
