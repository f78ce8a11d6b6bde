//! Requests written byte by byte, for what no client library would send.

use std::{collections::HashMap, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(20);

/// An answer, taken apart.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// Whatever came after the head, chunks and all.
    pub body: Vec<u8>,
}

/// A request from its first line and headers, with those that each has to have.
pub fn request(port: u16, line: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("Connection: close\r\n\r\n");
    text.into_bytes()
}

/// Sends bytes and reads until the other side closes. `None` when it closes without an answer.
pub async fn exchange(port: u16, bytes: &[u8]) -> Option<RawAnswer> {
    let read = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut all = Vec::new();
        if stream.write_all(bytes).await.is_ok() {
            // A reset after the answer is no matter.
            let _ = stream.read_to_end(&mut all).await;
        }
        all
    };
    let all = timeout(LIMIT, read)
        .await
        .expect("the connection is neither answered nor closed");
    parse(&all)
}

fn parse(all: &[u8]) -> Option<RawAnswer> {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Some(RawAnswer {
        status,
        headers: lines.filter_map(pair).collect(),
        body: all[end + 4..].to_vec(),
    })
}
