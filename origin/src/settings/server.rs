//! `[server]`: where and how the service listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};

/// Where and how the service listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 takes a free one, which the log names.
    pub listen: SocketAddr,
    /// For how many seconds requests in flight may go on after a signal to stop.
    pub shutdown_grace: u32,
    /// How many connections there may be at a time.
    pub max_connections: u32,
    /// For how many seconds a request's head may take to arrive, then its body, and then its answer
    /// to be taken.
    pub request_timeout: u32,
    /// For how many seconds a connection may lie idle between two requests.
    pub idle_timeout: u32,
    /// The networks of the proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`. Of a
    /// request through the edge its authenticated word counts instead, see `edge.secret`.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            shutdown_grace: 20,
            max_connections: 10_000,
            request_timeout: 20,
            idle_timeout: 120,
            trusted_proxies: vec![],
        }
    }
}

impl Server {
    pub(super) fn check(&self) -> Checked {
        within("server.shutdown_grace", self.shutdown_grace, 0..=3600)?;
        within(
            "server.max_connections",
            self.max_connections,
            1..=1_000_000,
        )?;
        within("server.request_timeout", self.request_timeout, 1..=600)?;
        within("server.idle_timeout", self.idle_timeout, 1..=3600)?;
        if self.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
            let key = "server.trusted_proxies";
            return Err(invalid(
                key,
                "must not be everybody: a network of prefix length 0",
            ));
        }
        Ok(())
    }
}
