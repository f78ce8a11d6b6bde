//! Free ports, below those that the system gives to outgoing connections, so that none is taken
//! between its choice and its use.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

const FIRST: u32 = 14_000;
const COUNT: u32 = 18_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens at; no two calls of one program give the same.
pub fn free() -> u16 {
    // Programs that run side by side begin at different places.
    let offset = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + offset.wrapping_add(step) % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// The base URL of a local port, without a slash at its end.
pub fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
