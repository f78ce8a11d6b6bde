//! How values that are not numbers or words of the domain are written: addresses and free text.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use super::{
    engine::Engine,
    fault::Fault,
    statement::{Columns, Statement},
};
use crate::domain::context::Context;

/// An address as 16 bytes, IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2): every network is a range.
pub(super) fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address that these bytes stand for.
fn address(bytes: &[u8]) -> Result<IpAddr, Fault> {
    let octets: [u8; 16] = bytes
        .try_into()
        .map_err(|_| Fault::Unreadable("an address"))?;
    Ok(Ipv6Addr::from(octets).to_canonical())
}

/// Text as both engines can hold it: Postgres has no NUL.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A pattern for LIKE that finds `text` to the letter in what is in lower case, as far as ASCII
/// goes.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

impl<Db: Engine> Statement<Db> {
    /// Gives the next argument, free text or none.
    pub(super) fn bind_text(self, text: Option<&str>) -> Self {
        self.bind(text.map(storable).as_deref())
    }

    /// Gives the next argument, an address or none.
    pub(super) fn bind_address(self, address: Option<IpAddr>) -> Self {
        self.bind(
            address
                .map(address_bytes)
                .as_ref()
                .map(<[u8; 16]>::as_slice),
        )
    }

    /// Gives the next three arguments: address, country, user agent.
    pub(super) fn bind_context(self, context: &Context) -> Self {
        self.bind_address(context.ip)
            .bind_text(context.country.as_deref())
            .bind_text(context.user_agent.as_deref())
    }
}

impl<Db: Engine> Columns<'_, Db> {
    /// The next column, an address or none.
    pub(super) fn address(&mut self) -> Result<Option<IpAddr>, Fault> {
        let ip: Option<Vec<u8>> = self.next()?;
        ip.as_deref().map(address).transpose()
    }

    /// The next three columns: address, country, user agent.
    pub(super) fn context(&mut self) -> Result<Context, Fault> {
        Ok(Context {
            ip: self.address()?,
            country: self.next()?,
            user_agent: self.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_taken_to_the_letter() {
        assert_eq!(pattern(r"50%_\A"), r"%50\%\_\\a%");
        assert_eq!(pattern(""), "%%");
    }

    #[test]
    fn addresses_come_back_and_networks_are_ranges() {
        for text in ["192.0.2.7", "2001:db8::1", "::1", "0.0.0.0"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(address(&address_bytes(ip)).unwrap(), ip);
        }
        let bytes = |text: &str| address_bytes(text.parse().unwrap());
        let network = bytes("198.51.100.0")..=bytes("198.51.100.255");
        assert!(network.contains(&bytes("198.51.100.77")));
        assert!(!network.contains(&bytes("198.51.101.0")));
    }
}
