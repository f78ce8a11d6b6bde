//! Route tables, and what a request finds in one: a rule that names it.

use portcullis_shared::routes::{Found, RouteTable};

/// The table, then host, path and method, each after a zero byte.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut parts = text.split('\0');
    let mut part = || parts.next().unwrap_or_default();
    let (table, host, path, method) = (part(), part(), part(), part());
    let Ok(table) = RouteTable::parse(table) else {
        return;
    };
    let own = table.rules().flat_map(|rule| {
        // What the rule itself names, so that something is found without luck.
        let path = rule.path.to_string().replace('*', "x");
        [(path.clone(), "GET"), (path, "DELETE")]
    });
    let own: Vec<(String, &str)> = own.collect();
    for rule in table.rules() {
        assert!(!table.methods_of(rule).is_empty(), "a rule has methods");
        assert!(!rule.upstream.as_str().is_empty(), "a rule has an upstream");
    }
    look_up(&table, host, path, method);
    for (path, method) in own {
        look_up(&table, host, &path, method);
    }
}

fn look_up(table: &RouteTable, host: &str, path: &str, method: &str) {
    match table.find(host, path, method) {
        Found::Rule(rule) => {
            let host = host.strip_suffix('.').unwrap_or(host);
            let named = rule.host.to_string();
            assert!(
                named == "*" || named.eq_ignore_ascii_case(host),
                "the rule's host"
            );
            assert!(rule.methods.contains(method), "the rule's method");
            let written = rule.path.to_string();
            match written.strip_suffix("/*") {
                Some(stem) => assert!(
                    path == stem || path.starts_with(&format!("{stem}/")),
                    "below the rule's path"
                ),
                None => assert!(path == written, "the rule's path"),
            }
        }
        Found::MethodNotAllowed { allow } => assert!(!allow.is_empty(), "some method is allowed"),
        Found::NotFound => {}
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    const ALL_KEYS: &str = r#"[[route]]
host = "app.example"
path = "/api/*"
methods = ["GET", "PUT"]
upstream = "api"
access = "required"
credentials = ["bearer", "cookie"]
audience = "api"
scopes = ["api:read"]
roles = ["reader", "admin"]
issuers = ["https://id.example"]
revocations = "relaxed"
cache = "private"
cors = { origins = ["https://app.example"], credentials = false }
mode = "report"
"#;
    const TWO: &str = r#"[[route]]
path = "/*"
upstream = "web"
access = "public"
cache = "shared"

[[route]]
path = "/a"
upstream = "origin"
audience = "x"
"#;
    let repository = include_str!("../../routes.toml");
    let request = "\0app.example\0/api/notes\0GET";
    [ALL_KEYS, TWO, repository, ""]
        .iter()
        .map(|table| format!("{table}{request}").into_bytes())
        .collect()
}
