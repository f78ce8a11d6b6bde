//! workerd's own settings, in Cap'n Proto's text form: each Worker a service behind a socket.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};

use super::assembly::Worker;
use super::issuer::{ISSUER, Issuer};
use super::runtime::Deployed;
use crate::workerd;

/// The settings of these Workers, to be written to a file in `place`.
///
/// # Errors
/// When the modules of one cannot be listed.
pub(super) fn text(
    place: &Path,
    workers: &[Deployed],
    issuer: &Issuer,
    documents: SocketAddr,
    date: &str,
) -> Result<String> {
    let (keys, origin) = (issuer.keys()?, format!("http://{documents}"));
    let upstream = workers
        .iter()
        .position(|one| one.worker == Worker::Upstream);
    let upstream = upstream.context("no Worker in place of the server behind")?;
    let mut services = Vec::new();
    let mut sockets = Vec::new();
    for (
        number,
        Deployed {
            worker,
            mode,
            address,
        },
    ) in workers.iter().enumerate()
    {
        let modules = workerd::modules(&place.join(worker.name()), worker.name(), "main.js")?;
        // Whatever a Worker fetches goes through the one that stands for the server behind.
        let outbound = match worker {
            Worker::Upstream => "internet".to_owned(),
            _ => format!("w{upstream}"),
        };
        let bindings = bindings(&[
            ("MODE", mode),
            ("ISSUER", ISSUER),
            ("KEYS", &keys),
            ("ORIGIN", &origin),
            ("UPSTREAM_API", "http://upstream.invalid"),
        ]);
        services.push(format!(
            r#"(name = "w{number}", worker = (
  compatibilityDate = {date:?},
  modules = [{modules}],
  bindings = [{bindings}],
  globalOutbound = {outbound:?}))"#
        ));
        sockets.push(format!(
            r#"(name = "s{number}", address = "{address}", http = (), service = "w{number}")"#
        ));
    }
    // What the Workers reach of the network: this machine.
    services.push(r#"(name = "internet", network = (allow = ["local", "private"]))"#.to_owned());
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
services = [{}],
sockets = [{}]);
"#,
        services.join(",\n"),
        sockets.join(",\n")
    ))
}

fn bindings(values: &[(&str, &str)]) -> String {
    // Rust and Cap'n Proto quote text of ASCII alike.
    let one = |(name, value): &(&str, &str)| format!("(name = {name:?}, text = {value:?})");
    values.iter().map(one).collect::<Vec<_>>().join(", ")
}
