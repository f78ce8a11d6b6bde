use proptest::prelude::*;

use super::{Access, Found, RouteTable, built_in};

const DEMO: &str = r#"
[[route]]
path = "/api/*"
methods = ["GET", "HEAD"]
upstream = "api"
audience = "api"
scopes = ["api:read"]

[[route]]
path = "/api/*"
methods = ["POST"]
upstream = "api"
audience = "api"
scopes = ["api:write"]

[[route]]
path = "/api/admin/*"
methods = ["GET"]
upstream = "api"
audience = "api"
roles = ["admin"]

[[route]]
host = "public.example"
path = "/api/*"
methods = ["GET"]
upstream = "open"
access = "public"

[[route]]
path = "/exact"
upstream = "api"
access = "public"
"#;

fn demo() -> RouteTable {
    RouteTable::parse(DEMO).unwrap()
}

/// What was found, as text: the path and the first scope or role that is asked for.
fn found(table: &RouteTable, host: &str, path: &str, method: &str) -> String {
    match table.find(host, path, method) {
        Found::Rule(rule) => {
            let demand = rule.access.demand();
            let scope =
                demand.and_then(|demand| demand.scopes.iter().next().map(ToString::to_string));
            let role_asked = demand.and_then(|demand| demand.roles.iter().next().cloned());
            let asked = scope
                .or(role_asked)
                .unwrap_or_else(|| rule.upstream.as_str().to_owned());
            format!("{} {asked}", rule.path)
        }
        Found::MethodNotAllowed { allow } => format!("405 {allow}"),
        Found::NotFound => "404".to_owned(),
    }
}

#[test]
fn the_longest_path_governs_and_never_falls_through_for_its_method() {
    let table = demo();
    assert_eq!(found(&table, "a", "/api/notes", "GET"), "/api/* api:read");
    assert_eq!(found(&table, "a", "/api/notes", "HEAD"), "/api/* api:read");
    assert_eq!(found(&table, "a", "/api/notes", "POST"), "/api/* api:write");
    assert_eq!(
        found(&table, "a", "/api/notes", "DELETE"),
        "405 GET, HEAD, POST"
    );
    assert_eq!(
        found(&table, "a", "/api/admin/users", "GET"),
        "/api/admin/* admin"
    );
    assert_eq!(
        found(&table, "a", "/api/admin/users", "POST"),
        "405 GET, HEAD"
    );
    assert_eq!(found(&table, "a", "/apiary", "GET"), "404");
    assert_eq!(found(&table, "a", "/", "GET"), "404");
}

#[test]
fn a_wildcard_covers_its_stem_so_that_a_parent_with_weaker_demands_cannot_have_it() {
    let table = demo();
    assert_eq!(
        found(&table, "a", "/api/admin", "GET"),
        "/api/admin/* admin"
    );
    assert_eq!(
        found(&table, "a", "/api/admin/", "GET"),
        "/api/admin/* admin"
    );
    assert_eq!(found(&table, "a", "/api", "GET"), "/api/* api:read");
}

#[test]
fn what_an_upstream_might_take_for_a_governed_path_is_found_nowhere() {
    let table = demo();
    for path in [
        "/API/notes",
        "/api/Admin/users",
        "/api/ADMIN",
        "/exact/",
        "/Exact",
        "/EXACT/",
    ] {
        assert_eq!(found(&table, "a", path, "GET"), "404", "{path}");
    }
    assert_eq!(found(&table, "a", "/exact", "GET"), "/exact api");
}

#[test]
fn of_two_equal_paths_the_one_with_a_host_governs() {
    let table = demo();
    assert_eq!(
        found(&table, "public.example", "/api/notes", "GET"),
        "/api/* open"
    );
    assert_eq!(
        found(&table, "Public.Example.", "/api/notes", "GET"),
        "/api/* open"
    );
    assert_eq!(
        found(&table, "public.example", "/api/notes", "POST"),
        "405 GET, HEAD"
    );
    // A longer path comes before a host.
    assert_eq!(
        found(&table, "public.example", "/api/admin/x", "GET"),
        "/api/admin/* admin"
    );
}

#[test]
fn methods_are_case_sensitive_and_some_are_never_forwarded() {
    let table = demo();
    assert_eq!(
        found(&table, "a", "/api/notes", "get"),
        "405 GET, HEAD, POST"
    );
    for method in ["TRACE", "CONNECT", "TRACK", "trace"] {
        assert!(
            found(&table, "a", "/exact", method).starts_with("405"),
            "{method}"
        );
    }
    assert_eq!(found(&table, "a", "/exact", "PROPFIND"), "/exact api");
}

#[test]
fn what_is_left_out_is_the_safe_choice() {
    let table = RouteTable::parse("[[route]]\npath='/x'\nupstream='api'\naudience='api'").unwrap();
    let rule = table.rules().next().unwrap();
    assert!(matches!(&rule.access, Access::Required(demand)
        if demand.credentials.len() == 1 && demand.issuers.is_none()
            && demand.revocations == super::RevocationMode::Strict));
    assert_eq!(rule.cache, super::Cache::Private);
    assert_eq!(rule.mode, super::Mode::Enforce);
    assert!(rule.cors.is_none());
}

