//! Where everything listens. Ports are looked at before anything is built, so that a taken one is
//! known at once.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};
use clap::Args;

/// The ports that were asked for.
#[derive(Args)]
pub(crate) struct PortOptions {
    /// Port of the edge [default: 8787].
    #[arg(long = "edge-port", value_name = "PORT")]
    edge: Option<u16>,
    /// Port of the origin [default: 8080].
    #[arg(long = "origin-port", value_name = "PORT")]
    origin: Option<u16>,
    /// Port of the demo API server [default: 9001].
    #[arg(long = "api-port", value_name = "PORT")]
    api: Option<u16>,
    /// Port of the demo image server [default: 9002].
    #[arg(long = "images-port", value_name = "PORT")]
    images: Option<u16>,
}

/// One port for each part, all on the loopback address.
pub(crate) struct Addresses {
    pub(crate) edge: u16,
    pub(crate) origin: u16,
    pub(crate) api: u16,
    pub(crate) images: u16,
}

impl Addresses {
    /// The ports asked for, or the usual ones.
    ///
    /// # Errors
    /// Naming port and option, when one is taken.
    pub(super) fn claim(options: &PortOptions) -> Result<Self> {
        Self::each(options, |asked, usual, option| {
            listen(asked.unwrap_or(usual), option)
        })
    }

    /// The ports asked for, or any that are free.
    ///
    /// # Errors
    /// Naming port and option, when one is taken.
    pub(super) fn choose_free(options: &PortOptions) -> Result<Self> {
        Self::each(options, |asked, _, option| {
            listen(asked.unwrap_or(0), option)
        })
    }

    fn each(
        options: &PortOptions,
        mut take: impl FnMut(Option<u16>, u16, &str) -> Result<TcpListener>,
    ) -> Result<Self> {
        let asked = [options.edge, options.origin, options.api, options.images];
        for (index, port) in asked.iter().enumerate() {
            if let Some(port) = port.filter(|port| *port != 0)
                && asked
                    .iter()
                    .skip(index + 1)
                    .any(|other| *other == Some(port))
            {
                bail!("port {port} is asked for twice: each part needs one of its own");
            }
        }
        // All are held until all are known: two parts never get the same one.
        let edge = take(options.edge, 8787, "--edge-port")?;
        let origin = take(options.origin, 8080, "--origin-port")?;
        let api = take(options.api, 9001, "--api-port")?;
        let images = take(options.images, 9002, "--images-port")?;
        Ok(Self {
            edge: port_of(&edge)?,
            origin: port_of(&origin)?,
            api: port_of(&api)?,
            images: port_of(&images)?,
        })
    }
}

fn listen(port: u16, option: &str) -> Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => Ok(listener),
        Err(error) => bail!("port {port} is not free ({error}): choose another with {option} PORT"),
    }
}

fn port_of(listener: &TcpListener) -> Result<u16> {
    Ok(listener
        .local_addr()
        .context("address of a listener")?
        .port())
}

/// The base URL of a local port, without a slash at its end.
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::{Addresses, PortOptions};
    use std::net::TcpListener;

    fn options(edge: Option<u16>) -> PortOptions {
        PortOptions {
            edge,
            origin: None,
            api: None,
            images: None,
        }
    }

    #[test]
    fn a_taken_port_is_named_with_its_option() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Addresses::choose_free(&options(Some(port)))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("--edge-port"),
            "{error}"
        );
    }

    #[test]
    fn one_port_for_two_parts_is_not_blamed_on_another_program() {
        let twice = PortOptions {
            api: Some(4711),
            ..options(Some(4711))
        };
        let error = Addresses::choose_free(&twice).err().unwrap().to_string();
        assert!(error.contains("asked for twice"), "{error}");
    }

    #[test]
    fn free_ports_differ() {
        let found = Addresses::choose_free(&options(None)).unwrap();
        let mut ports = vec![found.edge, found.origin, found.api, found.images];
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4);
    }
}
