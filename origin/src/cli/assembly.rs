//! The parts of the service, put together as the settings have it.

use std::{num::NonZero, sync::Arc, thread};

use super::{Error, master_key_file};
use crate::{
    domain::{app::App, hashing::Hasher},
    settings::Settings,
    storage,
    system::{OsEntropy, SystemClock},
};

/// Connects to the database (and brings its tables up to date), reads the master keys, or makes
/// one for a new database, starts
/// `threads` threads that hash passwords.
pub(super) async fn assemble(settings: &Settings, threads: usize) -> Result<App, Error> {
    let config = settings.for_domain()?;
    let database = &settings.database;
    let store = storage::connect(database.url.expose(), database.max_connections).await?;
    // A new master key opens nothing that an old one sealed, so it is made for a new database only.
    let sealed = !store.signing_keys().await?.is_empty();
    let master = master_key_file::open(&settings.keys.master_key_file, sealed, &OsEntropy)?;
    let queue = usize::try_from(settings.password.queue).unwrap_or(usize::MAX);
    let hasher = Hasher::start(settings.password.parameters(), threads, queue, &OsEntropy)?;
    Ok(App::new(
        store,
        Arc::new(SystemClock),
        Arc::new(OsEntropy),
        hasher,
        master,
        config,
    ))
}

/// How many threads hash passwords for the service.
pub(super) fn hashing_threads(settings: &Settings) -> usize {
    match usize::try_from(settings.password.threads) {
        Ok(0) | Err(_) => thread::available_parallelism().map_or(1, NonZero::get),
        Ok(threads) => threads,
    }
}
