//! Listening, and stopping without cutting anybody off.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use poem::listener::{Acceptor, Listener, TcpListener};
use tokio::{sync::watch, task::JoinSet};

use super::{
    accepting::Unhurried,
    connection::{self, Hall},
    endpoint,
    pace::Limits,
    room::Room,
    service::Service,
};
use crate::settings::server::Server;

/// Why the service does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours to take.
    #[error("cannot listen on {address} (server.listen)")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Serves until `stop` is ready; then takes no more connections, and gives requests in flight the
/// time that the settings grant.
///
/// # Errors
///
/// See [`ServeError`].
pub async fn serve(
    service: Arc<Service>,
    settings: &Server,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = settings.listen;
    let bound = TcpListener::bind(address).into_acceptor().await;
    let mut acceptor = Unhurried(bound.map_err(|source| ServeError::Bind { address, source })?);
    for local in acceptor.local_addr() {
        if let Some(address) = local.as_socket_addr() {
            tracing::info!(%address, "listening on http://{address}");
        }
    }
    let hall = Arc::new(Hall {
        endpoint: endpoint(service),
        limits: Limits {
            request: settings.request_timeout,
            idle: settings.idle_timeout,
        },
        room: Room::new(settings.max_connections),
    });
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = acceptor.accept() => accepted,
        };
        // It does not fail: see `Unhurried`.
        let Ok(accepted) = accepted else { continue };
        let place = tokio::select! {
            () = &mut stop => break,
            place = hall.room.place() => place,
        };
        let serving = connection::serve(Arc::clone(&hall), accepted, stopped.clone());
        connections.spawn(async move {
            serving.await;
            drop(place);
        });
    }
    drop(acceptor);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    let grace = Duration::from_secs(settings.shutdown_grace.into());
    if tokio::time::timeout(grace, ended).await.is_err() {
        let cut_off = connections.len();
        tracing::warn!(cut_off, "requests in flight have had their time");
    }
    connections.shutdown().await;
    Ok(())
}
