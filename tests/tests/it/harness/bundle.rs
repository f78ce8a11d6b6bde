//! The edge as `cargo xtask bundle` makes it: a folder that a raw workerd runs.

use std::{fs, path::Path, process::Command};

use super::{place, ports};

/// What `config.capnp` has workerd take out of each request.
const REMOVED_HEADERS: &str = "injectRequestHeaders";

/// The program of a bundle that has been copied to `scratch`, as its README says.
pub fn command(
    scratch: &Path,
    port: u16,
    variables: &[(&'static str, String)],
    removes_headers: bool,
) -> Command {
    // In the place of `npm ci`, which would want the network.
    std::os::unix::fs::symlink(place::node_modules(), scratch.join("node_modules")).unwrap();
    let config = scratch.join("config.capnp");
    let mut text = fs::read_to_string(&config).unwrap();
    for (name, _) in variables {
        // A new upstream wants a line.
        if !text.contains(&format!("(name = \"{name}\"")) {
            let line =
                format!("bindings = [\n    (name = \"{name}\", fromEnvironment = \"{name}\"),");
            text = text.replacen("bindings = [", &line, 1);
        }
    }
    if !removes_headers {
        text = without_removal(&text);
    }
    fs::write(config, text).unwrap();

    let mut command = Command::new(place::node());
    command
        .args(["node_modules/workerd/bin/workerd", "serve", "config.capnp"])
        .args(["--socket-addr", &format!("http=127.0.0.1:{port}")])
        .current_dir(scratch)
        .env_clear()
        .env("ISSUER", ports::url(port))
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// The settings of somebody who has written them without looking at headers.
fn without_removal(text: &str) -> String {
    let (before, rest) = text.split_once(REMOVED_HEADERS).unwrap();
    let (_, after) = rest.split_once("],").unwrap();
    format!("{before}{after}")
}
