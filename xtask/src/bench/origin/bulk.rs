//! Ending a hundred thousand sessions while others refresh and log in: how long it takes, and how
//! much of it they notice.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use portcullis_load::seed::SESSIONS_EACH;
use portcullis_load::turns::Activity;

use super::administrator::Administrator;
use super::crowd::Crowd;
use super::ground::{self, Ground};
use super::service::Service;
use crate::bench::load::Load;
use crate::clock::Stopwatch;
use crate::stop::Stop;
use crate::tools::output_of;
use crate::workspace::Workspace;

/// How many there are whose sessions end, and how many sessions that makes.
const USERS: u32 = 50_000;
const SESSIONS: u32 = USERS * SESSIONS_EACH;

/// How many others there are.
const OTHERS: usize = 4;

/// How often each of the others begins something, and for how long they are asked to at a time.
struct Habit {
    activity: Activity,
    every: Duration,
    at_a_time: Duration,
}

const REFRESHING: Habit = Habit {
    activity: Activity::Refresh,
    every: Duration::from_millis(10),
    at_a_time: Duration::from_millis(250),
};

const LOGGING_IN: Habit = Habit {
    activity: Activity::Login,
    every: Duration::from_secs(1),
    at_a_time: Duration::from_secs(1),
};

const CALM: Duration = Duration::from_secs(3);

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(in crate::bench) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    ground::on_both(workspace, stop, measure)
}

fn measure(ground: &Ground<'_>) -> Result<()> {
    let stop = ground.stop;
    let settings = [("SESSIONS__MAX_PER_USER", "10000")];
    let service = Service::start(ground, OTHERS, &settings)?;
    let mut seed = Command::new(&ground.programs.load);
    seed.args(["seed", service.database(), "--users", &USERS.to_string()]);
    output_of(&mut seed)?;
    let mut administrator = Administrator::log_in(&service)?;
    let mut others = Others::start(ground, &service)?;
    others.during(stop, || stop.pause(Duration::ZERO))?;
    let ((), calm) = others.during(stop, || stop.pause(CALM))?;
    let (planned, counting) = others.during(stop, || administrator.count())?;
    let (ended, ending) = others.during(stop, || administrator.end(&planned.plan))?;
    ensure!(
        planned.count == u64::from(SESSIONS) && ended == planned.count,
        "{SESSIONS} sessions: {} were counted, {ended} ended",
        planned.count
    );
    calm.print("calm");
    counting.print("dry run");
    ending.print("run");
    for (name, seen) in [("dry run", counting), ("run", ending)] {
        let name = format!("{SESSIONS} sessions, {name}");
        println!("  {name:<34} {:>9.1} s", seen.took.as_secs_f64());
    }
    Ok(())
}

/// Users who refresh, and users who log in.
struct Others {
    refreshing: Crowd,
    logging_in: Crowd,
}

/// What they saw while something went on.
struct Meanwhile {
    took: Duration,
    refreshes: Load,
    logins: Load,
}

impl Others {
    fn start(ground: &Ground<'_>, service: &Service) -> Result<Self> {
        let crowd = || Crowd::start(ground.programs, service.address(), OTHERS);
        Ok(Self {
            refreshing: crowd()?,
            logging_in: crowd()?,
        })
    }

    /// Has them go on until the work is done.
    fn during<T>(
        &mut self,
        stop: &Stop,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Meanwhile)> {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let over = &over;
            let refreshing = scope.spawn(|| REFRESHING.keep(&mut self.refreshing, over, stop));
            let logging_in = scope.spawn(|| LOGGING_IN.keep(&mut self.logging_in, over, stop));
            let watch = Stopwatch::start();
            let done = work();
            let took = watch.elapsed();
            over.store(true, Ordering::Relaxed);
            let seen = |thread: thread::ScopedJoinHandle<'_, Result<Load>>| {
                thread.join().map_err(|_| anyhow!("the load broke off"))?
            };
            let meanwhile = Meanwhile {
                took,
                refreshes: seen(refreshing)?,
                logins: seen(logging_in)?,
            };
            Ok((done?, meanwhile))
        })
    }
}

impl Habit {
    fn keep(&self, crowd: &mut Crowd, over: &AtomicBool, stop: &Stop) -> Result<Load> {
        let mut all = Load::default();
        loop {
            all += crowd.paced_turn(self.activity, self.at_a_time, self.every, stop)?;
            if over.load(Ordering::Relaxed) {
                return Ok(all);
            }
        }
    }
}

impl Meanwhile {
    fn print(&self, what: &str) {
        for (name, load) in [("refresh", &self.refreshes), ("login", &self.logins)] {
            println!("  {:<34} {}", format!("{name}, {what}"), load.line());
        }
    }
}
