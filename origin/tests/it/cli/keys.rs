//! `portcullis keys`, and `portcullis restored`, which withdraws keys.

use serde_json::Value;

use super::Place;

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
