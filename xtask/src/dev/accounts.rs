//! The two users of a development machine, and the file that keeps their passwords.
//!
//! Invariant: the passwords in `dev.json` are those in the database. An interrupted first run, and
//! a database that already has the users, are put right at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::ports::{Addresses, url};
use super::services::Plan;
use crate::fingerprint::Fingerprint;
use crate::process::{self, Goodbye, Group, Tail};
use crate::stop::Stop;

/// The client whose tokens work at `/admin/*`.
pub(super) const ADMIN_CLIENT: &str = "portcullis-admin";

/// A user of the demonstration.
pub(crate) struct Account {
    pub(super) username: &'static str,
    pub(super) password: String,
    roles: &'static [&'static str],
}

/// Who may log in after `dev` has started.
pub(crate) struct Accounts {
    pub(super) user: Account,
    pub(super) admin: Account,
}

const SCOPES: [&str; 3] = ["api:read", "api:write", "images:read"];

impl Accounts {
    /// Brings the database up to date and both users into it.
    ///
    /// # Errors
    /// When the origin's commands fail: their output is in the message.
    pub(super) fn prepare(plan: &Plan<'_>, stop: &Stop) -> Result<Self> {
        let mut kept = Kept::read_or_make(plan)?;
        eprintln!("preparing the database");
        portcullis(plan, &["migrate"], None, stop)?;
        let accounts = kept.accounts()?;
        // Tells databases apart without keeping their addresses, which may hold passwords.
        let database = Fingerprint::default()
            .add(plan.database_url().as_bytes())
            .text();
        let known = kept.databases.contains(&database);
        for account in [&accounts.user, &accounts.admin] {
            account.ensure(plan, known, stop)?;
        }
        if kept.databases.insert(database) {
            kept.write(plan)?;
        }
        Ok(accounts)
    }

    /// What stands behind `ready: `: one JSON object, its members in the order of the walk.
    pub(super) fn ready(&self, at: &Addresses) -> String {
        let addresses = [
            ("edge", at.edge),
            ("origin", at.origin),
            ("api", at.api),
            ("images", at.images),
        ];
        let addresses: Vec<_> = addresses
            .map(|(name, port)| format!("{}:{}", json!(name), json!(url(port))))
            .into();
        let login = |account: &Account| {
            let (username, password) = (json!(account.username), json!(account.password));
            format!(r#""username":{username},"password":{password}"#)
        };
        format!(
            r#"{{{},"user":{{{}}},"admin":{{{},"client_id":{}}}}}"#,
            addresses.join(","),
            login(&self.user),
            login(&self.admin),
            json!(ADMIN_CLIENT),
        )
    }
}

impl Account {
    /// Adds the user. One who is already there is unbanned, since the walk ends in a ban, and gets
    /// the password of `dev.json` unless this database is known to have it.
    fn ensure(&self, plan: &Plan<'_>, known: bool, stop: &Stop) -> Result<()> {
        let name = self.username;
        if known && portcullis(plan, &["user", "unban", name], None, stop).is_ok() {
            return Ok(());
        }
        let mut add = vec!["user", "add", name];
        for role in self.roles {
            add.extend(["--role", role]);
        }
        for scope in SCOPES {
            add.extend(["--scope", scope]);
        }
        add.push("--password-stdin");
        let Err(refused) = portcullis(plan, &add, Some(&self.password), stop) else {
            eprintln!("  user {name} added");
            return Ok(());
        };
        stop.check()?;
        let set = ["user", "password", name, "--password-stdin"];
        portcullis(plan, &["user", "unban", name], None, stop)
            .and_then(|()| portcullis(plan, &set, Some(&self.password), stop))
            // The first refusal is the one that says what is wrong.
            .map_err(|_| refused)
    }
}

/// `dev.json`.
struct Kept {
    user: String,
    admin: String,
    /// Fingerprints of the databases that have these passwords.
    databases: BTreeSet<String>,
}

impl Kept {
    fn read_or_make(plan: &Plan<'_>) -> Result<Self> {
        let file = plan.data.join("dev.json");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = Self {
                    user: password()?,
                    admin: password()?,
                    databases: BTreeSet::new(),
                };
                fresh.write(plan)?;
                return Ok(fresh);
            }
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        };
        Self::parse(&text).with_context(|| format!("{} is damaged: remove it", file.display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let password = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        let databases = json.get("databases")?.as_array()?;
        Some(Self {
            user: password("user")?,
            admin: password("admin")?,
            databases: databases
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// Written aside and renamed: an interruption leaves the old file or the new one.
    fn write(&self, plan: &Plan<'_>) -> Result<()> {
        let json = json!({ "user": self.user, "admin": self.admin, "databases": self.databases });
        let (file, aside) = (plan.data.join("dev.json"), plan.data.join("dev.json.new"));
        let _ = fs::remove_file(&aside);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut out| writeln!(out, "{json:#}").and_then(|()| out.sync_all()))
            .and_then(|()| fs::rename(&aside, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn accounts(&self) -> Result<Accounts> {
        if self.user.is_empty() || self.admin.is_empty() {
            bail!("dev.json has an empty password: remove it");
        }
        Ok(Accounts {
            user: Account {
                username: "demo",
                password: self.user.clone(),
                roles: &[],
            },
            admin: Account {
                username: "admin",
                password: self.admin.clone(),
                roles: &["admin"],
            },
        })
    }
}

/// 144 bits, in letters that need no quoting in a shell.
fn password() -> Result<String> {
    let mut bytes = [0; 18];
    #[allow(
        clippy::disallowed_methods,
        reason = "a real password for a real, local user"
    )]
    getrandom::fill(&mut bytes).context("no randomness from the system")?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}

/// Runs a command of the origin's, quietly unless it fails.
fn portcullis(plan: &Plan<'_>, args: &[&str], input: Option<&str>, stop: &Stop) -> Result<()> {
    let mut command = plan.portcullis();
    command.args(args).stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let line = process::shown(&command);
    let tail = Tail::attach(&mut command, |_| ())?;
    let mut group = Group::spawn_reading(&line, &mut command, Goodbye::TerminateAll)?;
    drop(command);
    if let (Some(input), Some(mut stdin)) = (input, group.child().stdin.take()) {
        // A command that refuses before it reads closes the pipe; its status says why.
        let _ = writeln!(stdin, "{input}");
    }
    let status = group.wait(stop)?;
    drop(group);
    if !status.success() {
        bail!("`{line}` ended with {status}:\n{}", tail.finished_text());
    }
    Ok(())
}
