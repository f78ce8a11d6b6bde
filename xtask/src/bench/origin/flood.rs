//! What a flood of logins does to everybody else: the same few users ask at the same pace when
//! nobody logs in, and while hundreds do.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use portcullis_load::flood::{Answers, name_of};
use portcullis_load::turns::Activity;
use serde_json::json;

use super::crowd::Crowd;
use super::flooding::Flooding;
use super::ground::{self, Ground};
use super::service::Service;
use crate::bench::load::{Load, per_second};
use crate::bench::processor::mib;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// Logins at a time.
const LOGINS: usize = 500;

/// Who asks in quiet, and how often each of them does.
const QUIET: usize = 4;
const PACE: Duration = Duration::from_millis(10);

/// Names and networks are many, but not so many that none of them would ever be throttled.
const SETTINGS: [(&str, &str); 2] = [
    ("THROTTLE__ACCOUNT_ATTEMPTS", "1000000"),
    ("THROTTLE__STRANGER_ATTEMPTS", "1000000"),
];

/// Calm and flood take turns.
const ROUNDS: usize = 3;
const TURN: Duration = Duration::from_secs(1);

/// Until the pool is full, and later until it is empty.
const SETTLING: Duration = Duration::from_millis(1500);

/// What those who ask in quiet do.
const ACTIVITIES: [(Activity, &str); 3] = [
    (Activity::Ready, "GET /health/ready"),
    (Activity::Refresh, "POST /auth/token (refresh)"),
    (Activity::Introspection, "POST /auth/introspect"),
];

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(in crate::bench) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    ground::on_both(workspace, stop, measure)
}

/// What the quiet users saw of each activity.
type Seen = [Load; ACTIVITIES.len()];

fn measure(ground: &Ground<'_>) -> Result<()> {
    let service = Service::start(ground, QUIET, &SETTINGS)?;
    import_flooders(&service)?;
    let mut quiet = Crowd::start(ground.programs, service.address(), QUIET)?;
    ask(&mut quiet, ground.stop)?;
    let (mut calm, mut flooded) = (Seen::default(), Seen::default());
    let (mut answers, base) = (Answers::default(), service.resident_kib()?);
    for _ in 0..ROUNDS {
        add(&mut calm, ask(&mut quiet, ground.stop)?);
        let flooding = Flooding::begin(ground.programs, service.address(), LOGINS)?;
        ground.stop.pause(SETTLING)?;
        add(&mut flooded, ask(&mut quiet, ground.stop)?);
        count(&mut answers, flooding.end()?);
        ground.stop.pause(SETTLING)?;
    }
    print(&calm, &flooded);
    print_answers(&answers);
    let (peak, threads) = (service.peak_kib()?, ground.cores.of_measured());
    println!(
        "  {:<34} {:.1} MiB in calm, {:.1} MiB at most ({threads} thread(s) that hash, 19 MiB each)",
        "resident memory",
        mib(base),
        mib(peak),
    );
    Ok(())
}

fn import_flooders(service: &Service) -> Result<()> {
    let hash = service.hash_of_password()?;
    let user = |number| json!({ "username": name_of(number), "password_hash": hash });
    let users: Vec<_> = (0..LOGINS).map(user).collect();
    service.import(&users)
}

fn ask(quiet: &mut Crowd, stop: &Stop) -> Result<Seen> {
    let mut seen = Seen::default();
    for (load, (activity, _)) in seen.iter_mut().zip(ACTIVITIES) {
        *load = quiet.paced_turn(activity, TURN, PACE, stop)?;
    }
    Ok(seen)
}

fn add(all: &mut Seen, more: Seen) {
    for (load, more) in all.iter_mut().zip(more) {
        *load += more;
    }
}

fn count(all: &mut Answers, more: Answers) {
    all.elapsed_micros += more.elapsed_micros;
    for (status, count) in more.statuses {
        *all.statuses.entry(status).or_default() += count;
    }
}

fn print(calm: &Seen, flooded: &Seen) {
    for ((calm, flooded), (_, name)) in calm.iter().zip(flooded).zip(ACTIVITIES) {
        println!("  {name:<34} calm     {}", calm.line());
        println!("  {:<34} flooded  {}", "", flooded.line());
        let of = |load: &Load| load.quantile(99).as_secs_f64();
        let ratio = of(flooded) / of(calm).max(f64::MIN_POSITIVE);
        println!("  {:<34} {ratio:>9.2}", "  p99 flooded / calm");
    }
}

fn print_answers(answers: &Answers) {
    let elapsed = Duration::from_micros(answers.elapsed_micros);
    let rate = |(status, count): (&u16, &usize)| {
        let rate = per_second(*count, elapsed);
        format!("{status}: {rate:.0} /s")
    };
    let statuses: &BTreeMap<u16, usize> = &answers.statuses;
    let rates: Vec<String> = statuses.iter().map(rate).collect();
    println!(
        "  {:<34} {}",
        format!("{LOGINS} logins at a time"),
        rates.join(", ")
    );
}