#[test]
fn upstreams_name_the_setting_that_holds_their_address() {
    let table = demo();
    let names: Vec<_> = table.rules().map(|rule| rule.upstream.variable()).collect();
    assert!(names.contains(&"UPSTREAM_API".to_owned()), "{names:?}");
}

#[test]
fn a_mistake_is_reported_with_the_rule_and_the_key() {
    let base = "path = '/x/*'\nupstream = 'api'\naudience = 'api'\n";
    for (change, key) in [
        ("scope = ['a']", "scope"),
        ("scopes = 'a'", "scopes"),
        ("scopes = []", "scopes"),
        ("scopes = ['a b']", "scopes"),
        ("scopes = ['a', 'a']", "scopes"),
        ("roles = ['a b']", "roles"),
        ("issuers = []", "issuers"),
        ("access = 'none'", "access"),
        ("access = 'public'", "audience"),
        ("access = 'optional'\nroles = ['admin']", "roles"),
        ("host = 'a.example:80'", "host"),
        ("host = 'A.example'", "host"),
        ("host = '*.example'", "host"),
        ("methods = []", "methods"),
        ("methods = ['get']", "methods"),
        ("methods = ['HEAD']", "methods"),
        ("methods = ['GET', 'GET']", "methods"),
        ("methods = ['TRACE']", "methods"),
        ("credentials = ['api_key', 'api_key']", "credentials"),
        ("credentials = ['basic']", "credentials"),
        ("revocations = 'never'", "revocations"),
        ("cache = 'public'", "cache"),
        ("cors = { origins = ['*'] }", "cors"),
        ("cors = { origins = ['null'] }", "cors"),
        ("cors = { origins = [] }", "cors"),
        ("cors = { origins = ['https://app.example/'] }", "cors"),
        ("cors = { origins = ['https://app.example:443'] }", "cors"),
        ("cors = { origins = ['https://App.example'] }", "cors"),
        (
            "cors = { origins = ['https://app.example'], headers = ['x'] }",
            "cors",
        ),
        ("cors = {}", "cors"),
        ("mode = 'off'", "mode"),
    ] {
        let text = format!(
            "[[route]]\npath='/ok'\nupstream='api'\naccess='public'\n[[route]]\n{base}{change}"
        );
        let error = RouteTable::parse(&text).unwrap_err().to_string();
        let names = format!("`{key}`: ");
        assert!(
            error.starts_with("route 2 (host `") && error.contains(&names),
            "{change}: {error}"
        );
        assert!(error.contains("path `/x/*`"), "{change}: {error}");
    }
}

#[test]
fn a_route_that_takes_links_asks_for_no_role() {
    let parse = |more: &str| {
        let rule = "[[route]]\npath = '/x/*'\nupstream = 'images'\naudience = 'a'\n";
        RouteTable::parse(&format!(
            "{rule}credentials = ['bearer', 'signed_url']\n{more}"
        ))
    };
    assert!(parse("scopes = ['images:read']").is_ok());
    let error = parse("roles = ['admin']").unwrap_err().to_string();
    assert!(error.contains("`roles`: means nothing where"), "{error}");
    let error = parse("cache = 'shared'").unwrap_err().to_string();
    assert!(
        error.contains("`credentials`: a route with `cache"),
        "{error}"
    );
}

#[test]
fn a_route_to_the_origin_takes_bearer_tokens_alone() {
    let parse = |upstream: &str, kinds: &str| {
        let rule = "[[route]]\npath = '/admin/*'\naudience = 'a'\n";
        RouteTable::parse(&format!(
            "{rule}upstream = '{upstream}'\ncredentials = [{kinds}]"
        ))
    };
    assert!(parse("origin", "'bearer'").is_ok());
    assert!(parse("api", "'cookie'").is_ok());
    for kinds in ["'cookie'", "'bearer', 'cookie'", "'bearer', 'signed_url'"] {
        let error = parse("origin", kinds).unwrap_err().to_string();
        assert!(
            error.contains("`credentials`: a route to the origin"),
            "{error}"
        );
    }
}

#[test]
fn a_path_that_could_be_read_in_two_ways_is_no_pattern() {
    for path in [
        "",
        "x",
        "*",
        "/*/x",
        "/a*",
        "/a/b*",
        "//",
        "//*",
        "/a//*",
        "/a//b",
        "/.",
        "/../a",
        "/a/./b",
        "/a%20",
        "/a;b",
        "/a?b",
        "/a#b",
        "/a\\\\b",
        "/a b",
        "/ä",
        "/auth",
        "/auth/*",
        "/AUTH/*",
        "/auth/login",
        "/.well-known/jwks.json",
        "/.well-known/revocations",
    ] {
        let text = format!("[[route]]\npath = \"{path}\"\nupstream = 'api'\naccess = 'public'");
        let error = RouteTable::parse(&text).unwrap_err().to_string();
        assert!(error.contains("`path`: "), "{path}: {error}");
    }
    for path in [
        "/",
        "/*",
        "/a",
        "/a/",
        "/a/*",
        "/.well-known/*",
        "/a.b/~c/_d-e",
        "/authors/*",
        "/..a",
    ] {
        let text = format!("[[route]]\npath = \"{path}\"\nupstream = 'api'\naccess = 'public'");
        assert!(RouteTable::parse(&text).is_ok(), "{path}");
    }
}

