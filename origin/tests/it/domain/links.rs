//! Signed links: who may have what signed, and what ends them.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, Changes},
    audit::Actor,
    caller::{self, Caller},
    context::Context,
    links::{self, Error, Link, Permission, Wish},
    sessions,
    signing_keys::{self, Rotation},
};
use portcullis_shared::{
    link::{LinkMethod, LinkMethods, PARAMETER, Request, Times, Unverified},
    revocation::Kind,
    time::LEEWAY,
};
use tokio::task::JoinSet;

use crate::support::{ADMIN, CURL, Engine, TestApp, TestClock, USER, context, on_both_engines};

const OPERATOR: Authority = Authority::OPERATOR;
const WEEK: i64 = 7 * 86_400;

fn permission(path: &str, scopes: &str, max_lifetime: i64) -> Permission {
    Permission {
        base_url: "http://edge.test".to_owned(),
        host: "edge.test".to_owned(),
        path: path.parse().unwrap(),
        scopes: scopes.parse().unwrap(),
        max_lifetime,
    }
}

async fn app(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| {
        config.links = vec![
            permission("/images/*", "images:read", WEEK),
            permission("/images/private/*", "images:private", WEEK),
            permission("/images/short/*", "images:read", 60),
        ];
    })
    .await
}

fn wish(path: &str, lifetime: i64) -> Wish {
    Wish {
        targets: vec![path.parse().unwrap()],
        host: None,
        methods: LinkMethods::new(&[LinkMethod::Get]).unwrap(),
        lifetime,
        headers: None,
    }
}

async fn caller(test: &TestApp) -> Caller {
    let tokens = test.login().await;
    let caller = caller::authenticate(&test.app, &tokens.access_token).await;
    caller.unwrap()
}

async fn sign(
    test: &TestApp,
    caller: &Caller,
    path: &str,
    lifetime: i64,
) -> Result<(Link, Times), Error> {
    let (mut links, times) = links::sign(&test.app, caller, wish(path, lifetime)).await?;
    assert_eq!(links.len(), 1);
    Ok((links.remove(0), times))
}

async fn signed(test: &TestApp, caller: &Caller) -> Link {
    sign(test, caller, "/images/cat.png", WEEK).await.unwrap().0
}

/// Whether an edge lets a link to `/images/cat.png` pass that fetches keys and feed now: why not.
async fn refused(test: &TestApp, link: &Link) -> Option<String> {
    let edge = test.edge().await;
    let token = link
        .parameter
        .strip_prefix(&format!("{PARAMETER}="))
        .unwrap();
    let authentic = match Unverified::parse(token).unwrap().authenticate(&edge.keys) {
        Ok(authentic) => authentic,
        Err(refusal) => return Some(refusal.to_string()),
    };
    let request = Request {
        method: "GET",
        host: "edge.test",
        path: "/images/cat.png",
        query: None,
    };
    match authentic.verify("http://edge.test", &request, test.app.clock.now()) {
        Ok(verified) => edge
            .revocations
            .refuses_link(verified)
            .map(|kind| format!("{kind:?}")),
        Err(refusal) => Some(refusal.to_string()),
    }
}

on_both_engines!(
    whoever_has_the_scopes_may_sign_what_the_settings_permit,
    a_link_to_all_below_needs_what_every_part_of_it_needs,
    the_same_wish_gives_the_same_links_and_writes_nothing_for_a_while,
    a_ban_ends_links_for_good_and_later_ones_work_at_once,
    losing_a_scope_or_the_account_ends_links,
    no_logout_ends_a_link_however_many_sessions_end,
    whoever_was_banned_meanwhile_signs_nothing_that_works,
    a_ban_that_races_many_signings_leaves_no_working_link,
    a_key_stays_published_for_the_links_that_it_signed,
    a_withdrawn_key_ends_its_links,
);

#[tokio::test]
async fn nothing_is_signed_where_the_settings_say_nothing() {
    let test = TestApp::on(Engine::Sqlite).await;
    let caller = caller(&test).await;
    let refusal = sign(&test, &caller, "/images/cat.png", 60).await;
    assert!(
        matches!(refusal, Err(Error::NotPermitted(_))),
        "{refusal:?}"
    );
}

