//! One connection: HTTP/1.1 (RFC 9112) between a socket and the routes, ended when its client keeps
//! it waiting for too long.

use std::{convert::Infallible, pin::pin, sync::Arc};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Request, Response,
    http::{self, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

use super::{
    body::Patience,
    pace::{Found, LOOK, Limits, Looks, Pace, Phase, socket::Paced},
    room::Room,
};

/// The most bytes of a request that are held before it is served, its head among them.
const BUFFER: usize = 32 * 1024;

/// What all connections have in common.
pub(super) struct Hall<E> {
    /// The routes.
    pub endpoint: E,
    /// How long clients may take.
    pub limits: Limits,
    /// For how many there is room.
    pub room: Room,
}

/// A connection, as it was accepted.
pub(super) type Accepted<Io> = (Io, LocalAddr, RemoteAddr, Scheme);

/// Serves a connection to its end. Once `stopping` says so, the request in flight is its last.
pub(super) async fn serve<E, Io>(
    hall: Arc<Hall<E>>,
    (io, local, remote, scheme): Accepted<Io>,
    mut stopping: watch::Receiver<bool>,
) where
    E: Endpoint<Output = Response> + 'static,
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let pace = Arc::new(Pace::default());
    let patience = Patience(LOOK * hall.limits.request);
    let service = service_fn(|request: http::Request<Incoming>| {
        pace.enter(Phase::Serving);
        let mut request = Request::from((request, local.clone(), remote.clone(), scheme.clone()));
        request.set_data(patience);
        let (hall, pace) = (Arc::clone(&hall), Arc::clone(&pace));
        async move {
            let response = hall.endpoint.get_response(request).await;
            pace.enter(Phase::Answering);
            Ok::<_, Infallible>(http::Response::from(response))
        }
    });
    let io = TokioIo::new(Paced::new(io, Arc::clone(&pace)));
    let connection = http1::Builder::new()
        .max_buf_size(BUFFER)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut overdue = pin!(overdue(&pace, &hall));
    let mut told = false;
    loop {
        tokio::select! {
            // A request that has come is taken before it is looked whether one came in time.
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            why = &mut overdue => {
                tracing::debug!(why, "a connection is closed");
                return;
            }
            _ = stopping.wait_for(|stopping| *stopping), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Ready when a connection is to be closed; says why.
async fn overdue<E>(pace: &Pace, hall: &Hall<E>) -> &'static str {
    let mut looks = Looks::default();
    loop {
        tokio::time::sleep(LOOK).await;
        match looks.look(pace, hall.limits) {
            Found::Waiting if hall.room.wants_yours() => return "another needs its place",
            Found::Well | Found::Waiting => {}
            Found::NoRequest => return "no request came in time",
            Found::NotTaken => return "what was answered was not taken in time",
            Found::Idle => return "it was idle",
        }
    }
}
