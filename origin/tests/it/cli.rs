//! The binary: commands, exit codes, and a server that starts and stops.

mod connections;
mod sessions;
mod transfer;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

/// A folder to run in, gone with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let count = COUNTER.fetch_add(1, Ordering::SeqCst);
        let name = format!("portcullis-cli-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(&self.0).env_clear();
        for (name, value) in [
            ("PORTCULLIS_PASSWORD__MEMORY_KIB", "8"),
            ("PORTCULLIS_PASSWORD__ITERATIONS", "1"),
            ("PORTCULLIS_SERVER__LISTEN", "127.0.0.1:0"),
        ] {
            command.env(name, value);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that succeeds.
    fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run_with(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.run(arguments, input)).unwrap()
    }

    /// Exit code and standard error of a command that fails.
    fn fail(&self, arguments: &[&str], input: &str) -> (i32, String) {
        let output = self.run_with(arguments, input);
        assert!(output.stdout.is_empty(), "{output:?}");
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server on a free port.
struct Server {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Server {
    fn start(place: &Place) -> Self {
        Self::start_with(place, "json")
    }

    /// Waits for the line that tells the address.
    fn start_with(place: &Place, format: &str) -> Self {
        let mut command = place.command(&["serve"]);
        Self::wait_for(command.env("PORTCULLIS_LOG__FORMAT", format))
    }

    fn wait_for(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let address = String::new();
        let mut server = Self {
            child,
            log,
            address,
        };
        let line = server.line_with("listening on");
        let address = line.split("http://").nth(1).unwrap();
        let end = address
            .find(|character: char| !"0123456789.:".contains(character))
            .unwrap();
        address[..end].clone_into(&mut server.address);
        server
    }

    /// Reads the log up to a line with this text.
    fn line_with(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(
                self.log.read_line(&mut line).unwrap() > 0,
                "the server stopped"
            );
            if line.contains(text) {
                return line;
            }
        }
    }

    fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn login(username: &str, password: &str) -> String {
    let body = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
    format!(
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

const PASSWORD: &str = "correct horse battery";

#[test]
fn users_are_looked_after_from_the_command_line() {
    let place = Place::new();
    let add = [
        "user",
        "add",
        "Ann",
        "--role",
        "admin",
        "--scope",
        "api:read",
        "--password-stdin",
        "--json",
    ];
    let ann = place.json(&add, &format!("{PASSWORD}\n"));
    assert_eq!(
        (&ann["username"], &ann["roles"][0], &ann["status"]),
        (&"ann".into(), &"admin".into(), &"active".into())
    );
    let bob = place.json(&["user", "add", "bob", "--setup", "--json"], "");
    assert!(bob["setup_token"].as_str().unwrap().starts_with("pst_"));
    assert_eq!(
        place.run(&["user", "list", "--json"], "").lines().count(),
        2
    );
    assert!(
        place
            .run(&["user", "list", "--search", "AN"], "")
            .starts_with("ann  ")
    );

    let banned = place.json(&["user", "ban", "bob", "--reason", "spam", "--json"], "");
    let again = place.json(&["user", "ban", "bob", "--json"], "");
    assert!(again["seq"].as_u64() > banned["seq"].as_u64());
    assert_eq!(banned["user"]["reason"], "spam");
    assert!(
        place
            .run(&["user", "list", "--banned"], "")
            .starts_with("bob  ")
    );
    assert!(
        place
            .run(&["user", "unban", "bob"], "")
            .contains("may log in")
    );
    assert_eq!(place.run(&["user", "list", "--banned"], ""), "");
    place.run(
        &["user", "password", "bob", "--password-stdin"],
        "another password",
    );
}

#[test]
fn accounts_are_disabled_deleted_and_set_up_from_the_command_line() {
    let place = Place::new();
    let add = [
        "user",
        "add",
        "Žofie",
        "--email",
        "z@example.org",
        "--setup",
        "--json",
    ];
    let zofie = place.json(&add, "");
    assert_eq!(
        (&zofie["username"], &zofie["email"]),
        (&"žofie".into(), &"z@example.org".into())
    );
    place.run(
        &["user", "add", "root", "--role", "admin", "--password-stdin"],
        PASSWORD,
    );
    let disabled = place.json(&["user", "disable", "ŽOFIE", "--json"], "");
    assert_eq!(disabled["user"]["status"], "disabled");
    assert!(disabled["seq"].as_u64() > Some(0));
    assert!(
        place
            .run(&["user", "list", "--disabled"], "")
            .starts_with("žofie  ")
    );
    assert!(
        place
            .run(&["user", "list", "--active"], "")
            .starts_with("root  ")
    );
    assert_eq!(
        place.fail(&["user", "ban", "žofie"], ""),
        (1, "portcullis: the user is disabled\n".to_owned())
    );
    let enabled = place.run(&["user", "enable", "žofie"], "");
    assert!(enabled.contains("may log in"), "{enabled}");
    let issued = place.json(&["user", "setup", "žofie", "--json"], "");
    assert!(issued["setup_token"].as_str().unwrap().starts_with("pst_"));
    assert_ne!(issued["setup_token"], zofie["setup_token"]);
    // An operator may remove the last administrator, and make another.
    let deleted = place.json(&["user", "delete", "root", "--json"], "");
    assert_eq!(deleted["username"], "root");
    assert_eq!(
        place.fail(&["user", "delete", "root"], ""),
        (1, "portcullis: there is no user root\n".to_owned())
    );
    assert_eq!(place.run(&["user", "list"], "").lines().count(), 1);
    assert!(place.run(&["migrate"], "").contains("up to date"));
}

#[test]
fn keys_are_listed_and_rotated() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "list"], ""), "");
    let key = place.json(&["keys", "rotate", "--withdraw", "--json"], "");
    assert!(
        place
            .run(&["keys", "rotate"], "")
            .contains("signs in 900 seconds")
    );
    let list = place.run(&["keys", "list", "--json"], "");
    let states: Vec<Value> = list
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&states[0]["kid"], &states[0]["state"]),
        (&key["kid"], &"active".into())
    );
    assert_eq!(states[1]["state"], "next");
}

