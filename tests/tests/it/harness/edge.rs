//! The edge: a real workerd, under `wrangler dev` as `cargo xtask dev` starts it, or by itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use portcullis_shared::routes::RouteTable;

use super::{
    bundle,
    client::{Http, try_send},
    place, ports,
    process::{Group, Scratch},
    wait,
};

/// A cold `wrangler dev` on a busy machine takes a while.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What an edge is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port; a free one when it is 0.
    pub port: u16,
    /// Variables of the Worker; `ISSUER` is by default the edge's own address.
    pub variables: Vec<(&'static str, String)>,
    /// The route table; by default that of the repository.
    pub routes: Option<String>,
    /// Another entry module, which imports the Worker's own as `./index.js`.
    pub entry: Option<PathBuf>,
    /// What it runs in.
    pub runtime: Runtime,
}

/// What an edge runs in.
#[derive(Debug, Clone, Copy, Default)]
pub enum Runtime {
    /// The local imitation of Cloudflare.
    #[default]
    Wrangler,
    /// The bundle.
    Bundle {
        /// Whether its settings keep Cloudflare's headers from the Worker, as those of the bundle do.
        removes_headers: bool,
    },
}

/// A running edge. Its isolate is cold until the first request for a route with a demand.
#[derive(Debug)]
pub struct Edge {
    pub port: u16,
    group: Group,
    _scratch: Scratch,
}

impl Edge {
    /// Starts one and waits until it answers.
    pub async fn start(options: Options) -> Self {
        let home = Scratch::new("edge");
        let scratch = home.path();
        let port = if options.port == 0 {
            ports::free()
        } else {
            options.port
        };
        let folder = match options.runtime {
            Runtime::Wrangler => place::edge(),
            Runtime::Bundle { .. } => place::bundle(),
        };
        copy(&folder, scratch);
        if let Some(routes) = &options.routes {
            let routes = RouteTable::json(routes).unwrap();
            fs::write(scratch.join("routes.json"), routes).unwrap();
        }
        if let Some(entry) = &options.entry {
            replace_entry(scratch, entry);
        }
        let command = match options.runtime {
            Runtime::Wrangler => under_wrangler(scratch, port, &options.variables),
            Runtime::Bundle { removes_headers } => {
                bundle::command(scratch, port, &options.variables, removes_headers)
            }
        };
        let mut edge = {
            let group = Group::spawn(command, scratch.join("log"));
            Self {
                port,
                group,
                _scratch: home,
            }
        };
        let http = Http::new();
        let probe = edge.at("/no-such-path-of-the-harness");
        wait::until("the edge's first answer", START_LIMIT, || {
            assert!(
                edge.group.ended().is_none(),
                "the edge ended: {}",
                edge.group.output()
            );
            async {
                let request = http.request(reqwest::Method::GET, &probe);
                try_send(request)
                    .await
                    .ok()
                    .filter(|answer| answer.status == 404)
            }
        })
        .await;
        edge
    }

    pub fn url(&self) -> String {
        ports::url(self.port)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.group.output()
    }

    /// The most memory, in KiB, that the runtime has ever had, the Worker's Wasm memory included.
    pub fn peak_kib(&self) -> u64 {
        let peak = self.group.peak_kib("workerd");
        assert!(peak > 0, "no workerd runs");
        peak
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }
}

fn under_wrangler(scratch: &Path, port: u16, variables: &[(&'static str, String)]) -> Command {
    let mut command = wrangler(scratch);
    command.args(["--port", &port.to_string()]);
    if !variables.iter().any(|(name, _)| *name == "ISSUER") {
        command
            .arg("--var")
            .arg(format!("ISSUER:{}", ports::url(port)));
    }
    for (name, value) in variables {
        command.arg("--var").arg(format!("{name}:{value}"));
    }
    command
}

/// `wrangler dev` in the copy of the Worker, silent about itself and fetching nothing.
fn wrangler(scratch: &Path) -> Command {
    let mut command = Command::new(place::node());
    command
        .arg(place::wrangler())
        .args([
            "dev",
            "--config",
            "wrangler.toml",
            "--ip",
            "127.0.0.1",
            "--inspector-port",
            "0",
        ])
        .args([
            "--show-interactive-dev-session=false",
            "--persist-to",
            "state",
        ])
        .current_dir(scratch)
        .env("HOME", scratch)
        .env("XDG_CONFIG_HOME", scratch)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("X_LOCAL_EXPLORER", "false")
        .env("NO_COLOR", "1")
        .env("WRANGLER_REGISTRY_PATH", scratch.join("registry"))
        .env("WRANGLER_LOG_PATH", scratch.join("logs"));
    command
}

fn replace_entry(scratch: &Path, entry: &Path) {
    fs::copy(entry, scratch.join("entry-of-the-test.js")).unwrap();
    let settings = scratch.join("wrangler.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let replaced = text.replace("\"index.js\"", "\"entry-of-the-test.js\"");
    assert_ne!(text, replaced, "the entry has another name");
    fs::write(settings, replaced).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
