//! The four parts: how each is started, when it counts as up, and what happens when it dies.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::ports::{Addresses, url};
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::process::{self, Goodbye, Group, Tail, print_prefixed};
use crate::stop::Stop;
use crate::tools;
use crate::workspace::Workspace;

/// A cold `wrangler dev` on a busy machine takes a while.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What is to be started, and with what.
pub(super) struct Plan<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) addresses: Addresses,
    pub(super) database_url: Option<String>,
    /// Database, master key and passwords. Absolute.
    pub(super) data: PathBuf,
    /// For what may be lost. Absolute.
    pub(super) scratch: PathBuf,
    /// Whether to show what the parts say while all is well.
    pub(super) chatty: bool,
}

impl Plan<'_> {
    pub(super) fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join("portcullis.db").display()))
    }

    /// The issuer is where clients reach the edge.
    fn issuer(&self) -> String {
        url(self.addresses.edge)
    }

    /// The origin's program with its settings, the command still to be named.
    pub(super) fn portcullis(&self) -> Command {
        let mut command = process::without_settings(&self.workspace.binary("portcullis"));
        command
            .current_dir(&self.data)
            .env("PORTCULLIS_ISSUER", self.issuer())
            .env(
                "PORTCULLIS_SERVER__LISTEN",
                format!("127.0.0.1:{}", self.addresses.origin),
            )
            .env("PORTCULLIS_DATABASE__URL", self.database_url())
            .env(
                "PORTCULLIS_KEYS__MASTER_KEY_FILE",
                self.data.join("master.key"),
            )
            .env("PORTCULLIS_LOG__FORMAT", "human");
        command
    }

    fn demo(&self, audience: &str, port: u16) -> Command {
        let key_set = format!("{}/.well-known/jwks.json", url(self.addresses.origin));
        let mut command = Command::new(self.workspace.binary(&format!("demo-{audience}")));
        command
            .current_dir(&self.scratch)
            .env("LISTEN", format!("127.0.0.1:{port}"))
            .env("ISSUER", self.issuer())
            .env("JWKS_URL", key_set)
            .env("AUDIENCE", audience);
        command
    }

    fn edge(&self, stop: &Stop) -> Result<Command> {
        let node = super::node(self.workspace, stop)?;
        let mut command = tools::wrangler(&node, self.workspace, &self.scratch);
        let at = &self.addresses;
        command
            .current_dir(self.workspace.edge_output())
            .args([
                "dev",
                "--config",
                "wrangler.toml",
                "--ip",
                "127.0.0.1",
                "--port",
            ])
            .arg(at.edge.to_string())
            // 0: any free port. Two runs would fight over the usual one.
            .args([
                "--inspector-port",
                "0",
                "--show-interactive-dev-session=false",
            ])
            .arg("--persist-to")
            .arg(self.scratch.join("state"));
        for (name, value) in [
            ("ISSUER", self.issuer()),
            ("ORIGIN", url(at.origin)),
            ("UPSTREAM_API", url(at.api)),
            ("UPSTREAM_IMAGES", url(at.images)),
        ] {
            command.arg("--var").arg(format!("{name}:{value}"));
        }
        Ok(command)
    }
}

/// One running part.
struct Service {
    group: Group,
    tail: Tail,
    /// Answers 200 once the part is up.
    probe: String,
}

/// All of them. Dropping ends them side by side.
pub(super) struct Services(Vec<Service>);

impl Services {
    /// Starts all and waits until each has answered. The origin is first: the others fetch its
    /// keys, and the edge is last in the order of waiting, since it is asked through to the origin.
    ///
    /// # Errors
    /// When one does not start, dies or does not come up in time.
    pub(super) fn start(plan: &Plan<'_>, stop: &Stop) -> Result<Self> {
        let at = &plan.addresses;
        let mut origin = plan.portcullis();
        origin.arg("serve");
        let parts = [
            ("origin", origin, format!("{}/health/ready", url(at.origin))),
            (
                "api",
                plan.demo("api", at.api),
                format!("{}/health", url(at.api)),
            ),
            (
                "images",
                plan.demo("images", at.images),
                format!("{}/health", url(at.images)),
            ),
            (
                "edge",
                plan.edge(stop)?,
                format!("{}/.well-known/jwks.json", url(at.edge)),
            ),
        ];
        let mut all = Self(Vec::new());
        for (name, mut command, probe) in parts {
            eprintln!("starting {name}");
            let chatty = plan.chatty;
            let tail = Tail::attach(&mut command, move |line| {
                if chatty {
                    print_prefixed(name, line);
                }
            })?;
            let group = Group::spawn(name, &mut command, Goodbye::TerminateAll)?;
            all.0.push(Service { group, tail, probe });
        }
        all.wait_until_up(stop)?;
        Ok(all)
    }

    fn wait_until_up(&mut self, stop: &Stop) -> Result<()> {
        let client = Client::new();
        let waited = Stopwatch::start();
        let probes: Vec<_> = self
            .0
            .iter()
            .map(|one| (one.group.name().to_owned(), one.probe.clone()))
            .collect();
        for (name, probe) in probes {
            // An error is the ordinary case while nothing listens yet.
            while !client
                .get(&probe, None)
                .is_ok_and(|answer| answer.status == 200)
            {
                self.check_alive()?;
                if waited.elapsed() > START_LIMIT {
                    bail!(
                        "{name} does not answer at {probe} after {} s",
                        START_LIMIT.as_secs()
                    );
                }
                stop.pause(Duration::from_millis(100))?;
            }
            eprintln!("  {name} answers");
        }
        Ok(())
    }

    /// What each part said last, for explaining a failure.
    pub(super) fn last_words(&self) -> String {
        let each = self
            .0
            .iter()
            .map(|one| format!("{}:\n{}", one.group.name(), one.tail.text()));
        each.collect::<Vec<_>>().join("\n")
    }

    /// # Errors
    /// When a part has ended: with its last lines.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        for service in &mut self.0 {
            if let Some(status) = service.group.ended()? {
                let name = service.group.name();
                bail!(
                    "{name} ended with {status}. Its last lines:\n{}",
                    service.tail.text()
                );
            }
        }
        Ok(())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // The edge first, so that it does not report an origin that has gone.
        for service in self.0.iter_mut().rev() {
            service.group.ask_to_end();
        }
    }
}