#[test]
fn that_a_backup_was_put_back_is_said_and_what_is_lost_is_told() {
    let place = Place::new();
    place.run(
        &["user", "add", "ann", "--password-stdin"],
        "correct horse battery",
    );
    let key = place.json(&["keys", "rotate", "--withdraw", "--json"], "");
    let said = place.json(&["restored", "--for", "90m", "--json"], "");
    let number = |name: &str| said[name].as_i64().unwrap();
    let age = number("fast_forward_until") - number("newest_event_at");
    assert!((5400..5460).contains(&age), "{said}");
    let ahead = number("seq") - number("newest_event_at") * 1000;
    assert!((3_600_000..3_660_000).contains(&ahead), "{said}");
    // What signed before is withdrawn, and what signs now is another key.
    let list = place.run(&["keys", "list", "--json"], "");
    let state = |kid: &Value| {
        let mut keys = list
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        keys.find(|key| key["kid"] == *kid).unwrap()["state"].clone()
    };
    assert_eq!(state(&key["kid"]), "withdrawn");
    assert_eq!(state(&said["kid"]), "active");

    let text = place.run(&["restored"], "");
    assert!(
        text.starts_with("Sessions follow newer refresh tokens until 2"),
        "{text}"
    );
    assert!(text.contains("must be done again"), "{text}");
    for (time, code) in [("31d", 2), ("soon", 2), ("-1h", 2)] {
        assert_eq!(place.fail(&["restored", "--for", time], "").0, code);
    }
}

