//! Mistakes, help, and the settings in force.

use super::Place;

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
        &["explain", "--help"],
        &["api-key", "create", "--help"],
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
