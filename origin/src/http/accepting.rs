//! Taking connections without spinning where the system gives none.

use std::{io, time::Duration};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};

/// How long to wait after a connection could not be taken. Out of file descriptors, the system
/// refuses at once, and the connection stays in the queue: without a pause that would be asked
/// again and again, at the cost of those who are being served.
const PAUSE: Duration = Duration::from_millis(100);

/// An acceptor that pauses after a failure, and whose failures are logged.
pub(super) struct Unhurried<A>(pub(super) A);

impl<A: Acceptor> Acceptor for Unhurried<A> {
    type Io = A::Io;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(A::Io, LocalAddr, RemoteAddr, Scheme)> {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return Ok(accepted),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether the client went away before it was taken, which is nobody's trouble.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Fails so often, then has a connection.
    struct Failing {
        errors: Vec<io::ErrorKind>,
        asked: usize,
    }

    impl Acceptor for Failing {
        type Io = tokio::io::DuplexStream;

        fn local_addr(&self) -> Vec<LocalAddr> {
            Vec::new()
        }

        async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
            self.asked += 1;
            if let Some(kind) = self.errors.pop() {
                return Err(kind.into());
            }
            let address = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into();
            let local = LocalAddr(address);
            let remote = RemoteAddr(local.0.clone());
            Ok((tokio::io::duplex(1).0, local, remote, Scheme::HTTP))
        }
    }

    #[tokio::test]
    async fn a_failure_is_no_reason_to_spin_nor_to_give_up() {
        let errors = vec![io::ErrorKind::Other, io::ErrorKind::ConnectionAborted];
        let mut acceptor = Unhurried(Failing { errors, asked: 0 });
        let in_a_moment = tokio::time::timeout(PAUSE / 4, acceptor.accept());
        assert!(in_a_moment.await.is_err());
        assert_eq!(acceptor.0.asked, 2);
        assert!(acceptor.accept().await.is_ok());
    }
}
