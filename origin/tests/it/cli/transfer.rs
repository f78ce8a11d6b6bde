//! `user import` and `user export`, as an operator has them.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{PASSWORD, Place, Server, answer, login};
use crate::support::{Database, Engine};

/// By Django 5.2, bcrypt 5.0 and argon2-cffi 25.1, of [`PASSWORD`].
const USERS: &str = r#"{"username":"ann","password_hash":"pbkdf2_sha256$1000$saltsaltsaltsaltsalt22$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=","email":"ann@example.org","roles":["admin"],"scopes":["api:read"]}
{"username":"ben","password_hash":"$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni"}
{"username":"carl","password_hash":"argon2$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y","status":"disabled"}
{"username":"dora"}
"#;

impl Place {
    fn with(name: &str, text: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        place.write(name, text);
        place
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        self.0.join(name).metadata().unwrap().permissions().mode() & 0o777
    }
}

#[test]
fn imported_users_log_in_with_their_old_passwords() {
    let place = Place::with("users.ndjson", USERS);
    let summary = place.run(&["user", "import", "users.ndjson"], "");
    assert_eq!(
        summary,
        "4 added (1 with a role), 0 were already there, 0 refused.\n"
    );
    let server = Server::start(&place);
    for (name, password, status) in [
        ("ann", PASSWORD, "200"),
        ("ben", PASSWORD, "200"),
        ("ben", "another password", "401"),
        ("carl", PASSWORD, "403"),
        ("dora", PASSWORD, "401"),
    ] {
        let answer = answer(server.connect(&login(name, password)));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{name}: {answer}"
        );
    }
    let again = place.json(&["user", "import", "users.ndjson", "--json"], "");
    let expected =
        json!({ "dry_run": false, "added": 0, "with_roles": 0, "already_there": 4, "refused": 0 });
    assert_eq!(again, expected);
    let lines = place.run(&["user", "export"], "");
    let hashes: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|user| user["password_hash"].as_str().unwrap_or("none").to_owned())
        .collect();
    let begins: Vec<&str> = hashes
        .iter()
        .map(|hash| &hash[..4.min(hash.len())])
        .collect();
    // Whoever has not logged in keeps the hash as it came.
    assert_eq!(begins, ["$arg", "$arg", "$arg", "none"]);
    assert!(hashes[0].contains("m=8,t=1,p=1") && hashes[1].contains("m=8,t=1,p=1"));
    assert!(hashes[2].contains("m=64,t=2,p=2"), "{}", hashes[2]);
}

