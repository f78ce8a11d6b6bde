//! Listening, and stopping without cutting anybody off.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use poem::{
    Server,
    listener::{Acceptor, Listener, TcpListener},
};

use super::{accepting::Unhurried, endpoint, service::Service};

/// After how long a connection is closed on which nothing moves.
const IDLE: Duration = Duration::from_mins(2);

/// Why the service does not listen, or stopped listening.
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
    /// The server broke.
    #[error("the server broke")]
    Server(#[source] io::Error),
}

/// Serves until `stop` is ready; then takes no more connections, and waits at most `grace` for
/// requests in flight.
///
/// # Errors
///
/// See [`ServeError`].
pub async fn serve(
    service: Arc<Service>,
    address: SocketAddr,
    grace: Duration,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let bound = TcpListener::bind(address).into_acceptor().await;
    let acceptor = bound.map_err(|source| ServeError::Bind { address, source })?;
    for local in acceptor.local_addr() {
        if let Some(address) = local.as_socket_addr() {
            tracing::info!(%address, "listening on http://{address}");
        }
    }
    Server::new_with_acceptor(Unhurried(acceptor))
        .idle_timeout(IDLE)
        .run_with_graceful_shutdown(endpoint(service), stop, Some(grace))
        .await
        .map_err(ServeError::Server)
}
