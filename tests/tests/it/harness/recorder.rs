//! An upstream that keeps every byte of what it is asked.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{ports, server::RUNTIME};

/// The bytes of one connection, of which each serves one request.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// First line and headers.
    pub head: String,
    /// Whatever follows: the body as it is framed, and what comes after it, if anything does.
    pub rest: Vec<u8>,
}

impl Recorded {
    /// The target of the request line.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let pairs = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        pairs
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// The running upstream.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    recorded: Arc<Mutex<Vec<Recorded>>>,
    task: JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub fn start() -> Self {
        let port = ports::free();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&recorded);
        let task = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let _ = serve(stream, &kept).await;
                });
            }
        });
        Self {
            port,
            recorded,
            task,
        }
    }

    pub fn url(&self) -> String {
        ports::url(self.port)
    }

    /// All that came since the last call.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.recorded.lock().unwrap())
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Recorded>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut recorded = Recorded {
        head,
        rest: bytes[end + 4..].to_vec(),
    };
    while !is_whole(&recorded) && stream.read_buf(&mut recorded.rest).await? > 0 {}
    kept.lock().unwrap().push(recorded);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        .await
}

/// Whether the body ends here (RFC 9112 §6.3).
fn is_whole(recorded: &Recorded) -> bool {
    let length = recorded.header("content-length");
    if !recorded.header("transfer-encoding").is_empty() {
        return recorded.rest.ends_with(b"\r\n\r\n") || recorded.rest == b"0\r\n\r\n";
    }
    let length: usize = length.first().map_or(0, |length| length.parse().unwrap());
    recorded.rest.len() >= length
}
