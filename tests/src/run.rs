//! Running a demo server as a program: what it needs comes in variables.
//!
//! `LISTEN` is the address to listen at, `ISSUER` the `iss` of the tokens, `JWKS_URL` where their
//! keys are, `AUDIENCE` what the server is called in them.

use std::{env, error::Error, future::Future, net::SocketAddr, process::ExitCode};

use poem::{Endpoint, Server, listener::TcpListener};
use tokio::signal::unix::{SignalKind, signal};

use crate::{keys::RemoteKeys, proof::Verifier};

/// Serves until SIGINT or SIGTERM.
pub fn main<E: Endpoint + 'static>(app: impl FnOnce(Verifier) -> E) -> ExitCode {
    match start(app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start<E: Endpoint + 'static>(app: impl FnOnce(Verifier) -> E) -> Result<(), Box<dyn Error>> {
    let listen: SocketAddr = variable("LISTEN")?.parse()?;
    let verifier = Verifier {
        issuer: variable("ISSUER")?,
        audience: variable("AUDIENCE")?,
        keys: RemoteKeys::new(variable("JWKS_URL")?)?,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let stop = stop()?;
        Server::new(TcpListener::bind(listen))
            .run_with_graceful_shutdown(app(verifier), stop, None)
            .await
    })?;
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