#[test]
fn mistakes_are_told_on_standard_error_with_an_exit_code() {
    let place = Place::new();
    for (arguments, input, code, text) in [
        (
            &["user", "ban", "nobody"][..],
            "",
            1,
            "portcullis: there is no user nobody\n",
        ),
        (
            &["user", "add", "a b"],
            "",
            2,
            "a username has 1 to 64 characters",
        ),
        (
            &["user", "add", "ann", "--role", "a b", "--setup"],
            "",
            2,
            "a role has 1 to 64 characters",
        ),
        (
            &["user", "add", "ann", "--password-stdin"],
            "short\n",
            1,
            "at least 8 characters",
        ),
        (
            &["user", "add", "ann", "--password-stdin"],
            "PassWord1\n",
            1,
            "one of the most common ones",
        ),
        (
            &["user", "add", "ann", "--email", "nobody", "--setup"],
            "",
            2,
            "an e-mail address has",
        ),
        (
            &["user", "add", "ann", "--password-stdin"],
            "",
            1,
            "standard input holds no password",
        ),
        (
            &["user", "add", "ann", "--password-stdin", "--setup"],
            "",
            2,
            "cannot be used with",
        ),
        (
            &["user", "add", "ann", "hunter2"],
            "",
            2,
            "unexpected argument",
        ),
        (
            &["--config", "missing.toml", "config"],
            "",
            2,
            "the settings file missing.toml cannot be read",
        ),
        (&["nonsense"], "", 2, "unrecognized subcommand"),
    ] {
        let (got, error) = place.fail(arguments, input);
        assert!(
            got == code && error.contains(text),
            "{arguments:?}: {got} {error}"
        );
    }
    std::fs::write(place.0.join("off.toml"), "[refresh]\nwindow = 0\n").unwrap();
    let off = place.fail(&["--config", "off.toml", "serve"], "");
    assert_eq!(off.0, 2);
    assert!(
        off.1
            .starts_with("portcullis: refresh.window: must be between 1 and 300"),
        "{}",
        off.1
    );
    place.run(&["user", "add", "ann", "--setup"], "");
    assert_eq!(
        place.fail(&["user", "add", "ann", "--setup"], "").1,
        "portcullis: the username is taken\n"
    );
}

#[test]
fn the_help_teaches() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["user", "add", "--help"],
        &["user", "import", "--help"],
        &["keys", "rotate", "--help"],
        &["session", "revoke", "--help"],
        &["audit", "--help"],
    ] {
        assert!(
            place.run(arguments, "").contains("Examples:"),
            "{arguments:?}"
        );
    }
}

#[test]
fn the_settings_in_force_are_printed_without_secrets_and_can_be_read_again() {
    let place = Place::new();
    let file = "issuer = \"https://edge.example\"\n[edge]\nsecret = \"hunter2-hunter2-hunter2\"\n";
    std::fs::write(place.0.join("p.toml"), file).unwrap();
    let printed = place.run(&["--config", "p.toml", "config"], "");
    assert!(
        printed.contains("issuer = \"https://edge.example\"") && !printed.contains("hunter2"),
        "{printed}"
    );
    std::fs::write(
        place.0.join("again.toml"),
        printed.replace("[redacted]", ""),
    )
    .unwrap();
    let again = place.run(&["--config", "again.toml", "config"], "");
    assert_eq!(again, printed.replace("[redacted]", ""));
}

#[test]
fn a_server_starts_answers_and_stops() {
    let place = Place::new();
    let mut server = Server::start(&place);
    // Beside the running server.
    place.run(&["user", "add", "ann", "--password-stdin"], PASSWORD);
    let tokens = answer(server.connect(&login("ann", PASSWORD)));
    assert!(
        tokens.starts_with("HTTP/1.1 200") && tokens.contains("refresh_token"),
        "{tokens}"
    );
    for file in ["data/master.key", "data/portcullis.db"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &place.0.join(file).metadata().unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    let mut log = String::new();
    server.log.read_to_string(&mut log).unwrap();
    assert!(
        !log.contains("correct horse") && !log.contains("prt_") && !log.contains("eyJ"),
        "{log}"
    );
}

#[test]
fn a_server_that_is_stopped_finishes_what_is_in_flight() {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--password-stdin"], PASSWORD);
    let mut server = Server::start(&place);
    let request = login("ann", PASSWORD);
    let (first, rest) = request.split_at(request.len() - 5);
    let mut stream = server.connect(first);
    // The request is being read once another that came later is answered.
    assert!(answer(server.connect(&login("ann", PASSWORD))).starts_with("HTTP/1.1 200"));
    server.terminate();
    server.line_with("stopping");
    stream.write_all(rest.as_bytes()).unwrap();
    assert!(answer(stream).starts_with("HTTP/1.1 200"));
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut second = place.command(&["serve"]);
    let output = second
        .env("PORTCULLIS_SERVER__LISTEN", &server.address)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let wanted = format!(
        "portcullis: cannot listen on {} (server.listen): ",
        server.address
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&wanted), "{error}");
}

