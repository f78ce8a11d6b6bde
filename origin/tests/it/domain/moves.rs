//! Refreshes from elsewhere: what the rules of the settings make of them, and what is kept.

use portcullis_origin::domain::{
    audit::{
        Action,
        query::{Filter, Order, Query},
    },
    context::Context,
    mint::TokenSet,
    refresh::{self, MoveRules, OnChange},
    session::{EndReason, Flag, Flags},
};

use crate::support::{CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    another_country_is_flagged_once_per_change_and_nobody_is_logged_out,
    a_phone_that_changes_networks_and_addresses_stays_logged_in_unflagged,
    a_rotation_from_where_the_rules_forbid_ends_the_session,
    a_replay_from_where_the_rules_forbid_ends_the_session,
    a_late_retry_from_where_the_rules_forbid_ends_the_session,
    a_refresh_keeps_where_the_session_began_and_where_it_was_last_seen,
);

async fn ruled(test: &TestApp, rules: MoveRules) -> TestApp {
    test.restarted(|config| config.refresh.moves = rules).await
}

fn from(ip: &str, country: &str) -> Context {
    Context {
        ip: Some(ip.parse().unwrap()),
        ..context(CURL, country)
    }
}

async fn login(test: &TestApp, from: &Context) -> TokenSet {
    test.login_as(USER, "portcullis", from).await.unwrap()
}

/// What the audit trail says of an action, the oldest first.
async fn told(test: &TestApp, action: Action) -> Vec<String> {
    let query = Query {
        filter: Filter {
            actions: vec![action],
            ..Filter::default()
        },
        order: Order::Newest { before: None },
        limit: 100,
    };
    let entries = test.app.store.audit(&query).await.unwrap();
    let details = entries.into_iter().rev().map(|entry| entry.event.detail);
    details.map(Option::unwrap).collect()
}

/// Refreshes, and gives the new token.
async fn refreshed(test: &TestApp, tokens: &TokenSet, from: &Context) -> TokenSet {
    test.refresh_from(tokens.refresh_token.expose(), from)
        .await
        .unwrap()
}

async fn check_moved(test: &TestApp, tokens: &TokenSet, used: &TokenSet, from: &Context) {
    let before = test.edge().await.revocations.seq();
    let refused = test.refresh_from(used.refresh_token.expose(), from).await;
    assert!(
        matches!(refused, Err(refresh::Error::InvalidGrant)),
        "{refused:?}"
    );
    let session = test.session_of(tokens).await;
    assert_eq!(session.end_reason(), Some(EndReason::Moved));
    assert!(test.edge().await.revocations.seq() > before);
    assert!(!test.passes(&tokens.access_token).await);
    let home = test.refresh(tokens.refresh_token.expose()).await;
    assert!(matches!(home, Err(refresh::Error::InvalidGrant)));
    assert!(told(test, Action::RefreshReuse).await.is_empty());
}

async fn another_country_is_flagged_once_per_change_and_nobody_is_logged_out(test: TestApp) {
    let (home, away) = (from("192.0.2.1", "DE"), from("198.51.100.9", "FR"));
    let mut tokens = login(&test, &home).await;
    for place in [&home, &away, &away, &home] {
        test.clock.advance(60);
        tokens = refreshed(&test, &tokens, place).await;
    }
    let session = test.session_of(&tokens).await;
    assert_eq!(session.flags, Flags::NONE.with(Flag::Country));
    assert_eq!(
        told(&test, Action::SessionFlagged).await,
        ["country from DE to FR", "country from FR to DE"]
    );
    assert!(told(&test, Action::SessionEnded).await.is_empty());
}

async fn a_phone_that_changes_networks_and_addresses_stays_logged_in_unflagged(test: TestApp) {
    let mut tokens = login(&test, &from("192.0.2.1", "DE")).await;
    for ip in [
        "198.51.100.9",
        "2001:db8:1:2:aaaa::1",
        "2001:db8:1:2:bbbb::2",
        "203.0.113.1",
    ] {
        test.clock.advance(60);
        tokens = refreshed(&test, &tokens, &from(ip, "DE")).await;
    }
    // Strict rules see the same in a home's two kinds of addresses.
    let strict = MoveRules {
        network: OnChange::End,
        ..MoveRules::default()
    };
    let test = ruled(&test, strict).await;
    let mut tokens = login(&test, &from("192.0.2.1", "DE")).await;
    for ip in [
        "2001:db8:1:2:aaaa::1",
        "192.0.2.9",
        "2001:db8:1:3:bbbb::2",
        "192.0.2.1",
    ] {
        test.clock.advance(60);
        tokens = refreshed(&test, &tokens, &from(ip, "DE")).await;
    }
    assert!(test.session_of(&tokens).await.flags.is_empty());
    assert!(told(&test, Action::SessionFlagged).await.is_empty());
}

fn ends() -> MoveRules {
    MoveRules {
        country: OnChange::End,
        network: OnChange::End,
        user_agent: OnChange::End,
        ..MoveRules::default()
    }
}

async fn a_rotation_from_where_the_rules_forbid_ends_the_session(test: TestApp) {
    let test = ruled(&test, ends()).await;
    let home = from("192.0.2.1", "DE");
    for (place, detail) in [
        (from("192.0.2.1", "FR"), "moved: country from DE to FR"),
        (
            from("198.51.100.9", "DE"),
            "moved: address from 192.0.2.1 to 198.51.100.9",
        ),
        (
            context("okhttp/4.12", "DE"),
            "moved: program from `curl` to `okhttp`",
        ),
    ] {
        let tokens = login(&test, &home).await;
        check_moved(&test, &tokens, &tokens, &place).await;
        let told = told(&test, Action::SessionEnded).await;
        assert_eq!(told.last().map(String::as_str), Some(detail));
    }
}

async fn a_replay_from_where_the_rules_forbid_ends_the_session(test: TestApp) {
    let test = ruled(&test, ends()).await;
    let first = login(&test, &from("192.0.2.1", "DE")).await;
    let second = refreshed(&test, &first, &from("192.0.2.1", "DE")).await;
    test.clock.advance(5);
    check_moved(&test, &second, &first, &from("192.0.2.1", "FR")).await;
}

async fn a_late_retry_from_where_the_rules_forbid_ends_the_session(test: TestApp) {
    let test = ruled(&test, ends()).await;
    let first = login(&test, &from("192.0.2.1", "DE")).await;
    let lost = refreshed(&test, &first, &from("192.0.2.1", "DE")).await;
    test.clock.advance(31);
    check_moved(&test, &lost, &first, &from("198.51.100.9", "DE")).await;
}

async fn a_refresh_keeps_where_the_session_began_and_where_it_was_last_seen(test: TestApp) {
    let (home, away) = (from("192.0.2.1", "DE"), from("2001:db8::9", "CH"));
    let tokens = login(&test, &home).await;
    let opened = test.session_of(&tokens).await;
    assert_eq!((&opened.opened_from, &opened.last_from), (&home, &home));
    assert_eq!(opened.device.as_deref(), Some("curl"));
    test.clock.advance(600);
    refreshed(&test, &tokens, &away).await;
    let used = test.session_of(&tokens).await;
    assert_eq!((&used.opened_from, &used.last_from), (&home, &away));
    assert_eq!(used.created_at, opened.created_at);
    assert_eq!(used.last_used_at, opened.created_at.plus(600));
}
