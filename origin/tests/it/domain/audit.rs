//! What the audit trail gets: logins that failed, settings that changed.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, NewUser},
    audit::{
        Action, Actor,
        query::{Entry, Filter, Order, Query},
    },
    login,
    password::Password,
    session::Session,
    settings_record::{self, Setting},
    store::UserChange,
    user::User,
};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::support::{CURL, TestApp, USER, context, on_both_engines, until};

on_both_engines!(
    a_failed_login_is_recorded_with_its_reason_and_without_what_was_typed,
    a_login_that_is_overtaken_twice_by_other_hashes_is_recorded,
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
    let operator = Authority {
        actor: Actor::Operator,
        ip: None,
    };
    let new = NewUser {
        username: "new".parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: "".parse().unwrap(),
    };
    admin::create_user(&test.app, operator, new).await.unwrap();
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
            admin::ban(&test.app, operator, ann, why).await.unwrap();
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
