//! `portcullis audit`.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::Place;

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