#[test]
fn nothing_from_outside_gets_raw_into_the_log() {
    let place = Place::new();
    let mut server = Server::start_with(&place, "human");
    let path = "/%0d%0a%1b[31m?secret=hunter2";
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: \x1b[31m\r\n\
         Portcullis-Request-Id: a\x1b[31mb\r\nAuthorization: Bearer hunter2\r\n\r\n"
    );
    let _ = answer(server.connect(&request));
    let _ = answer(server.connect(&request.replace('\x1b', "")));
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("/%0d%0a%1b[31m"), "{rest}");
    assert!(
        !rest.contains("hunter2") && !rest.contains('\x1b') && !rest.contains('\r'),
        "{rest:?}"
    );
}

#[test]
fn the_audit_trail_is_looked_through_and_followed() {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--setup"], "");
    place.run(&["user", "ban", "ann", "--reason", "spam"], "");
    let all = place.run(&["audit"], "");
    let lines: Vec<&str> = all.lines().collect();
    assert!(
        lines[0].contains("user_created") && lines[1].contains("  - spam"),
        "{all}"
    );
    let one = place.json(&["audit", "--user", "ann", "-n", "1", "--json"], "");
    assert_eq!(
        (&one["action"], &one["actor"]),
        (&"user_banned".into(), &"operator".into())
    );
    let id = one["user_id"].as_str().unwrap();
    assert_eq!(
        place
            .run(&["audit", "--user", id, "--since", "1h"], "")
            .lines()
            .count(),
        2
    );
    assert_eq!(place.run(&["audit", "--action", "login"], ""), "");
    assert_eq!(place.run(&["audit", "--until", "2020-01-01"], ""), "");
    let (code, error) = place.fail(&["audit", "--user", "nobody"], "");
    assert_eq!(
        (code, error.as_str()),
        (
            1,
            "portcullis: there is no such user, and it is no identifier either\n"
        )
    );
    assert_eq!(place.fail(&["audit", "--action", "nonsense"], "").0, 2);

    let mut follow = place
        .command(&["audit", "--follow", "--json", "-n", "1"])
        .spawn()
        .unwrap();
    let mut out = BufReader::new(follow.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["action"].clone()
    };
    assert_eq!(next(), "user_banned");
    for (command, action) in [("unban", "user_unbanned"), ("ban", "user_banned")] {
        place.run(&["user", command, "ann"], "");
        assert_eq!(next(), action);
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn a_start_with_other_settings_is_in_the_audit_trail() {
    let place = Place::new();
    let file = |window: i32, secret: &str| {
        let text = format!("[refresh]\nwindow = {window}\n[edge]\nsecret = \"{secret}\"\n");
        std::fs::write(place.0.join("set.toml"), text).unwrap();
    };
    let start = || {
        let mut command = place.command(&["--config", "set.toml", "serve"]);
        let mut child = command
            .env("PORTCULLIS_LOG__FORMAT", "json")
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server stopped");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        place.run(&["audit", "--action", "settings_changed"], "")
    };
    file(30, "hunter2-hunter2-hunter2");
    assert_eq!(start(), "");
    assert_eq!(start(), "");
    file(20, "hunter3-hunter3-hunter3");
    let told = start();
    assert!(
        told.contains("edge.secret: secret changed; refresh.window: 30 -> 20"),
        "{told}"
    );
    assert_eq!(start(), told);
}
