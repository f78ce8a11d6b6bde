//! Users in and out: what is imported logs in with its old password, what is exported can be
//! imported, and nobody who exists is changed.

use portcullis_origin::domain::{
    admin,
    audit::{
        Action, Actor,
        query::{EventId, Filter, Order, Query},
    },
    login,
    password::Password,
    setup,
    store::UserFilter,
    transfer::{
        Refusal,
        export::Export,
        import::{BATCH, Counts, Import, Mode, RefusedLine},
    },
    user::User,
};

use crate::support::{CURL, Engine, TestApp, USER, context, on_both_engines};

on_both_engines!(
    an_imported_password_works_and_its_hash_becomes_argon2id,
    a_wrong_password_of_an_imported_user_is_refused_and_changes_nothing,
    a_name_that_nobody_has_costs_what_some_users_does,
    an_import_can_be_run_again_and_changes_nobody,
    whoever_is_otherwise_than_the_line_says_is_refused,
    what_two_lines_of_a_file_share_is_refused_at_the_second,
    a_dry_run_says_what_an_import_would_and_writes_nothing,
    an_import_is_told_to_the_trail_once_for_each_batch,
    whoever_is_imported_with_a_role_is_told_to_the_trail_by_name,
    banned_and_disabled_users_are_imported_as_that,
    what_is_exported_can_be_imported_on_either_database,
);

/// By Django, bcrypt, passlib, Werkzeug and argon2-cffi, of the password of all test users.
const HASHES: [&str; 6] = [
    "pbkdf2_sha256$1000$saltsaltsaltsaltsalt22$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
    "argon2$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y",
    "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
    "$scrypt$ln=10,r=8,p=1$R2hNybnXes+Zs1bqvZfS+g$v638fLY4OmZREx0/eGGDYk+7DCx9LrxtL5873AFMsec",
    "pbkdf2:sha1:1000$zKn7G8G9WCgdZB2i$308d7ad7b2866f8fdb4ee10465b687033b039cc8",
    "$argon2i$v=19$m=64,t=1,p=1$3KFZgA3GvegxTLmVV/jrYg$wjSlZRJqPtmbfGfcLbXH/V22EFn3/dUHCsgF//XT/qw",
];

