//! Whose places in the hashing pool are counted together, and which part of them is whose.
//!
//! Invariant: strangers have half of the places at most, all together, so whatever floods from
//! however many networks, the other half is for those whom the service knows, and for operators.
//! These come by other claims than strangers do, none of which a stranger can use up:
//!
//! - Whoever is *proven*, by a device token, a session, or a setup token: for himself, for his
//!   account, and for the proven of his network.
//! - Whoever is *at home*, in a network where somebody logged in to the account before: for the
//!   account there, and for all of the account's homes. The network's own part concerns him, as its
//!   count does (see [`super`]), or whoever fills it would be told who logged in from there.
//! - A *stranger*: for the account, for his network, for the wider network that his network is in
//!   (who has one has many of the smaller), and for all strangers.
//!
//! So one account, however many passwords of it somebody knows, has a quarter of the places beside
//! the strangers'.

use std::net::IpAddr;

use super::key::{Key, Name, Subject};
use crate::domain::{
    app::App,
    network::Network,
    shares::{Claim, Part},
};

/// The networks that somebody is given many networks out of, in bits of an address of IPv4 and of
/// IPv6.
const WIDE: (u8, u8) = (16, 48);

/// What an attempt to log in may come by.
#[derive(Debug)]
pub struct Claims {
    /// As anybody's.
    pub stranger: Vec<Claim>,
    /// As somebody's whom the service may know.
    pub standing: Standing,
}

/// Whether the service may know who asks.
#[derive(Debug)]
pub enum Standing {
    /// There is neither a device nor a network to know him by.
    Nowhere,
    /// If the account is at home in this network.
    AtHome {
        /// The count for the account from its network.
        place: Key,
        /// What he comes by if it is.
        claims: Vec<Claim>,
    },
    /// By the device's token.
    Proven(Vec<Claim>),
}

/// Somebody whom nothing speaks for. Without a name, none is counted.
pub(super) fn of_stranger(app: &App, ip: Option<IpAddr>, name: Option<&Name>) -> Vec<Claim> {
    let claim = |subject: Subject<'_>, part| of(app, subject, part);
    let mut claims = vec![claim(Subject::AllStrangers, Part::HALF)];
    claims.extend(name.map(|name| claim(Subject::Strangers(name), Part::QUARTER)));
    if let Some(ip) = ip {
        let wide = Subject::WideNetwork(wide(app, ip));
        claims.push(claim(wide, Part::THREE_EIGHTHS));
        claims.push(of_network(app, network(app, ip)));
    }
    claims
}

/// Whoever logs in to an account in a network that it is at home in.
pub(super) fn of_home(app: &App, name: &Name, network: Network) -> Vec<Claim> {
    vec![
        of(app, Subject::NameAndNetwork(name, network), Part::SIXTEENTH),
        of(app, Subject::Homes(name), Part::EIGHTH),
        of_network(app, network),
    ]
}

/// Whoever has shown that the account is his; `by` is what he is counted by alone.
pub(super) fn of_proven(app: &App, ip: Option<IpAddr>, name: &Name, by: Option<Key>) -> Vec<Claim> {
    let alone = by.map(|key| Claim {
        key,
        part: Part::SIXTEENTH,
    });
    let network = ip.map(|ip| {
        let proven = Subject::ProvenInNetwork(network(app, ip));
        of(app, proven, Part::QUARTER)
    });
    let account = of(app, Subject::Proven(name), Part::EIGHTH);
    alone.into_iter().chain([account]).chain(network).collect()
}

/// The network of an address, by the settings.
pub(super) fn network(app: &App, ip: IpAddr) -> Network {
    let rules = &app.config.throttle;
    Network::of(ip, rules.ipv4_prefix, rules.ipv6_prefix)
}

/// Never a smaller one than the network is.
fn wide(app: &App, ip: IpAddr) -> Network {
    let rules = &app.config.throttle;
    let (ipv4, ipv6) = WIDE;
    Network::of(ip, ipv4.min(rules.ipv4_prefix), ipv6.min(rules.ipv6_prefix))
}

fn of_network(app: &App, network: Network) -> Claim {
    of(app, Subject::Network(network), Part::QUARTER)
}

fn of(app: &App, subject: Subject<'_>, part: Part) -> Claim {
    Claim {
        key: subject.key(&app.master),
        part,
    }
}
