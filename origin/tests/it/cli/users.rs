//! `portcullis user`.

use serde_json::Value;

use super::{PASSWORD, Place};

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
fn address_roles_and_scopes_are_changed_from_the_command_line() {
    let place = Place::new();
    let add = [
        "user", "add", "bob", "--role", "support", "--scope", "a", "--setup", "--json",
    ];
    place.json(&add, "");
    let change = |arguments: &[&str]| {
        let mut all = vec!["user", "change", "bob", "--json"];
        all.extend(arguments);
        let changed = place.json(&all, "");
        let user = &changed["user"];
        let told = [&user["email"], &user["roles"], &user["scopes"]];
        (
            told.map(Value::to_string).join(" "),
            changed["seq"].as_u64().unwrap(),
        )
    };
    let (told, given) = change(&[
        "--email",
        "bob@example.org",
        "--role",
        "admin",
        "--role",
        "support",
    ]);
    assert_eq!(told, r#""bob@example.org" ["admin","support"] ["a"]"#);
    // What is taken away is in the feed.
    let (told, taken) = change(&["--no-roles"]);
    assert_eq!(told, r#""bob@example.org" [] ["a"]"#);
    assert!(taken > given);
    let (told, _) = change(&["--no-email", "--scope", "b", "--scope", "c"]);
    assert_eq!(told, r#"null [] ["b","c"]"#);
    let (told, _) = change(&["--no-scopes"]);
    assert_eq!(told, "null [] []");
    for off in [
        &["user", "change", "bob"][..],
        &["user", "change", "bob", "--role", "a", "--no-roles"],
        &["user", "change", "bob", "--email", "bob"],
    ] {
        assert_eq!(place.fail(off, "").0, 2, "{off:?}");
    }
    let nobody = ["user", "change", "nobody", "--no-roles"];
    assert_eq!(
        place.fail(&nobody, ""),
        (1, "portcullis: there is no user nobody\n".to_owned())
    );
    let trail = place.run(&["audit"], "");
    assert!(
        trail.contains("user_changed") && !trail.contains("bob@example.org"),
        "{trail}"
    );
}
