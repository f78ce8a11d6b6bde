//! One kept connection of HTTP/1.1 (RFC 9112), and no more of the protocol than a load needs: each
//! request is written whole, each answer is read whole. An ordinary client would cost as much as
//! what it is to measure.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Far beyond what anything measured takes, so that a part that hangs ends the run.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What is read at once.
const CHUNK: usize = 16 * 1024;

/// A connection to a server of this machine.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, if the status is 200.
    ///
    /// # Errors
    /// When it is another: the message shows the body.
    pub fn ok(self) -> Result<Vec<u8>> {
        if self.status != 200 {
            let body = String::from_utf8_lossy(&self.body);
            bail!("200 expected, {} came: {}", self.status, body.trim());
        }
        Ok(self.body)
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true).context("socket")?;
        stream.set_read_timeout(Some(TIMEOUT)).context("socket")?;
        stream.set_write_timeout(Some(TIMEOUT)).context("socket")?;
        let received = Vec::with_capacity(CHUNK);
        Ok(Self { stream, received })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no answer.
    pub fn call(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).context("sending")?;
        self.received.clear();
        let end = self.receive_until(0, b"\r\n\r\n")?;
        let head = self.received.get(..end).unwrap_or_default();
        let Head { status, body } = Head::parse(&String::from_utf8_lossy(head))?;
        let body = match body {
            Length::Known(length) => {
                self.receive(end + length)?;
                let body = self.received.get(end..end + length);
                body.unwrap_or_default().to_vec()
            }
            Length::Chunked => self.receive_chunks(end)?,
        };
        Ok(Answer { status, body })
    }

    /// Where `mark`, looked for from `start` on, ends.
    fn receive_until(&mut self, start: usize, mark: &[u8]) -> Result<usize> {
        let mut from = start;
        loop {
            let rest = self.received.get(from..).unwrap_or_default();
            if let Some(at) = rest.windows(mark.len()).position(|part| part == mark) {
                return Ok(from + at + mark.len());
            }
            // The mark may have come in part.
            from = start.max((self.received.len() + 1).saturating_sub(mark.len()));
            self.receive(self.received.len() + 1)?;
        }
    }

    /// Reads until so many bytes of the answer are there.
    fn receive(&mut self, length: usize) -> Result<()> {
        let mut part = [0; CHUNK];
        while self.received.len() < length {
            let count = match self.stream.read(&mut part) {
                // Whoever is stopped for a while and goes on is told this.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.context("receiving")?,
            };
            if count == 0 {
                bail!("the connection was closed in mid-answer");
            }
            self.received
                .extend_from_slice(part.get(..count).unwrap_or_default());
        }
        Ok(())
    }

    /// RFC 9112 §7.1, without trailers.
    fn receive_chunks(&mut self, start: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut at = start;
        loop {
            let end = self.receive_until(at, b"\r\n")?;
            let line = String::from_utf8_lossy(self.received.get(at..end).unwrap_or_default());
            let size = usize::from_str_radix(line.trim(), 16).context("size of a chunk")?;
            self.receive(end + size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(self.received.get(end..end + size).unwrap_or_default());
            at = end + size + 2;
        }
    }
}

struct Head {
    status: u16,
    body: Length,
}

enum Length {
    Known(usize),
    Chunked,
}

impl Head {
    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|status| status.parse().ok());
        let mut body = Length::Known(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                body = Length::Known(value.trim().parse().context("Content-Length")?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                body = Length::Chunked;
            }
        }
        let status = status.with_context(|| format!("not an answer of HTTP: {text:?}"))?;
        Ok(Self { status, body })
    }
}

/// A request with a body, ready to be sent.
pub fn post(path: &str, kind: &str, body: &str) -> Vec<u8> {
    post_with("", path, kind, body)
}

/// The same, as a proxy sends it on for a client who is elsewhere.
pub fn post_for(client: IpAddr, path: &str, kind: &str, body: &str) -> Vec<u8> {
    post_with(&format!("x-forwarded-for: {client}\r\n"), path, kind, body)
}

/// The same, as somebody who shows an access token.
pub fn post_as(bearer: &str, path: &str, kind: &str, body: &str) -> Vec<u8> {
    post_with(&authorization(bearer), path, kind, body)
}

fn post_with(header: &str, path: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{header}content-type: {kind}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn authorization(bearer: &str) -> String {
    format!("authorization: Bearer {bearer}\r\n")
}

/// A request without one, ready to be sent.
pub fn get(path: &str, bearer: Option<&str>) -> Vec<u8> {
    let authorization = bearer.map_or_else(String::new, authorization);
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{authorization}\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{Connection, get};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn answers_by_length_and_in_chunks_are_read_whole_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            for parts in [
                &[
                    "HTTP/1.1 200 OK\r\nContent-Le",
                    "ngth: 5\r\n\r",
                    "\nhel",
                    "lo",
                ][..],
                &[
                    "HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n3\r",
                    "\nabc\r\n2\r\nde\r\n0\r\n",
                    "\r\n",
                ],
            ] {
                assert!(stream.read(&mut request).unwrap() > 0);
                for part in parts {
                    stream.write_all(part.as_bytes()).unwrap();
                    thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        });
        let mut connection = Connection::open(address).unwrap();
        let first = connection.call(&get("/", None)).unwrap();
        assert_eq!((first.status, first.body.as_slice()), (200, &b"hello"[..]));
        let second = connection.call(&get("/", Some("token"))).unwrap();
        assert_eq!(
            (second.status, second.body.as_slice()),
            (401, &b"abcde"[..])
        );
        server.join().unwrap();
    }
}
