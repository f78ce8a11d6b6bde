//! The origin's OpenAPI document against the running origin: schemathesis makes requests from it,
//! good and bad ones, as nobody, as a user and as an administrator. No answer may be a 5xx, or
//! other than the document says. What chance never finds, such as a refresh token, is put into some of
//! nobody's requests by `xtask/contract/hooks.py`, so that answers to what succeeds are looked at too.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use super::tally::Tally;
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::process::{self, Goodbye, Group};
use crate::scratch;
use crate::stop::Stop;
use crate::tools::Schemathesis;
use crate::workspace::Workspace;

const START_LIMIT: Duration = Duration::from_secs(30);

/// Of both users, on a database that is thrown away.
const PASSWORD: &str = "correct horse battery staple";
const USER: &str = "ann";

/// A client that has a secret: its id, the secret, and the SHA-256 of that.
const CLIENT: [&str; 3] = [
    "backend",
    "a-secret-that-only-the-contract-has",
    "49b4bfdafbaf65ff70dc7f15541b227870dca9472a33ba5182a996870fd045aa",
];

/// People may sign up, and nobody is told to wait.
const SETTINGS: &str = "\
[users]
registration = \"open\"
[throttle]
account_attempts = 1000000
stranger_attempts = 1000000
network_attempts = 1000000
registration_attempts = 1000000
[[client]]
kind = \"confidential\"
audiences = [\"api\"]
";

/// Where the hooks are.
const HOOKS: &str = "xtask/contract";

/// Who asks: name, role, client. Nobody comes first, since the others change things.
const CALLERS: [(&str, Option<(&str, &str)>); 3] = [
    ("nobody", None),
    ("a user", Some((USER, "portcullis"))),
    ("an administrator", Some(("root", "portcullis-admin"))),
];

/// Not expressible in a schema: a cursor must be one that was given out, a client one that is
/// known, so that some requests of the right form are refused.
const EXCLUDED_CHECKS: &str = "positive_data_acceptance";

/// They end the session that the requests are made with: after them everything would be 401. The
/// tests of the origin compare their answers with the document as well.
const ENDING: &str = "^/auth/logout|^/auth/sessions$";

/// Requests per operation; the sequence is the same in every run.
const EXAMPLES: &str = "40";

/// Runs schemathesis as each caller; each is one test.
///
/// # Errors
/// When the origin does not start; what schemathesis finds is a failure in the tally.
pub(super) fn run(workspace: &Workspace, stop: &Stop) -> Result<Tally> {
    eprintln!("the OpenAPI document against the running origin");
    let Some(schemathesis) = Schemathesis::ensure(workspace, stop)? else {
        return Ok(without(std::env::var_os("CI").is_some()));
    };
    let origin = Origin::start(workspace, stop)?;
    let mut tally = Tally::default();
    for (name, login) in CALLERS {
        let token = login
            .map(|(user, client)| origin.token(user, client))
            .transpose()?;
        let hooks = workspace.path(HOOKS);
        let passed = origin.check(&schemathesis, &hooks, token.as_deref(), stop)?;
        println!(
            "schemathesis as {name} ... {}",
            if passed { "ok" } else { "FAILED" }
        );
        tally += Tally {
            passed: passed.into(),
            failed: (!passed).into(),
        };
    }
    Ok(tally)
}

/// A developer may do without Python; where tests decide what is released, nothing is left out.
fn without(decides: bool) -> Tally {
    let what = "the OpenAPI document against the running origin";
    if decides {
        println!("{what} ... FAILED: there is no schemathesis");
    } else {
        println!("skipped: {what}");
    }
    Tally {
        passed: 0,
        failed: decides.into(),
    }
}

/// An origin on a database of its own.
struct Origin {
    base: String,
    // The order matters: the process ends before its files go.
    process: Group,
    files: TempDir,
}

impl Origin {
    fn start(workspace: &Workspace, stop: &Stop) -> Result<Self> {
        let files = scratch::directory("portcullis-contract-")?;
        let program = workspace.binary("portcullis");
        let [id, _, digest] = CLIENT;
        let settings = format!("{SETTINGS}id = \"{id}\"\nsecret_sha256 = \"{digest}\"\n");
        fs::write(files.path().join("portcullis.toml"), settings).context("the settings")?;
        add_user(&program, files.path(), USER, &[])?;
        add_user(&program, files.path(), "root", &["--role", "admin"])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr().context("no free port")?;
        drop(listener);
        let log = File::create(files.path().join("log")).context("the log")?;
        let mut serve = portcullis(&program, files.path());
        serve
            .arg("serve")
            .env("PORTCULLIS_SERVER__LISTEN", address.to_string())
            .stdout(log.try_clone().context("the log")?)
            .stderr(log);
        let process = Group::spawn("portcullis", &mut serve, Goodbye::TerminateAll)?;
        let mut origin = Self {
            base: format!("http://{address}"),
            process,
            files,
        };
        origin.wait_until_ready(stop)?;
        Ok(origin)
    }

    fn wait_until_ready(&mut self, stop: &Stop) -> Result<()> {
        let (client, waited) = (Client::new(), Stopwatch::start());
        let probe = format!("{}/health/ready", self.base);
        while !client
            .get(&probe, None)
            .is_ok_and(|answer| answer.status == 200)
        {
            if self.process.ended()?.is_some() || waited.elapsed() > START_LIMIT {
                let said = fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
                bail!("the origin did not come up. It said:\n{said}");
            }
            stop.pause(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn token(&self, user: &str, client: &str) -> Result<String> {
        let url = format!("{}/auth/login", self.base);
        let login = json!({ "username": user, "password": PASSWORD, "client_id": client });
        let answer = Client::new().post_json(&url, None, &login)?;
        answer.expect(200)?.text("access_token")
    }

    /// Runs it as who has the token, or else as nobody.
    fn check(
        &self,
        tool: &Schemathesis,
        hooks: &Path,
        token: Option<&str>,
        stop: &Stop,
    ) -> Result<bool> {
        let mut command = match token {
            Some(_) => tool.command(),
            None => self.with_hooks(tool, hooks),
        };
        command
            .arg("run")
            .arg(format!("{}/openapi.json", self.base))
            .args(["--phases", "examples,coverage,fuzzing", "--seed", "1"])
            .args(["--max-examples", EXAMPLES, "--continue-on-failure"])
            .args(["--exclude-checks", EXCLUDED_CHECKS])
            // It leaves its database of examples and reports where it runs.
            .current_dir(self.files.path());
        if let Some(token) = token {
            command.args(["--exclude-path-regex", ENDING, "--header"]);
            command.arg(format!("Authorization: Bearer {token}"));
        }
        let mut group = Group::spawn("schemathesis", &mut command, Goodbye::TerminateAll)?;
        Ok(group.wait(stop)?.success())
    }

    /// With what it takes to make requests that succeed.
    fn with_hooks(&self, tool: &Schemathesis, hooks: &Path) -> Command {
        let [id, secret, _] = CLIENT;
        let mut command = tool.command_with(hooks);
        command
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("CONTRACT_BASE", &self.base)
            .env("CONTRACT_USERNAME", USER)
            .env("CONTRACT_PASSWORD", PASSWORD)
            .env("CONTRACT_CLIENT", format!("{id}:{secret}"));
        command
    }
}

fn portcullis(program: &Path, files: &Path) -> Command {
    let mut command = process::without_settings(program);
    command
        .args(["--config", "portcullis.toml"])
        .current_dir(files)
        .env("PORTCULLIS_DATABASE__URL", "sqlite:portcullis.db")
        .env("PORTCULLIS_KEYS__MASTER_KEY_FILE", "master.key")
        // Cheap: what is looked at are answers.
        .env("PORTCULLIS_PASSWORD__MEMORY_KIB", "64")
        .env("PORTCULLIS_PASSWORD__ITERATIONS", "1");
    command
}

fn add_user(program: &Path, files: &Path, name: &str, more: &[&str]) -> Result<()> {
    let mut command = portcullis(program, files);
    command.args([
        "user",
        "add",
        name,
        "--scope",
        "api:read",
        "--password-stdin",
    ]);
    command
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().context("cannot start portcullis")?;
    if let Some(mut stdin) = child.stdin.take() {
        use std::io::Write as _;
        writeln!(stdin, "{PASSWORD}").context("handing over a password")?;
    }
    let status = child.wait().context("waiting for portcullis")?;
    if !status.success() {
        bail!("`{}` ended with {status}", process::shown(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn what_a_developer_may_leave_out_fails_where_tests_decide() {
        assert_eq!((without(true).failed, without(false).failed), (1, 0));
    }
}
