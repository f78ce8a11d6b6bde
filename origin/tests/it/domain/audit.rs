//! What the audit trail gets: logins that failed, settings that changed.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, NewUser},
    audit::{
        Action, Actor,
        query::{Entry, Filter, Order, Query},
    },
    caller,
    change_password::{Passwords, change_password},
    criteria::Criteria,
    login,
    mint::TokenSet,
    password::Password,
    plan::{count, run},
    session::Session,
    sessions,
    settings_record::{self, Setting},
    store::UserChange,
    user::User,
};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::support::{ADMIN, CURL, TestApp, USER, context, on_both_engines, until};

on_both_engines!(
    a_failed_login_is_recorded_with_its_reason_and_without_what_was_typed,
    a_login_that_is_overtaken_twice_by_other_hashes_is_recorded,
    whatever_is_asked_for_from_somewhere_is_told_with_its_country,
    changed_settings_are_told_by_key_and_secrets_without_their_value,
    a_start_with_the_same_settings_tells_nothing,
);

async fn events(test: &TestApp, action: Action) -> Vec<Entry> {
    let query = Query {
        filter: Filter {
            actions: vec![action],
            ..Filter::default()
        },
        order: Order::Newest { before: None },
        limit: 100,
    };
    test.app.store.audit(&query).await.unwrap()
}

async fn a_failed_login_is_recorded_with_its_reason_and_without_what_was_typed(test: TestApp) {
    let new = NewUser {
        username: "new".parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: "".parse().unwrap(),
    };
    admin::create_user(&test.app, Authority::OPERATOR, new)
        .await
        .unwrap();
    let ann = test.user(USER.0).await.id;
    let attempts = [
        (USER.0, "wrong", "wrong_password", true),
        ("new", "", "no_password", true),
        ("Hunter2-in-the-wrong-field", "ann", "unknown_user", false),
        ("no name at all", "ann", "unknown_user", false),
        (USER.0, USER.1, "banned", true),
    ];
    for (name, password, reason, known) in attempts {
        if reason == "banned" {
            let why = "spam".parse().unwrap();
            admin::ban(&test.app, Authority::OPERATOR, ann, why)
                .await
                .unwrap();
        }
        let from = context(CURL, "NZ");
        let failed = test.login_as((name, password), "portcullis", &from).await;
        assert!(failed.is_err());
        let newest = events(&test, Action::LoginFailed)
            .await
            .swap_remove(0)
            .event;
        assert_eq!(newest.detail.as_deref(), Some(reason));
        assert_eq!(newest.user_id.is_some(), known, "{reason}");
        assert_eq!((newest.ip, newest.country), (from.ip, from.country));
        // Whoever has the password is known to act; of others nothing is.
        let actor = if reason == "banned" {
            Actor::User(ann)
        } else {
            Actor::Service
        };
        assert_eq!(newest.actor, actor);
        test.clock.advance(1);
    }
    let all = events(&test, Action::LoginFailed).await;
    assert_eq!(all.len(), attempts.len());
    let shown = format!("{all:?}").to_lowercase();
    assert!(
        !shown.contains("hunter2") && !shown.contains("wrong_field"),
        "{shown}"
    );
}

async fn whatever_is_asked_for_from_somewhere_is_told_with_its_country(test: TestApp) {
    let before = test.trail().await.len();
    let (app, from) = (&test.app, context(CURL, "NZ"));
    let login = async || test.login_as(USER, "portcullis", &from).await.unwrap();
    let caller_of = async |tokens: &TokenSet| {
        let caller = caller::authenticate(app, &tokens.access_token).await;
        caller.unwrap()
    };
    let first = login().await;
    for _ in 0..2 {
        let token = first.refresh_token.expose();
        test.refresh_from(token, &from).await.unwrap();
        test.clock.advance(1);
    }
    let second = test
        .refresh_from(first.refresh_token.expose(), &from)
        .await
        .unwrap();
    test.refresh_from(second.refresh_token.expose(), &from)
        .await
        .unwrap();
    let reused = test.refresh_from(first.refresh_token.expose(), &from).await;
    assert!(reused.is_err());
    sessions::logout(app, &caller_of(&login().await).await, &from)
        .await
        .unwrap();
    login().await;
    sessions::end_others(app, &caller_of(&login().await).await, &from)
        .await
        .unwrap();
    let changing = caller_of(&login().await).await;
    let passwords = Passwords {
        current: Password::new(USER.1.to_owned()),
        new: Password::new("a brand new password".to_owned()),
    };
    change_password(app, &changing, passwords, &from)
        .await
        .unwrap();
    sessions::logout_all(app, &changing, &from).await.unwrap();
    let root = Authority {
        actor: Actor::User(test.user(ADMIN.0).await.id),
        from: from.clone(),
    };
    let ann = test.user(USER.0).await.id;
    admin::issue_setup(app, root.clone(), ann).await.unwrap();
    let counted = count::count(app, root.clone(), Criteria::default()).await;
    run::run(app, root.clone(), counted.unwrap().plan.id, None, |_| {})
        .await
        .unwrap();
    admin::ban(app, root, ann, admin::Reason::default())
        .await
        .unwrap();
    let query = Query {
        filter: Filter::default(),
        order: Order::Newest { before: None },
        limit: 1000,
    };
    let mut told = test.app.store.audit(&query).await.unwrap();
    told.truncate(told.len() - before);
    for Entry { event, .. } in &told {
        assert_eq!(
            (event.ip, event.country.as_deref()),
            (from.ip, Some("NZ")),
            "{event:?}"
        );
    }
    for action in [
        Action::RefreshReuse,
        Action::SessionEnded,
        Action::PasswordChanged,
        Action::SetupIssued,
        Action::RevocationPlanned,
        Action::SessionsRevoked,
        Action::UserBanned,
    ] {
        assert!(
            told.iter().any(|entry| entry.event.action == action),
            "{action:?}"
        );
    }
}