#[test]
fn refused_lines_are_told_with_number_and_reason_and_by_the_exit_code() {
    let mut file = b"\xef\xbb\xbf{\"username\":\"good\"}\r\n\r\n".to_vec();
    let long = "x".repeat(20_000);
    for line in [
        r#"{"username":"Good"}"#.as_bytes(),
        br#"{"username":"a b"}"#,
        br#"{"username":"ben","password_hash":"plain text"}"#,
        br#"{"username":"ben","password_hash":"$2b$31$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni"}"#,
        br#"{"username":"ben","password":"secret"}"#,
        br#"{"username":"ben","username":"carl"}"#,
        br#"{"username":"ben"} {"username":"carl"}"#,
        br#"{"username":"ben","roles":["a b"]}"#,
        br#"{"username":"ben","status":"gone"}"#,
        br#"{"username":"ben","created_at":99999999999}"#,
        br#"{"username":"ben","status_reason":"x"}"#,
        b"{\"username\":\"b\xff\"}",
        long.as_bytes(),
        b"[]",
        br#"{"username":"\u001b[31m"}"#,
        br#"{"user\u001b[31m":1}"#,
        br#"{"username":"last"}"#,
    ] {
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    let place = Place::with("users.ndjson", file);
    place.run(&["keys", "list"], "");
    let dry = place.run_with(&["user", "import", "users.ndjson", "--dry-run"], "");
    let wet = place.run_with(&["user", "import", "users.ndjson"], "");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!((dry.status.code(), wet.status.code()), (Some(3), Some(3)));
    assert_eq!(text(&dry.stderr), text(&wet.stderr));
    assert_eq!(
        (text(&dry.stdout).as_str(), text(&wet.stdout).as_str()),
        (
            "2 would be added, 0 were already there, 16 refused.\n",
            "2 added, 0 were already there, 16 refused.\n"
        )
    );
    insta::assert_snapshot!(text(&wet.stderr), @r"
    line 3 (good): line 1 of this file has this username
    line 4: username: a username has 1 to 64 characters: letters and digits of one script, and . _ - @ + inside or after
    line 5: password_hash: the hash is of no known form: argon2, bcrypt, scrypt and PBKDF2 are, as PHC strings and as passlib, Django and Werkzeug write them
    line 6: password_hash: to check the hash takes too long: bcrypt's cost is more than 14
    line 7: not a user's record: unknown field `password`, expected one of `id`, `username`, `email`, `password_hash`, `roles`, `scopes`, `status`, `status_reason`, `status_since`, `created_at`, at character 28
    line 8: not a user's record: duplicate field `username`, at character 28
    line 9: not a user's record: trailing characters, at character 20
    line 10: roles: a role has 1 to 64 characters: letters and digits of ASCII, and . _ : -
    line 11: not a user's record: unknown variant `gone`, expected one of `active`, `banned`, `disabled`, at character 33
    line 12: created_at: Unix seconds, not in the future
    line 13: status_reason: of banned users alone
    line 14: the line is not UTF-8
    line 15: the line is longer than 16384 bytes
    line 16: not a user's record: not an object
    line 17: username: a username has 1 to 64 characters: letters and digits of one script, and . _ - @ + inside or after
    line 18: not a user's record: unknown field `user\u{1b}[31m`, expected one of `id`, `username`, `email`, `password_hash`, `roles`, `scopes`, `status`, `status_reason`, `status_since`, `created_at`, at character 17
    portcullis: lines refused: 16
    ");
}

#[test]
fn the_report_of_refused_lines_is_a_file_of_its_own() {
    let place = Place::with(
        "users.ndjson",
        "{\"username\":\"ann\"}\n{\"username\":\"ANN\"}\n",
    );
    place.run(&["keys", "list"], "");
    let arguments = [
        "user",
        "import",
        "users.ndjson",
        "--report",
        "refused.ndjson",
    ];
    let output = place.run_with(&arguments, "");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "portcullis: lines refused: 1\n"
    );
    let report: Value = serde_json::from_str(&place.read("refused.ndjson")).unwrap();
    let reason = "line 1 of this file has this username";
    assert_eq!(
        report,
        json!({ "line": 2, "username": "ann", "reason": reason })
    );
    assert_eq!(place.mode("refused.ndjson"), 0o600);
    let (code, error) = place.fail(&arguments, "");
    assert!(
        code == 1 && error.contains("the report refused.ndjson cannot be written"),
        "{error}"
    );
}

#[test]
fn users_come_from_standard_input_and_from_nothing_else_that_is_no_file() {
    let place = Place::new();
    let summary = place.run(&["user", "import", "-"], "{\"username\":\"ann\"}");
    assert_eq!(summary, "1 added, 0 were already there, 0 refused.\n");
    assert_eq!(
        place.run(&["user", "import", "-"], ""),
        "0 added, 0 were already there, 0 refused.\n"
    );
    for (file, text) in [
        (".", "portcullis: . cannot be read: is a directory"),
        (
            "missing",
            "portcullis: missing cannot be read: No such file",
        ),
    ] {
        let (code, error) = place.fail(&["user", "import", file], "");
        assert!(code == 1 && error.starts_with(text), "{error}");
    }
}

#[test]
fn an_export_is_its_owners_alone_and_overwrites_nothing() {
    let place = Place::with("users.ndjson", USERS);
    place.run(&["user", "import", "users.ndjson"], "");
    assert_eq!(place.run(&["user", "export", "out.ndjson"], ""), "");
    assert_eq!(place.mode("out.ndjson"), 0o600);
    let written = place.read("out.ndjson");
    assert_eq!(written.lines().count(), 4);
    assert_eq!(place.run(&["user", "export", "-"], ""), written);
    place.write("mine", "precious");
    for file in ["out.ndjson", "mine", "."] {
        let (code, error) = place.fail(&["user", "export", file], "");
        assert!(
            code == 1 && error.contains(&format!("{file} cannot be made")),
            "{error}"
        );
    }
    assert_eq!(place.read("mine"), "precious");
    assert_eq!(place.read("out.ndjson"), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_move_from_sqlite_to_postgres_and_log_in_there() {
    let old = Place::with("users.ndjson", USERS);
    old.run(&["user", "import", "users.ndjson"], "");
    old.run(&["user", "add", "eve", "--password-stdin"], PASSWORD);
    old.run(&["user", "export", "out.ndjson"], "");
    let database = Database::create(Engine::Postgres).await;
    let new = Place::with("in.ndjson", old.read("out.ndjson"));
    new.write(
        "p.toml",
        format!("[database]\nurl = \"{}\"\n", database.url),
    );
    let with_config = |arguments: &[&'static str]| [&["--config", "p.toml"], arguments].concat();
    let summary = new.run(&with_config(&["user", "import", "in.ndjson"]), "");
    assert_eq!(
        summary,
        "5 added (1 with a role), 0 were already there, 0 refused.\n"
    );
    let written = new.run(&with_config(&["user", "export"]), "");
    assert_eq!(written, old.read("out.ndjson"));
    let mut serve = new.command(&with_config(&["serve"]));
    let server = Server::wait_for(serve.env("PORTCULLIS_LOG__FORMAT", "json"));
    for (name, status) in [
        ("ann", "200"),
        ("ben", "200"),
        ("eve", "200"),
        ("carl", "403"),
    ] {
        let answer = answer(server.connect(&login(name, PASSWORD)));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{name}: {answer}"
        );
    }
}