async fn whoever_has_the_scopes_may_sign_what_the_settings_permit(engine: Engine) {
    let test = app(engine).await;
    let caller = caller(&test).await;
    for path in ["/images/cat.png", "/images/7/*", "/images/cat.png?w=100"] {
        let (link, times) = sign(&test, &caller, path, 3600).await.unwrap();
        assert_eq!(link.url().is_some(), !path.ends_with('*'));
        assert!(times.exp <= test.app.clock.now().plus(3600));
    }
    assert_eq!(refused(&test, &signed(&test, &caller).await).await, None);
    // The longest path governs, and what is asked for must lie within it.
    for path in [
        "/images/private/cat.png",
        "/images/*",
        "/images",
        "/api/notes",
        "/*",
        "/Images/cat.png",
    ] {
        let refusal = sign(&test, &caller, path, 60).await;
        assert!(
            matches!(refusal, Err(Error::NotPermitted(_))),
            "{path} {refusal:?}"
        );
    }
    for (path, lifetime, most) in [
        ("/images/cat.png", WEEK + 1, WEEK),
        ("/images/cat.png", 9, WEEK),
        ("/images/short/cat.png", 61, 60),
    ] {
        let refusal = sign(&test, &caller, path, lifetime).await;
        assert!(
            matches!(refusal, Err(Error::Lifetime(max)) if max == most),
            "{refusal:?}"
        );
    }
    let elsewhere = Wish {
        host: Some("img.example".to_owned()),
        ..wish("/images/cat.png", 60)
    };
    let refusal = links::sign(&test.app, &caller, elsewhere).await;
    assert!(
        matches!(refusal, Err(Error::NotPermitted(_))),
        "{refusal:?}"
    );
    // An administrator has no scope of images here.
    let from = context(CURL, "DE");
    let tokens = test.login_as(ADMIN, "portcullis", &from).await.unwrap();
    let admin = caller::authenticate(&test.app, &tokens.access_token)
        .await
        .unwrap();
    let refusal = sign(&test, &admin, "/images/cat.png", 60).await;
    assert!(
        matches!(refusal, Err(Error::NotPermitted(_))),
        "{refusal:?}"
    );
}

async fn a_link_to_all_below_needs_what_every_part_of_it_needs(engine: Engine) {
    let test = TestApp::with(engine, |config| {
        config.links = vec![
            permission("/images/*", "images:read", WEEK),
            permission("/images/7/*", "images:private", WEEK),
            permission("/images/7/short/*", "images:read", 60),
            permission("/images/8/short/*", "images:read", 120),
            Permission {
                host: "elsewhere.test".to_owned(),
                ..permission("/images/9/*", "images:private", WEEK)
            },
        ];
    })
    .await;
    let without = caller(&test).await;
    for path in ["/images/*", "/images/7/*"] {
        let refusal = sign(&test, &without, path, 60).await;
        assert!(
            matches!(refusal, Err(Error::NotPermitted(_))),
            "{path} {refusal:?}"
        );
    }
    for path in ["/images/9/*", "/images/7/short/*", "/images/cat.png"] {
        sign(&test, &without, path, 60).await.unwrap();
    }
    let changes = Changes {
        scopes: Some("images:read images:private".parse().unwrap()),
        ..Changes::default()
    };
    admin::change_user(&test.app, OPERATOR, without.user.id, changes)
        .await
        .unwrap();
    let with = caller(&test).await;
    for (path, most) in [
        ("/images/*", 60),
        ("/images/7/*", 60),
        ("/images/8/*", 120),
        ("/images/9/*", WEEK),
    ] {
        sign(&test, &with, path, most).await.unwrap();
        let refusal = sign(&test, &with, path, most + 1).await;
        assert!(
            matches!(refusal, Err(Error::Lifetime(max)) if max == most),
            "{path} {refusal:?}"
        );
    }
}

async fn the_same_wish_gives_the_same_links_and_writes_nothing_for_a_while(engine: Engine) {
    let test = app(engine).await;
    let first = caller(&test).await;
    let link = signed(&test, &first).await;
    let user = test.user(USER.0).await;
    assert_eq!(user.links.last_exp.since(user.links.last_iat), WEEK);
    // From another session as well, until the day is over.
    test.clock.advance(86_399);
    let second = caller(&test).await;
    assert_eq!(signed(&test, &second).await, link);
    assert_eq!(test.user(USER.0).await, user);
    test.clock.advance(1);
    let third = caller(&test).await;
    assert_ne!(signed(&test, &third).await, link);
    assert_eq!(refused(&test, &link).await, None);
    // A shorter one leaves what is known of the longer.
    let links = test.user(USER.0).await.links;
    sign(&test, &third, "/images/cat.png", 60).await.unwrap();
    assert_eq!(test.user(USER.0).await.links.last_exp, links.last_exp);
}