fn with_hash(name: &str, hash: &str) -> String {
    format!(r#"{{"username":"{name}","password_hash":"{hash}","scopes":["api:read"]}}"#)
}

/// Imports these lines, the first of which is line 1.
async fn run(test: &TestApp, mode: Mode, lines: &[String]) -> (Counts, Vec<RefusedLine>) {
    let mut import = Import::new(&test.app, mode, Actor::Operator);
    for (number, line) in (1..).zip(lines) {
        import.take(number, Ok(line)).await.unwrap();
    }
    let counts = import.finish().await.unwrap();
    (counts, import.take_refused())
}

async fn import(test: &TestApp, lines: &[String]) -> (Counts, Vec<RefusedLine>) {
    run(test, Mode::Write, lines).await
}

async fn log_in(test: &TestApp, name: &str) -> Result<(), login::Error> {
    let from = context(CURL, "DE");
    let tokens = test.login_as((name, USER.1), "portcullis", &from).await;
    tokens.map(drop)
}

async fn export(test: &TestApp) -> Vec<String> {
    let mut export = Export::begin(&test.app, Actor::Operator).await.unwrap();
    let mut lines = Vec::new();
    while let Some(page) = export.page().await.unwrap() {
        lines.extend(page);
    }
    lines
}

async fn details(test: &TestApp, action: Action) -> Vec<Option<String>> {
    let query = Query {
        filter: Filter {
            actions: vec![action],
            ..Filter::default()
        },
        order: Order::Oldest { after: EventId(0) },
        limit: 100,
    };
    let entries = test.app.store.audit(&query).await.unwrap();
    let details = entries.into_iter().map(|entry| entry.event.detail);
    details.collect()
}

fn counts(added: u64, present: u64, refused: u64) -> Counts {
    Counts {
        added,
        with_roles: 0,
        present,
        refused,
    }
}

async fn an_imported_password_works_and_its_hash_becomes_argon2id(test: TestApp) {
    let name = |number: usize| format!("imported{number}");
    let lines: Vec<String> = HASHES
        .iter()
        .enumerate()
        .map(|(number, hash)| with_hash(&name(number), hash))
        .collect();
    assert_eq!(import(&test, &lines).await, (counts(6, 0, 0), Vec::new()));
    for number in 0..HASHES.len() {
        log_in(&test, &name(number)).await.unwrap();
        let hash = test.user(&name(number)).await.password_hash.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        // With the new hash as well.
        log_in(&test, &name(number)).await.unwrap();
        assert_eq!(test.user(&name(number)).await.password_hash, Some(hash));
    }
}

async fn a_wrong_password_of_an_imported_user_is_refused_and_changes_nothing(test: TestApp) {
    let lines: Vec<String> = HASHES
        .iter()
        .enumerate()
        .map(|(number, hash)| with_hash(&format!("imported{number}"), hash))
        .collect();
    import(&test, &lines).await;
    for number in 0..HASHES.len() {
        let name = format!("imported{number}");
        let before = test.user(&name).await;
        let wrong = (name.as_str(), "correct horse batterY");
        let from = context(CURL, "DE");
        let refused = test.login_as(wrong, "portcullis", &from).await;
        assert!(
            matches!(refused, Err(login::Error::InvalidCredentials)),
            "{refused:?}"
        );
        assert_eq!(test.user(&name).await, before);
    }
}

/// How many hashes a refused login costs.
async fn cost_of_refusing(test: &TestApp, name: &str, password: &str) -> u64 {
    let before = test.app.hasher.computed();
    let from = context(CURL, "DE");
    let refused = test.login_as((name, password), "portcullis", &from).await;
    assert!(
        matches!(refused, Err(login::Error::InvalidCredentials)),
        "{refused:?}"
    );
    test.app.hasher.computed() - before
}

async fn a_name_that_nobody_has_costs_what_some_users_does(test: TestApp) {
    // All have today's hashes.
    for name in ["ann", "nobody", "somebody else"] {
        assert_eq!(cost_of_refusing(&test, name, "wrong").await, 1, "{name}");
    }
    let other = TestApp::without_users(Engine::Sqlite).await;
    assert_eq!(cost_of_refusing(&other, "nobody", "wrong").await, 1);
    // All have others' hashes; the right password of whoever stands in makes no difference.
    import(
        &other,
        &[with_hash("ben", HASHES[2]), with_hash("carl", HASHES[0])],
    )
    .await;
    for (name, password) in [
        ("ben", "wrong"),
        ("nobody", "wrong"),
        ("nobody", USER.1),
        ("somebody else", USER.1),
    ] {
        assert_eq!(cost_of_refusing(&other, name, password).await, 2, "{name}");
    }
}

async fn an_import_can_be_run_again_and_changes_nobody(test: TestApp) {
    let lines: Vec<String> = ["ben", "carl", "dora"]
        .iter()
        .map(|name| with_hash(name, HASHES[0]))
        .collect();
    import(&test, &lines[..2]).await;
    // One has logged in since, and one has chosen another password.
    log_in(&test, "ben").await.unwrap();
    let carl = test.user("carl").await;
    let password = Password::new("a brand new password".to_owned());
    setup::set_password(&test.app, &carl, password, Actor::Operator)
        .await
        .unwrap();
    let before = [test.user("ben").await, test.user("carl").await];
    test.clock.advance(10);
    assert_eq!(import(&test, &lines).await, (counts(1, 2, 0), Vec::new()));
    assert_eq!([test.user("ben").await, test.user("carl").await], before);
    assert_eq!(import(&test, &lines).await, (counts(0, 3, 0), Vec::new()));
}

async fn whoever_is_otherwise_than_the_line_says_is_refused(test: TestApp) {
    let ann = test.user(USER.0).await;
    let line = |members: &str| {
        let scopes = r#""scopes":["api:read","api:write","images:read"]"#;
        format!(r#"{{"username":"ann",{scopes}{members}}}"#)
    };
    // Ann is as the line says, whose password is not compared.
    let same = line(&format!(r#","password_hash":"{}""#, HASHES[2]));
    assert_eq!(import(&test, &[same]).await, (counts(0, 1, 0), Vec::new()));
    let other = "AAAAAAAAAAAAAAAAAAAAAA";
    for (members, differing) in [
        (r#","email":"ann@example.org""#.to_owned(), vec!["email"]),
        (
            format!(r#","id":"{other}","roles":["admin"]"#),
            vec!["id", "roles"],
        ),
        (r#","status":"disabled""#.to_owned(), vec!["status"]),
        (r#","created_at":1"#.to_owned(), vec!["created_at"]),
    ] {
        let (counted, refused) = import(&test, &[line(&members)]).await;
        assert_eq!(counted, counts(0, 0, 1));
        assert_eq!(refused[0].refusal, Refusal::Differs(differing));
    }
    import(&test, &[r#"{"username":"paul"}"#.to_owned()]).await;
    let (_, refused) = import(
        &test,
        &[
            format!(r#"{{"username":"ben","id":"{}"}}"#, ann.id),
            r#"{"username":"pau1"}"#.to_owned(),
            r#"{"username":"rооt"}"#.to_owned(),
        ],
    )
    .await;
    let reasons: Vec<Refusal> = refused.into_iter().map(|line| line.refusal).collect();
    let (id, name) = (ann.id, ann.username.clone());
    assert_eq!(reasons[0], Refusal::IdTaken { id, name });
    assert_eq!(reasons[1], Refusal::LooksLike("paul".parse().unwrap()));
    // Cyrillic and Latin in one name.
    assert!(matches!(reasons[2], Refusal::Username(_)));
    assert_eq!(test.user(USER.0).await, ann);
    // A user without a password does not get one by an import.
    import(&test, &[r#"{"username":"zoe"}"#.to_owned()]).await;
    let (_, refused) = import(&test, &[r#"{"username":"zoe","password_hash":"$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni"}"#.to_owned()]).await;
    assert_eq!(refused[0].refusal, Refusal::Differs(vec!["password_hash"]));
}

async fn what_two_lines_of_a_file_share_is_refused_at_the_second(test: TestApp) {
    let lines = [
        r#"{"username":"paul","id":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
        r#"{"username":"PAUL"}"#,
        r#"{"username":"pau1"}"#,
        r#"{"username":"ben","id":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
        r#"{"username":"ben"}"#,
    ]
    .map(str::to_owned);
    for mode in [Mode::DryRun, Mode::Write] {
        let (counted, refused) = run(&test, mode, &lines).await;
        assert_eq!(counted, counts(2, 0, 3));
        let reasons: Vec<_> = refused
            .iter()
            .map(|refused| (refused.line, refused.refusal.to_string()))
            .collect();
        assert_eq!(
            reasons,
            [
                (2, "line 1 of this file has this username".to_owned()),
                (
                    3,
                    "line 1 of this file has a username that looks like this one".to_owned()
                ),
                (4, "line 1 of this file has this id".to_owned()),
            ]
        );
    }
}

async fn a_dry_run_says_what_an_import_would_and_writes_nothing(test: TestApp) {
    let lines = [
        with_hash("ben", HASHES[0]),
        r#"{"username":"ann"}"#.to_owned(),
        r#"{"username":"root","roles":["admin"],"scopes":["api:read"]}"#.to_owned(),
        with_hash("carl", "md5$salt$185a8ce4c769b0acdfda7dcc0f5026bf"),
    ];
    let tried = run(&test, Mode::DryRun, &lines).await;
    assert_eq!(tried.0, counts(1, 1, 2));
    let all = UserFilter {
        limit: 100,
        ..UserFilter::default()
    };
    let names = |users: Vec<User>| -> Vec<String> {
        users.iter().map(|user| user.username.to_string()).collect()
    };
    let users = test.app.store.users(&all).await.unwrap();
    assert_eq!(names(users), ["ann", "root"]);
    assert!(details(&test, Action::UsersImported).await.is_empty());
    assert_eq!(import(&test, &lines).await, tried);
}

async fn an_import_is_told_to_the_trail_once_for_each_batch(test: TestApp) {
    let lines: Vec<String> = (0..BATCH + 2)
        .map(|number| format!(r#"{{"username":"user{number}"}}"#))
        .collect();
    import(&test, &lines).await;
    assert_eq!(
        details(&test, Action::UsersImported).await,
        [
            Some("500 users, of the lines 1 to 500".to_owned()),
            Some("2 users, of the lines 501 to 502".to_owned()),
        ]
    );
    // What adds nobody is not worth an event.
    import(&test, &lines).await;
    assert_eq!(details(&test, Action::UsersImported).await.len(), 2);
}

async fn whoever_is_imported_with_a_role_is_told_to_the_trail_by_name(test: TestApp) {
    let lines = [
        r#"{"username":"ben"}"#.to_owned(),
        r#"{"username":"carl","roles":["admin"]}"#.to_owned(),
        r#"{"username":"root","roles":["admin"],"scopes":["api:read"]}"#.to_owned(),
    ];
    let expected = Counts {
        with_roles: 1,
        ..counts(2, 1, 0)
    };
    let before = test.trail().await;
    assert_eq!(run(&test, Mode::DryRun, &lines).await.0, expected);
    assert_eq!(test.trail().await, before);
    assert_eq!(import(&test, &lines).await.0, expected);
    let after = test.trail().await;
    assert_eq!(
        after[before.len()..],
        [
            "user_created by operator to carl: imported, roles [admin]",
            "users_imported by operator: 2 users, of the lines 1 to 2",
        ]
    );
}

async fn banned_and_disabled_users_are_imported_as_that(test: TestApp) {
    let with = |name: &str, members: &str| {
        let hash = HASHES[2];
        format!(r#"{{"username":"{name}","password_hash":"{hash}",{members}}}"#)
    };
    let lines = [
        with(
            "ben",
            r#""status":"banned","status_reason":"spam","status_since":1700000000"#,
        ),
        with("carl", r#""status":"disabled""#),
    ];
    assert_eq!(import(&test, &lines).await.0, counts(2, 0, 0));
    assert!(matches!(
        log_in(&test, "ben").await,
        Err(login::Error::Banned)
    ));
    assert!(matches!(
        log_in(&test, "carl").await,
        Err(login::Error::Disabled)
    ));
    // Times that the line leaves open are not compared later.
    test.clock.advance(100);
    assert_eq!(import(&test, &lines).await.0, counts(0, 2, 0));
    let operator = admin::Authority::OPERATOR;
    let ben = test.user("ben").await;
    admin::unban(&test.app, operator, ben.id).await.unwrap();
    log_in(&test, "ben").await.unwrap();
}

async fn what_is_exported_can_be_imported_on_either_database(test: TestApp) {
    let mut lines: Vec<String> = HASHES
        .iter()
        .enumerate()
        .map(|(number, hash)| with_hash(&format!("imported{number}"), hash))
        .collect();
    lines.push(
        r#"{"username":"größe","email":"a@b.example","status":"banned","status_reason":"a \"b\" \\","status_since":5,"created_at":4}"#
            .to_owned(),
    );
    lines.push(r#"{"username":"zoe","status":"disabled","status_since":6}"#.to_owned());
    // More than a page.
    lines.extend((0..600).map(|number| format!(r#"{{"username":"user{number}"}}"#)));
    assert_eq!(import(&test, &lines).await.1, Vec::new());
    let written = export(&test).await;
    assert_eq!(written.len(), lines.len() + 2);
    assert_eq!(
        details(&test, Action::UsersExported).await,
        [Some("all users, with password hashes".to_owned())]
    );
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let other = TestApp::without_users(engine).await;
        let (counted, refused) = import(&other, &written).await;
        let expected = Counts {
            with_roles: 1,
            ..counts(610, 0, 0)
        };
        assert_eq!((counted, refused), (expected, Vec::new()));
        assert_eq!(export(&other).await, written);
        for name in ["ann", "root", "imported0", "imported2", "imported3"] {
            log_in(&other, name).await.unwrap();
        }
        assert_eq!(import(&other, &written).await.0, counts(0, 610, 0));
    }
}
