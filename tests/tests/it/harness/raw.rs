//! Requests written byte by byte, for what no client library would send.

use std::time::Duration;

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
    /// As it came, chunks and all.
    pub body: Vec<u8>,
}

/// A request from its first line and headers, with those that each has to have.
pub fn request(port: u16, line: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Sends a request and reads one answer. `None` when the other side closes without one.
pub async fn exchange(port: u16, bytes: &[u8]) -> Option<RawAnswer> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(bytes).await.ok()?;
        let head = read_head(&mut stream).await?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut body = Vec::new();
        while !is_whole(&head, &body) && stream.read_buf(&mut body).await.is_ok_and(|read| read > 0)
        {
        }
        Some(RawAnswer { status, body })
    };
    timeout(LIMIT, exchange)
        .await
        .expect("the request is neither answered nor refused")
}

/// Sends bytes that may be no request, or several, and reads until the other side has nothing more
/// to say. The last of them should end the connection.
pub async fn throw(port: u16, bytes: &[u8]) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // Who is refused may be hung up on in the middle of it.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers).await;
        answers
    };
    timeout(LIMIT, exchange)
        .await
        .expect("the connection is neither answered nor ended")
}

/// First line and headers of what comes next; `None` when nothing does.
pub async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    head.truncate(head.len() - 4);
    String::from_utf8(head).ok()
}

/// Whether a body ends here (RFC 9112 §6.3).
fn is_whole(head: &str, body: &[u8]) -> bool {
    let value = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_owned())
        })
    };
    match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => body.ends_with(b"0\r\n\r\n"),
        (None, Some(length)) => body.len() >= length.parse().unwrap_or(0),
        (None, None) => false,
    }
}
