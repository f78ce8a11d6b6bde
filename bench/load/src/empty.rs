//! A server whose handler does nothing: what a request costs before anything is done for it.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use poem::{
    Endpoint, EndpointExt, Request, Response, Server,
    endpoint::make_sync,
    listener::{Acceptor, Listener, TcpListener},
};

/// Answers every request with an empty 200, until its standard input ends. The first line that it
/// prints is the address where it listens.
///
/// # Errors
/// When it cannot listen.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).into_acceptor();
        let acceptor = bound.await.context("cannot listen")?;
        let local = acceptor.local_addr().into_iter().next();
        let address = local.and_then(|local| local.as_socket_addr().copied());
        println!("{}", address.context("no address")?);
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        let serving = Server::new_with_acceptor(acceptor).run(handler());
        tokio::select! {
            done = serving => done.context("serving"),
            _ = ended => Ok(()),
        }
    })
}

fn handler() -> impl Endpoint<Output = Response> {
    make_sync(|_: Request| ()).map_to_response()
}
