//! What every endpoint has at hand.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use crate::{
    countries::Countries,
    domain::{app::App, web_origin::Trusted},
    settings::secret::Secret,
};

/// The domain, and the settings that are about HTTP alone.
#[derive(Debug)]
pub struct Service {
    /// The use cases' environment.
    pub app: Arc<App>,
    /// What the edge shows so that its word on the client's address is believed.
    pub edge_secret: Secret,
    /// Whose pages may send our cookies with requests that change something.
    pub origins: Trusted,
    /// How it is found out where requests come from that the edge does not vouch for.
    pub places: Places,
    /// By how many milliseconds the clock may differ from the database's.
    pub clock_skew_max: i64,
}

/// How it is found out where requests come from that the edge does not vouch for.
#[derive(Debug, Default)]
pub struct Places {
    /// The networks of proxies whose word on addresses is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The countries of addresses, where a database of them is configured.
    pub countries: Option<Countries>,
}

impl Places {
    /// The country of an address, where it can be known.
    pub fn country(&self, ip: IpAddr) -> Option<String> {
        self.countries.as_ref()?.of(ip)
    }
}

/// As handlers take it.
pub type Shared<'a> = poem::web::Data<&'a Arc<Service>>;