async fn a_ban_ends_links_for_good_and_later_ones_work_at_once(engine: Engine) {
    let test = app(engine).await;
    let before = caller(&test).await;
    let old = signed(&test, &before).await;
    let user = test.user(USER.0).await;
    admin::ban(&test.app, OPERATOR, user.id, "spam".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(refused(&test, &old).await.as_deref(), Some("User"));
    admin::unban(&test.app, OPERATOR, user.id).await.unwrap();
    // In the very second of the ban, and in the same period.
    let after = caller(&test).await;
    let new = signed(&test, &after).await;
    assert_ne!(new, old);
    assert_eq!(refused(&test, &new).await, None);
    assert_eq!(refused(&test, &old).await.as_deref(), Some("User"));
    assert_eq!(signed(&test, &after).await, new, "still the same one");
    // Other revocations make the feed drop what is over; the ban's entry is not, for all the week.
    for day in 1..8 {
        test.clock.advance(86_400);
        let one = test.login().await;
        let caller = caller::authenticate(&test.app, &one.access_token)
            .await
            .unwrap();
        sessions::logout(&test.app, &caller, &Context::default())
            .await
            .unwrap();
        test.app
            .store
            .remove_revocations(test.app.clock.now(), 100)
            .await
            .unwrap();
        assert_eq!(
            refused(&test, &old).await.as_deref(),
            Some("User"),
            "day {day}"
        );
    }
    test.clock.advance(LEEWAY);
    assert_eq!(refused(&test, &old).await.as_deref(), Some("expired"));
}

async fn losing_a_scope_or_the_account_ends_links(engine: Engine) {
    let test = app(engine).await;
    let signer = caller(&test).await;
    let link = signed(&test, &signer).await;
    let changes = Changes {
        scopes: Some("api:read".parse().unwrap()),
        ..Changes::default()
    };
    admin::change_user(&test.app, OPERATOR, signer.user.id, changes)
        .await
        .unwrap();
    assert_eq!(refused(&test, &link).await.as_deref(), Some("User"));
    let signer = caller(&test).await;
    let refusal = sign(&test, &signer, "/images/cat.png", 60).await;
    assert!(
        matches!(refusal, Err(Error::NotPermitted(_))),
        "{refusal:?}"
    );
    let changes = Changes {
        scopes: Some("images:read".parse().unwrap()),
        ..Changes::default()
    };
    admin::change_user(&test.app, OPERATOR, signer.user.id, changes)
        .await
        .unwrap();
    let signer = caller(&test).await;
    let link = signed(&test, &signer).await;
    assert_eq!(refused(&test, &link).await, None);
    admin::delete_user(&test.app, OPERATOR, signer.user.id)
        .await
        .unwrap();
    test.clock.advance(86_400);
    test.app
        .store
        .remove_revocations(test.app.clock.now(), 100)
        .await
        .unwrap();
    assert_eq!(refused(&test, &link).await.as_deref(), Some("User"));
}

async fn no_logout_ends_a_link_however_many_sessions_end(engine: Engine) {
    let test = app(engine).await;
    for _ in 0..39 {
        test.login().await;
    }
    let caller = caller(&test).await;
    let link = signed(&test, &caller).await;
    let before = test.edge().await.revocations.len();
    sessions::logout_all(&test.app, &caller, &Context::default())
        .await
        .unwrap();
    assert_eq!(test.edge().await.revocations.len() - before, 40);
    assert_eq!(refused(&test, &link).await, None);
    test.clock.advance(3 * 86_400);
    assert_eq!(refused(&test, &link).await, None);
}

async fn whoever_was_banned_meanwhile_signs_nothing_that_works(engine: Engine) {
    let test = app(engine).await;
    let let_in = caller(&test).await;
    let known = signed(&test, &let_in).await;
    let let_in_again = caller(&test).await;
    let user = test.user(USER.0).await;
    admin::ban(&test.app, OPERATOR, user.id, "spam".parse().unwrap())
        .await
        .unwrap();
    // What needs the user's row is refused there; what does not is what has been signed already.
    let refusal = sign(&test, &let_in, "/images/cat.png", WEEK).await;
    assert!(matches!(refusal, Err(Error::SessionOver)), "{refusal:?}");
    assert_eq!(signed(&test, &let_in_again).await, known);
    assert_eq!(refused(&test, &known).await.as_deref(), Some("User"));
    // After the unban the access token of before is none either.
    admin::unban(&test.app, OPERATOR, user.id).await.unwrap();
    let refusal = sign(&test, &let_in, "/images/cat.png", WEEK).await;
    assert!(matches!(refusal, Err(Error::SessionOver)), "{refusal:?}");
}

async fn a_ban_that_races_many_signings_leaves_no_working_link(engine: Engine) {
    let test = app(engine).await;
    let test = Arc::new(test);
    race(&test, &[Arc::clone(&test)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_reaches_links_signed_by_a_replica_whose_clock_is_off() {
    for ahead in [3, -3] {
        let test = Arc::new(app(Engine::Postgres).await);
        let clock = TestClock::new();
        clock.advance(ahead);
        let other = Arc::new(test.replica(clock).await);
        race(&test, &[Arc::clone(&test), other]).await;
    }
}

/// Signs with lifetimes of which no two are rounded alike, while the user is banned.
async fn race(test: &Arc<TestApp>, replicas: &[Arc<TestApp>]) {
    let caller = caller(test).await;
    let mut signing = JoinSet::new();
    for number in 0..40 {
        let replica = Arc::clone(&replicas[number % replicas.len()]);
        let signer = caller.clone();
        let lifetime = 10 + i64::try_from(number).unwrap();
        signing.spawn(async move { sign(&replica, &signer, "/images/cat.png", lifetime).await });
        if number == 20 {
            let test = Arc::clone(test);
            let id = caller.user.id;
            tokio::spawn(async move {
                admin::ban(&test.app, OPERATOR, id, "spam".parse().unwrap())
                    .await
                    .unwrap();
            })
            .await
            .unwrap();
        }
    }
    let mut made = 0;
    for result in signing.join_all().await {
        match result {
            Ok((link, _)) => {
                made += 1;
                let reason = refused(test, &link).await;
                assert_eq!(reason.as_deref(), Some("User"));
            }
            Err(Error::SessionOver) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(made < 40, "the ban came too late to race anything");
}

async fn a_key_stays_published_for_the_links_that_it_signed(engine: Engine) {
    let test = app(engine).await;
    let link = signed(&test, &caller(&test).await).await;
    let expiry = test.user(USER.0).await.links.last_exp;
    signing_keys::rotate(&test.app, Rotation::Scheduled, Actor::Operator)
        .await
        .unwrap();
    test.clock
        .advance(expiry.since(test.app.clock.now()) + LEEWAY - 1);
    assert_eq!(refused(&test, &link).await, None);
    let first = test.app.signing.public(&test.app).await.unwrap().keys.len();
    assert_eq!(first, 2);
    test.clock.advance(86_400);
    assert_eq!(
        test.app.signing.public(&test.app).await.unwrap().keys.len(),
        1
    );
}

async fn a_withdrawn_key_ends_its_links(engine: Engine) {
    let test = app(engine).await;
    let link = signed(&test, &caller(&test).await).await;
    let held = test.edge().await;
    signing_keys::rotate(&test.app, Rotation::Withdraw, Actor::Operator)
        .await
        .unwrap();
    let token = link.parameter.strip_prefix("portcullis_link=").unwrap();
    // An edge that holds the old key set for as long as it may.
    let authentic = Unverified::parse(token)
        .unwrap()
        .authenticate(&held.keys)
        .unwrap();
    for days in 0..7 {
        let request = Request {
            method: "GET",
            host: "edge.test",
            path: "/images/cat.png",
            query: None,
        };
        let now = test.app.clock.now();
        let verified = authentic.verify("http://edge.test", &request, now).unwrap();
        test.app.store.remove_revocations(now, 100).await.unwrap();
        let refusal = test.edge().await.revocations.refuses_link(verified);
        assert_eq!(refusal, Some(Kind::SigningKey), "after {days} days");
        test.clock.advance(86_399);
    }
}
