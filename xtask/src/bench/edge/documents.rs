//! In place of the origin: serves the key set and the revocations to the Worker under measurement.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_shared::routes::built_in;

use super::issuer::Issuer;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A server of a thread; it ends when this is dropped.
pub(super) struct Documents {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Documents {
    /// # Errors
    /// When no port can be had.
    pub(super) fn serve(issuer: Issuer) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr().context("no free port")?;
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                // One request a connection, and few of them: one after the other will do.
                if let Err(error) = stream
                    .context("accepting")
                    .and_then(|one| answer(one, &issuer))
                {
                    eprintln!("warning: a document was not served: {error:#}");
                }
            }
        });
        Ok(Self {
            address,
            over,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Documents {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread up, so that it sees the flag.
        if TcpStream::connect_timeout(&self.address, TIMEOUT).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, issuer: &Issuer) -> Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().context("no request")??;
    // The rest of the head: unread bytes would turn the closing into a reset.
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let target = first.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let (status, kind, body) = match path {
        built_in::KEY_SET => ("200 OK", "application/jwk-set+json", issuer.keys()?),
        built_in::REVOCATIONS => (
            "200 OK",
            "application/revocations+jwt",
            issuer.revocations()?,
        ),
        _ => ("404 Not Found", "text/plain", String::new()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    drop(lines);
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))?;
    Ok(())
}
