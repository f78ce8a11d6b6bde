//! `config.capnp`: workerd's settings for the edge.
//!
//! Invariant: no value in it belongs to one place; they come from the environment.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use portcullis_edge::settings;
use portcullis_shared::routes::RouteTable;

use crate::routes;
use crate::workerd;
use crate::workspace::Workspace;

/// Fixed here: it is what this folder is for.
const PLATFORM: &str = "PLATFORM";

/// The settings for the Worker in `worker`.
///
/// # Errors
/// When its modules cannot be listed, or the table has a mistake.
pub(super) fn text(workspace: &Workspace, worker: &Path) -> Result<String> {
    let table = fs::read_to_string(workspace.path("routes.toml")).context("routes.toml")?;
    let modules = workerd::modules(worker, super::WORKER, "index.js")?;
    let date = workerd::compatibility_date(workspace)?;
    let bindings = bindings(&table)?;
    let routes = routes::IN_WORKER;
    Ok(format!(
        r#"# The edge of Portcullis in a workerd of your own: `npx workerd serve config.capnp`. README.md
# says what belongs into the environment. Made by `cargo xtask bundle`.

using Workerd = import "/workerd/workerd.capnp";

# Behind a proxy that speaks TLS. tls.capnp is for an edge that does so itself.
const config :Workerd.Config = (
  services = .services,
  sockets = [(name = "http", address = "127.0.0.1:8787", http = .incoming, service = "edge")],
);

const services :List(Workerd.Service) = [
  (name = "edge", worker = .edge),
  (name = "internet", network = .network),
];

# What the edge may reach: origin and upstreams, wherever they are.
const network :Workerd.Network = (
  allow = ["public", "private"],
  tlsOptions = (trustBrowserCas = true),
);

# Here these headers are a client's: Cloudflare, which writes them, is not before this edge. The
# edge ignores them as well. Do not set `cfBlobHeader`: a client could write that one too.
const incoming :Workerd.HttpOptions = (
  injectRequestHeaders = [
    (name = "CF-Connecting-IP"),
    (name = "CF-Connecting-IPv6"),
    (name = "CF-IPCountry"),
    (name = "CF-Ray"),
    (name = "CF-Visitor"),
    (name = "True-Client-IP"),
  ],
);

const edge :Workerd.Worker = (
  compatibilityDate = {date:?},
  modules = [
    {modules},
    (name = {routes:?}, text = embed {routes:?}),
  ],
  bindings = [
    (name = {PLATFORM:?}, text = "self-hosted"),
{bindings}
  ],
);
"#
    ))
}

/// Every setting of the edge, and the address of every upstream of the table.
fn bindings(table: &str) -> Result<String> {
    let table = RouteTable::parse(table).map_err(|mistake| anyhow!("routes.toml: {mistake}"))?;
    let upstreams: BTreeSet<String> = table.rules().map(|rule| rule.upstream.variable()).collect();
    let others = settings::NAMES.iter().map(|name| (*name).to_owned());
    let names: Vec<String> = others
        .filter(|name| name != PLATFORM && !upstreams.contains(name))
        .chain(upstreams.iter().cloned())
        .collect();
    let binding = |name: &String| format!("    (name = {name:?}, fromEnvironment = {name:?}),");
    Ok(names.iter().map(binding).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::bindings;

    #[test]
    fn every_setting_and_each_upstream_comes_from_the_environment_once() {
        let route = |path: &str, upstream: &str| {
            format!("[[route]]\npath = '{path}'\nupstream = '{upstream}'\naccess = 'public'\n")
        };
        let table = [
            route("/a", "api"),
            route("/b", "api"),
            route("/c", "origin"),
        ]
        .concat();
        let text = bindings(&table).unwrap();
        for name in ["ISSUER", "ORIGIN", "EDGE_SECRET", "UPSTREAM_API"] {
            let line = format!("(name = \"{name}\", fromEnvironment = \"{name}\"),");
            assert_eq!(text.matches(&line).count(), 1, "{text}");
        }
        assert!(!text.contains("\"PLATFORM\""), "{text}");
    }
}
