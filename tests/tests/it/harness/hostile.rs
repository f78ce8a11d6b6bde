//! An origin that misbehaves as it is told, written directly on TCP.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis_e2e::clock;
use portcullis_shared::{
    keys::{PublicKeySet, SigningKey},
    revocation::{Document, Record},
    time::UnixSeconds,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

use super::{ports, server::RUNTIME};

/// How a document is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conduct {
    /// As it should be.
    Good,
    /// The connection is closed without an answer.
    Down,
    /// No answer ever comes.
    Silent,
    /// As it should be, after this time.
    Late(Duration),
    /// The answer comes, a byte now and then.
    Dripping,
    /// More than anybody would read.
    Huge,
    /// Elsewhere, where a good document is.
    Redirecting,
    /// Another status.
    Status(u16),
    /// Another body, with the right media type.
    Body(Vec<u8>),
    /// A good body with this media type.
    MediaType(&'static str),
}

/// What the origin has to say.
#[derive(Debug)]
pub struct State {
    pub issuer: String,
    /// The keys that are published.
    pub keys: Vec<SigningKey>,
    /// The key that signs the feed.
    pub signer: SigningKey,
    pub seq: u64,
    pub records: Vec<Record>,
    pub keys_conduct: Conduct,
    pub feed_conduct: Conduct,
}

impl State {
    pub fn key_set(&self) -> Vec<u8> {
        let keys = self.keys.iter().map(SigningKey::public_jwk).collect();
        serde_json::to_vec(&PublicKeySet { keys }).unwrap()
    }

    /// The whole feed, as it is signed at `now`.
    pub fn feed(&self, now: UnixSeconds) -> Vec<u8> {
        let range = 0..=self.seq;
        let signed = Document::sign(&self.signer, &self.issuer, now, range, self.records.clone());
        signed.unwrap().into_bytes()
    }
}

/// The running origin.
#[derive(Debug)]
pub struct Hostile {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
    keys_asked: Arc<AtomicUsize>,
    feed_asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A signing key from one byte.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

impl Hostile {
    /// Starts one that behaves well for a start, with the key of seed 1.
    pub fn start(issuer: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            issuer: issuer.to_owned(),
            keys: vec![key(1)],
            signer: key(1),
            seq: u64::try_from(clock::now().0).unwrap() * 1000,
            records: Vec::new(),
            keys_conduct: Conduct::Good,
            feed_conduct: Conduct::Good,
        }));
        let port = ports::free();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (keys_asked, feed_asked) = (Arc::default(), Arc::default());
        let origin = (
            Arc::clone(&state),
            Arc::clone(&keys_asked),
            Arc::clone(&feed_asked),
        );
        let task = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, keys_asked, feed_asked) = origin.clone();
                tokio::spawn(async move {
                    let _ = serve(stream, &state, &keys_asked, &feed_asked).await;
                });
            }
        });
        Self {
            port,
            state,
            keys_asked,
            feed_asked,
            task,
        }
    }

    pub fn url(&self) -> String {
        ports::url(self.port)
    }

    /// Changes what it has to say.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// How often the keys have been asked for.
    pub fn keys_asked(&self) -> usize {
        self.keys_asked.load(Ordering::SeqCst)
    }

    /// How often the feed has been asked for.
    pub fn feed_asked(&self) -> usize {
        self.feed_asked.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    state: &Mutex<State>,
    keys_asked: &AtomicUsize,
    feed_asked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let is_keys = path.starts_with("/.well-known/jwks.json");
    let is_feed = path.starts_with("/.well-known/revocations");
    let (conduct, body, media_type) = {
        let state = state.lock().unwrap();
        if is_keys {
            keys_asked.fetch_add(1, Ordering::SeqCst);
            (
                state.keys_conduct.clone(),
                state.key_set(),
                "application/jwk-set+json",
            )
        } else if is_feed {
            feed_asked.fetch_add(1, Ordering::SeqCst);
            let feed = state.feed(clock::now());
            (
                state.feed_conduct.clone(),
                feed,
                "application/revocations+jwt",
            )
        } else if path.starts_with("/elsewhere/jwks") {
            (Conduct::Good, state.key_set(), "application/jwk-set+json")
        } else {
            (
                Conduct::Good,
                state.feed(clock::now()),
                "application/revocations+jwt",
            )
        }
    };
    match conduct {
        Conduct::Good => answer(&mut stream, 200, media_type, &body).await,
        Conduct::Down => Ok(()),
        Conduct::Silent => {
            sleep(Duration::from_mins(1)).await;
            Ok(())
        }
        Conduct::Late(time) => {
            sleep(time).await;
            answer(&mut stream, 200, media_type, &body).await
        }
        Conduct::Dripping => drip(&mut stream, media_type, &body).await,
        Conduct::Huge => flood(&mut stream, media_type).await,
        Conduct::Redirecting => {
            let place = if is_keys {
                "/elsewhere/jwks"
            } else {
                "/elsewhere/feed"
            };
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await
        }
        Conduct::Status(status) => answer(&mut stream, status, media_type, &body).await,
        Conduct::Body(body) => answer(&mut stream, 200, media_type, &body).await,
        Conduct::MediaType(media_type) => answer(&mut stream, 200, media_type, &body).await,
    }
}

fn head(status: u16, media_type: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    media_type: &str,
    body: &[u8],
) -> std::io::Result<()> {
    stream
        .write_all(head(status, media_type, body.len()).as_bytes())
        .await?;
    stream.write_all(body).await
}

async fn drip(stream: &mut TcpStream, media_type: &str, body: &[u8]) -> std::io::Result<()> {
    stream
        .write_all(head(200, media_type, body.len()).as_bytes())
        .await?;
    for byte in body {
        stream.write_all(&[*byte]).await?;
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn flood(stream: &mut TcpStream, media_type: &str) -> std::io::Result<()> {
    let length = 64 * 1024 * 1024;
    stream
        .write_all(head(200, media_type, length).as_bytes())
        .await?;
    let part = vec![b'A'; 64 * 1024];
    for _ in 0..length / part.len() {
        stream.write_all(&part).await?;
    }
    Ok(())
}