/// Somebody replaces the hash all the time, by one of the same password.
async fn keep_rehashing(test: &TestApp) -> JoinHandle<()> {
    let mut hashes = Vec::new();
    for _ in 0..3 {
        let password = Password::new(USER.1.to_owned());
        let hash = test
            .app
            .hasher
            .hash(&[], password, test.app.entropy.as_ref());
        hashes.push(hash.await.unwrap());
    }
    let (app, id) = (Arc::clone(&test.app), test.user(USER.0).await.id);
    tokio::spawn(async move {
        for hash in hashes.into_iter().cycle() {
            let decide = move |user: &User, _: &[Session]| UserChange {
                user: Some(User {
                    password_hash: Some(hash),
                    ..user.clone()
                }),
                ..UserChange::default()
            };
            let changed = app.store.change_user(id, app.now(), Box::new(decide));
            changed.await.unwrap();
        }
    })
}

async fn a_login_that_is_overtaken_twice_by_other_hashes_is_recorded(test: TestApp) {
    let rehashing = keep_rehashing(&test).await;
    let told = until("a login that is overtaken twice", async || {
        let from = context(CURL, "NZ");
        let login = test.login_as(USER, "portcullis", &from).await;
        login.is_err().then_some(login)
    });
    let refused = told.await;
    rehashing.abort();
    assert!(
        matches!(refused, Err(login::Error::InvalidCredentials)),
        "{refused:?}"
    );
    let failed = events(&test, Action::LoginFailed).await;
    assert_eq!(failed.len(), 1);
    let event = &failed[0].event;
    assert_eq!(event.detail.as_deref(), Some("changed_meanwhile"));
    assert_eq!(event.country.as_deref(), Some("NZ"));
}

fn setting(key: &str, shown: &str, secret: Option<&str>) -> Setting {
    Setting {
        key: key.to_owned(),
        shown: shown.to_owned(),
        secret: secret.map(|secret| Zeroizing::new(secret.to_owned())),
    }
}

fn settings(window: &str, secret: &str) -> Vec<Setting> {
    vec![
        setting("issuer", "\"http://edge.test\"", None),
        setting("refresh.window", window, None),
        setting("edge.secret", "\"[redacted]\"", Some(secret)),
        setting("other.secret", "\"[redacted]\"", Some("hunter2")),
    ]
}

async fn changed_settings_are_told_by_key_and_secrets_without_their_value(test: TestApp) {
    let start = async |settings: &[Setting]| {
        settings_record::record(&test.app, settings).await.unwrap();
        events(&test, Action::SettingsChanged).await
    };
    assert!(
        start(&settings("30", "hunter1")).await.is_empty(),
        "nothing to compare with"
    );
    let changed = start(&settings("60", "hunter2")).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].event.actor, Actor::Service);
    assert_eq!(
        changed[0].event.detail.as_deref(),
        Some("edge.secret: secret changed; refresh.window: 30 -> 60")
    );
    test.clock.advance(1);
    let mut fewer = settings("60", "hunter2");
    fewer.remove(3);
    fewer.push(setting("audit.retention", "0", None));
    let changed = start(&fewer).await;
    assert_eq!(
        changed[0].event.detail.as_deref(),
        Some("audit.retention: none -> 0; other.secret: \"[redacted]\" -> none")
    );
}

async fn a_start_with_the_same_settings_tells_nothing(test: TestApp) {
    let replica = test.replica(crate::support::TestClock::new()).await;
    let (old, new) = (settings("30", "hunter1"), settings("60", "hunter2"));
    settings_record::record(&test.app, &old).await.unwrap();
    let starts = [&test, &replica, &test, &replica, &test]
        .map(|replica| settings_record::record(&replica.app, &new));
    let [first, second, third, fourth, fifth] = starts;
    let done = tokio::join!(first, second, third, fourth, fifth);
    for one in [done.0, done.1, done.2, done.3, done.4] {
        one.unwrap();
    }
    assert_eq!(events(&test, Action::SettingsChanged).await.len(), 1);
}
