//! What people and programs call themselves, in the log: whatever they write, a line stays a line and
//! steers no terminal, in both formats.

use serde_json::{Value, json};

use super::{PASSWORD, Place, Server, answer};

/// Characters that steer a terminal, break a line, or turn the order of what is shown: for a body.
const STEERING: &str = "\r\n\u{1b}[31m\u{9b}31m\u{7}\u{202e}";
/// The same without those that no header can have (RFC 9110, section 5.5).
const IN_A_HEADER: &str = "evil\u{9b}31m\u{202e}";

struct Client<'a>(&'a Server);

impl Client<'_> {
    /// Sends a request; gives status and body.
    fn post(&self, path: &str, head: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let text = answer(self.0.connect(&request));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn log_in(&self, name: &str, client: &str) -> Value {
        let body = json!({ "username": name, "password": PASSWORD, "client_id": client });
        let (status, tokens) = self.post("/auth/login", "User-Agent: calm/1\r\n", &body);
        assert_eq!(status, 200, "{tokens}");
        tokens
    }
}

/// A refresh by a program of such a name, which the rules have flagged.
fn be_flagged(client: &Client<'_>) {
    let tokens = client.log_in("ann", "portcullis");
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"],
    });
    let head = format!("User-Agent: {IN_A_HEADER}/1\r\n");
    assert_eq!(client.post("/auth/token", &head, &body).0, 200);
    // A header with the others is no header.
    let head = "User-Agent: evil\u{1b}[31m/1\r\n";
    assert_eq!(client.post("/auth/token", head, &body).0, 400);
}

fn be_called_names(client: &Client<'_>) {
    for name in [format!("ann{STEERING}"), STEERING.to_owned()] {
        for (path, status) in [("/auth/login", 401), ("/auth/register", 422)] {
            let body = json!({ "username": name, "password": "a good password" });
            assert_eq!(client.post(path, "", &body).0, status, "{path}");
        }
        let body = json!({ "username": "ann", "password": PASSWORD, "device": name });
        assert_eq!(client.post("/auth/login", "", &body).0, 422);
        let body = json!({ name: "ann" });
        assert_eq!(client.post("/auth/login", "", &body).0, 422);
    }
}

fn ban_for_a_reason(client: &Client<'_>, user: &str) {
    let tokens = client.log_in("root", "portcullis-admin");
    let token = tokens["access_token"].as_str().unwrap();
    let head = format!("Authorization: Bearer {token}\r\n");
    let path = format!("/admin/users/{user}/ban");
    let ban = |reason: &str| client.post(&path, &head, &json!({ "reason": reason })).0;
    assert_eq!(ban(&format!("spam{STEERING}")), 422);
    assert_eq!(ban("spam\u{202e}backwards"), 200);
}

/// All that a server logs while such names come in.
fn logged(format: &str) -> String {
    let place = Place::new();
    let settings = "[log]\nfilter = \"trace\"\n[refresh.on_change]\nuser_agent = \"flag\"\n\
                    [users]\nregistration = \"open\"\n";
    std::fs::write(place.0.join("set.toml"), settings).unwrap();
    let add = |name: &str, more: &[&str]| {
        let arguments = [&["user", "add", name, "--password-stdin"], more].concat();
        place.run(&arguments, PASSWORD);
    };
    add("ann", &[]);
    add("root", &["--role", "admin"]);
    let created = place.json(&["audit", "--user", "ann", "-n", "1", "--json"], "");
    let mut command = place.command(&["--config", "set.toml", "serve"]);
    let mut server = Server::wait_for(command.env("PORTCULLIS_LOG__FORMAT", format));
    let log = server.rest_of_log();
    let client = Client(&server);
    be_flagged(&client);
    be_called_names(&client);
    ban_for_a_reason(&client, created["user_id"].as_str().unwrap());
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    log.join().unwrap()
}

fn is_clean(log: &str) {
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for line in log.lines() {
        assert!(!line.contains(steers), "{line:?}");
    }
}

#[test]
fn what_steers_a_terminal_reaches_no_line_for_people_raw() {
    let log = logged("human");
    is_clean(&log);
    // Escaped, and then quoted as a text.
    let told = r"program from `calm` to `evil\\u{9b}31m\\u{202e}`";
    assert!(
        log.contains("session_flagged") && log.contains(told),
        "{log}"
    );
    assert!(log.contains(r"spam\\u{202e}backwards"), "{log}");
}

#[test]
fn what_steers_a_terminal_reaches_no_line_of_json_raw() {
    let log = logged("json");
    is_clean(&log);
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (action, detail) in [
        (
            "session_flagged",
            r"program from `calm` to `evil\u{9b}31m\u{202e}`",
        ),
        ("user_banned", r"spam\u{202e}backwards"),
    ] {
        let is = |line: &&Value| line["action"] == action;
        let line = lines.iter().find(is).unwrap();
        assert_eq!(line["detail"], detail, "{line}");
    }
}
