//! What `wrangler deploy` would send, without an account and without the network.

use std::{fs, process::Command};

use crate::harness::{place, process::Scratch};

#[test]
fn what_would_be_deployed_is_complete_and_has_one_way_in() {
    let scratch = Scratch::new("deploy");
    let home = scratch.path();
    let output = Command::new(place::node())
        .arg(place::wrangler())
        .args(["deploy", "--dry-run", "--config", "wrangler.toml"])
        .arg("--outdir")
        .arg(home.join("out"))
        .current_dir(place::edge())
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_LOG_PATH", home.join("logs"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}");
    for variable in ["env.ISSUER", "env.ORIGIN", "env.UPSTREAM_API"] {
        assert!(said.contains(variable), "{said}");
    }
    let sent = fs::read_dir(home.join("out")).unwrap();
    let sent: Vec<String> = sent
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        sent.iter().any(|name| name.ends_with("_bg.wasm")),
        "{sent:?}"
    );
    assert!(
        sent.iter().any(|name| name.ends_with("routes.json")),
        "{sent:?}"
    );

    let settings = fs::read_to_string(place::edge().join("wrangler.toml")).unwrap();
    for other_way in ["workers_dev = false", "preview_urls = false"] {
        assert!(settings.lines().any(|line| line == other_way), "{settings}");
    }
}
