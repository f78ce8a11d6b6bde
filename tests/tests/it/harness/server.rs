//! Servers inside the test program, each counting its requests.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use poem::{Endpoint, EndpointExt, Server, listener::TcpAcceptor};
use portcullis_e2e::{demo_api, demo_images, keys::RemoteKeys, proof::Verifier};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};

use super::ports;

/// Servers outlive the test that happens to start them first, so they run here.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct Served {
    pub port: u16,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Served {
    pub fn url(&self) -> String {
        ports::url(self.port)
    }

    /// How many requests have come so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves `endpoint` on a port of its own.
pub fn serve(endpoint: impl Endpoint + 'static) -> Served {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let endpoint = endpoint.before(move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { Ok(request) }
    });
    let port = ports::free();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let task = RUNTIME.spawn(async move {
        let acceptor = TcpAcceptor::from_tokio(TcpListener::from_std(listener).unwrap()).unwrap();
        let server = Server::new_with_acceptor(acceptor).idle_timeout(Duration::from_mins(1));
        server.run(endpoint).await.unwrap();
    });
    Served {
        port,
        requests,
        task,
    }
}

/// The demo API server, as `cargo xtask dev` starts it too.
pub fn demo_api(issuer: &str, origin: &str) -> Served {
    serve(demo_api::app(verifier(issuer, origin, "api")))
}

/// The demo image server.
pub fn demo_images(issuer: &str, origin: &str) -> Served {
    serve(demo_images::app(verifier(issuer, origin, "images")))
}

fn verifier(issuer: &str, origin: &str, audience: &str) -> Verifier {
    Verifier {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        keys: RemoteKeys::new(format!("{origin}/.well-known/jwks.json")).unwrap(),
    }
}