#[test]
fn two_rules_must_not_contend_for_a_request() {
    let with = |first: &str, second: &str| {
        let rule = |path: &str| format!("[[route]]\n{path}\nupstream='api'\naccess='public'\n");
        RouteTable::parse(&(rule(first) + &rule(second))).map_err(|error| error.to_string())
    };
    assert!(
        with("path='/a'", "path='/a'")
            .unwrap_err()
            .contains("`methods`")
    );
    assert!(
        with("path='/a'\nmethods=['GET']", "path='/a'")
            .unwrap_err()
            .contains("GET")
    );
    assert!(
        with(
            "path='/a'\nmethods=['GET']",
            "path='/a'\nmethods=['PUT','GET']"
        )
        .is_err()
    );
    assert!(
        with("path='/a'", "path='/A'")
            .unwrap_err()
            .contains("letter case")
    );
    assert!(
        with("path='/a'", "path='/a/'")
            .unwrap_err()
            .contains("final slash")
    );
    assert!(with("path='/a'\nmethods=['GET']", "path='/a'\nmethods=['PUT']").is_ok());
    assert!(with("path='/a'", "path='/a'\nhost='x.example'").is_ok());
    assert!(with("path='/a'", "path='/a/*'").is_ok());
}

#[test]
fn text_that_is_no_table_is_reported_with_its_place() {
    let error = RouteTable::parse("[[route]]\npath = \n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2"), "{error}");
    let error = RouteTable::parse("[[routes]]\npath = '/x'\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `routes`"), "{error}");
    assert!(RouteTable::parse("").unwrap().rules().next().is_none());
}

proptest! {
    #[test]
    fn whatever_the_text_reading_it_ends(text in ".{0,200}") {
        let _ = RouteTable::parse(&text);
    }

    #[test]
    fn whatever_the_request_a_rule_that_is_found_covers_it(
        host in "[a-z.]{0,12}",
        path in "/(api|API|admin|exact|[a-z~%/.]){0,6}(/(api|admin|x)){0,3}",
        method in "GET|HEAD|POST|PUT|get",
    ) {
        let table = demo();
        if let Found::Rule(rule) = table.find(&host, &path, &method) {
            let stem = rule.path.to_string();
            let stem = stem.strip_suffix("/*").unwrap_or(&stem);
            prop_assert!(path.starts_with(stem));
            prop_assert!(rule.methods.contains(&method));
            // Nobody slips under the admins' pattern.
            let lower = path.to_ascii_lowercase();
            let admin = lower == "/api/admin" || lower.starts_with("/api/admin/");
            prop_assert_eq!(admin, rule.path.to_string() == "/api/admin/*");
        }
    }

    #[test]
    fn no_table_takes_a_built_in_path(tail in "[a-z/]{0,8}") {
        let path = format!("{}{tail}", built_in::AUTH_PREFIX);
        let text = format!("[[route]]\npath = '{path}'\nupstream = 'api'\naccess = 'public'");
        prop_assert!(RouteTable::parse(&text).is_err());
    }
}

/// A declaration of an issuer, and a rule that takes its tokens.
const WITH_ISSUER: &str = r#"
[[issuer]]
issuer = "https://tenant.example/"
jwks_uri = "https://tenant.example/keys"
algorithms = ["RS256"]
audiences = { api = "https://api.example" }

[[route]]
path = "/api/*"
upstream = "api"
audience = "api"
issuers = ["https://id.example", "https://tenant.example/"]
"#;

#[test]
fn declared_issuers_are_found_to_the_letter() {
    let table = RouteTable::parse(WITH_ISSUER).unwrap();
    assert_eq!(table.issuers().len(), 1);
    assert!(table.issuer("https://tenant.example/").is_some());
    assert!(table.issuer("https://tenant.example").is_none());
    let json = RouteTable::json(WITH_ISSUER).unwrap();
    assert_eq!(
        RouteTable::from_json(&json).unwrap().issuers(),
        table.issuers()
    );
}

#[test]
fn a_rule_that_no_token_of_a_declared_issuer_could_satisfy_is_a_mistake() {
    for (from, to, message) in [
        (
            "audience = \"api\"\n",
            "audience = \"images\"\n",
            "audiences",
        ),
        (
            "upstream = \"api\"",
            "upstream = \"origin\"",
            "other issuers",
        ),
        (
            "algorithms = [\"RS256\"]",
            "algorithms = [\"RS257\"]",
            "issuer 1: ",
        ),
    ] {
        assert!(WITH_ISSUER.contains(from));
        let error = RouteTable::parse(&WITH_ISSUER.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let (declaration, _) = WITH_ISSUER.split_once("[[route]]").unwrap();
    let error = RouteTable::parse(&format!("{declaration}{declaration}")).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}
