//! `portcullis serve`.

use std::{sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use super::{Error, assembly, descriptors};
use crate::{
    countries::Countries,
    domain::{
        app::App,
        cleanup::{self, When},
        look_alikes, settings_record, signing_keys,
    },
    http::{
        self,
        service::{Places, Service},
    },
    logging,
    settings::{Settings, server::Server},
};

pub(super) async fn run(settings: &Settings) -> Result<(), Error> {
    if settings.takes_all_clients_for_one() {
        tracing::warn!(
            "neither edge.secret nor server.trusted_proxies is set: all clients have the edge's \
             address, and throttling counts them as one"
        );
    }
    let places = Places {
        trusted_proxies: settings.server.trusted_proxies.clone(),
        countries: settings.geo.file().map(Countries::open).transpose()?,
    };
    let app = assembly::assemble(settings, assembly::hashing_threads(settings)).await?;
    // Ahead of whatever any edge has seen, even when a backup was put back.
    app.store.advance_seq(app.now()).await?;
    signing_keys::ensure(&app).await?;
    // With the wrong master key nothing could be signed: better said now than at the first login.
    app.signing.active(&app).await?;
    let in_force = settings
        .in_force()
        .map_err(|error| Error::Output(error.into()))?;
    settings_record::record(&app, &in_force).await?;
    let app = Arc::new(app);
    let service = Arc::new(Service {
        app: Arc::clone(&app),
        edge_secret: settings.edge.secret.clone(),
        origins: settings.cookies.trusted(&settings.issuer),
        places,
        clock_skew_max: i64::from(settings.database.clock_skew_max) * 1000,
    });
    let rotation = tokio::spawn(rotate(Arc::clone(&app)));
    let protection = tokio::spawn(protect_names(Arc::clone(&app)));
    let sweeping = tokio::spawn(clean_up(Arc::clone(&app)));
    let listening = Server {
        max_connections: descriptors::connections(settings),
        ..settings.server.clone()
    };
    let stop = stop_signal()?;
    let served = http::serve::serve(service, &listening, stop).await;
    rotation.abort();
    protection.abort();
    sweeping.abort();
    app.store.close().await;
    tracing::info!("stopped");
    Ok(served?)
}

/// Ready when the process is asked to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    Ok(async move {
        let signal = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal, "stopping: requests in flight are finished");
    })
}

/// Sees to it, from time to time, that a signing key is there and none is used for too long.
async fn rotate(app: Arc<App>) {
    // Often enough for the shortest interval, and never a burden.
    let seconds = app.config.key_rotate_every / 10;
    let seconds = u64::try_from(seconds.clamp(1, 60)).unwrap_or(60);
    let mut interval = tokio::time::interval(Duration::from_secs(seconds));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = signing_keys::ensure(&app).await {
            let cause = logging::chain(&error);
            tracing::warn!(?cause, "the signing keys could not be looked after");
        }
    }
}

/// How often it is seen to that names are protected which a replica of an older version has taken.
const PROTECT_EVERY: Duration = Duration::from_mins(1);

/// Sees to it that no name can be taken which looks like one that an older version has written.
async fn protect_names(app: Arc<App>) {
    let mut interval = tokio::time::interval(PROTECT_EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = look_alikes::protect_old_names(app.store.as_ref()).await {
            let cause = logging::chain(&error);
            tracing::warn!(
                ?cause,
                "names of an older version could not be looked after"
            );
        }
    }
}

/// How often it is looked whether cleanup is due: another replica may have begun and vanished.
const SWEEPING: Duration = Duration::from_mins(1);

/// Removes what is over, from time to time.
async fn clean_up(app: Arc<App>) {
    if app.config.cleanup.interval == 0 {
        return;
    }
    let mut interval = tokio::time::interval(SWEEPING);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match cleanup::clean_up(&app, When::Due).await {
            Ok(Some(removed)) if !removed.is_empty() => {
                tracing::info!(?removed, "what was over has been removed");
            }
            Ok(_) => {}
            Err(error) => {
                let cause = logging::chain(&error);
                tracing::warn!(?cause, "what is over could not be removed");
            }
        }
    }
}
