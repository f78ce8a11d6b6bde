//! API keys: what they give, and what ends it.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, Changes, CreatedKey, NewKey, Overlap},
    api_key::{
        KeyState, StoredApiKey,
        exchange::{self, Cause, Exchanged},
    },
    audit::Actor,
    caller::{self, Bearer},
    context::Context,
    introspect,
    master_key::MasterKeys,
    session::Session,
    store::{Seq, UserChange},
    user::User,
};
use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    ids::UserId,
    scope::ScopeSet,
    time::UnixSeconds,
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{ADMIN, Engine, TestApp, TestClock, USER, on_both_engines};

on_both_engines!(
    a_key_gives_a_token_of_its_owner,
    a_key_gives_no_more_than_its_owner_may_do,
    a_token_can_be_asked_to_do_less,
    a_bad_key_is_refused_and_its_cause_known_here_alone,
    a_text_that_is_no_key_gets_no_further_than_its_checksum,
    a_token_lives_no_longer_than_its_key,
    a_revoked_key_is_over_everywhere,
    a_key_that_was_never_used_needs_no_entry,
    a_rotated_key_goes_on_for_the_overlap_and_no_longer,
    a_key_without_an_overlap_is_over_at_once,
    a_key_is_rotated_once,
    putting_the_owner_out_ends_what_the_key_gave,
    taking_a_scope_away_reaches_the_tokens_of_keys,
    a_revocation_that_races_fifty_exchanges_leaves_no_working_token,
    a_ban_that_races_fifty_exchanges_leaves_no_working_token,
    a_key_s_token_says_who_calls_and_opens_no_session,
    no_key_is_made_for_the_administration,
    who_is_no_administrator_any_more_does_nothing_with_keys,
    a_user_has_a_thousand_keys_and_no_more,
    a_key_is_hashed_with_the_newest_master_key_when_it_is_used,
);

const OPERATOR: Authority = Authority::OPERATOR;

fn new(test: &TestApp, owner: UserId) -> NewKey {
    NewKey {
        owner,
        name: "deploy".parse().unwrap(),
        client_id: None,
        scopes: "api:read api:write".parse().unwrap(),
        expires_at: Some(test.app.clock.now().plus(90 * 86_400)),
    }
}

async fn create(test: &TestApp) -> CreatedKey {
    let owner = test.user(USER.0).await.id;
    let made = admin::create_api_key(&test.app, OPERATOR, new(test, owner)).await;
    made.unwrap().unwrap()
}

async fn exchange(test: &TestApp, key: &ApiKey) -> Result<Exchanged, exchange::Error> {
    exchange_text(test, &key.expose(), None).await
}

async fn exchange_text(
    test: &TestApp,
    key: &str,
    scope: Option<ScopeSet>,
) -> Result<Exchanged, exchange::Error> {
    let request = exchange::Request {
        key,
        client: None,
        scope,
    };
    exchange::exchange(&test.app, request).await
}

fn cause(result: Result<Exchanged, exchange::Error>) -> Cause {
    match result {
        Err(error @ exchange::Error::InvalidGrant(cause)) => {
            assert_eq!(error.to_string(), "the API key is not valid");
            cause
        }
        other => panic!("{other:?}"),
    }
}

async fn revoke(test: &TestApp, key: &ApiKey) -> Seq {
    let revoked = admin::revoke_api_key(&test.app, OPERATOR, key.id()).await;
    revoked.unwrap().unwrap().seq
}

async fn a_key_gives_a_token_of_its_owner(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    test.clock.advance(60);
    let given = exchange(&test, &key).await.unwrap();
    assert_eq!((given.expires_in, &given.scope), (600, &stored.scopes));
    assert!(test.passes(&given.access_token).await);
    let claims = test.claims(&given.access_token).await;
    assert_eq!(claims.sub, test.user(USER.0).await.id.to_string());
    assert_eq!(claims.client_id, key.id().to_string());
    assert_eq!((claims.sid, claims.roles), (None, vec![]));
    assert_eq!(claims.scope, given.scope);
    assert_eq!(claims.aud.members(), ["api", "images"]);
    let (after, _) = test.app.store.api_key(key.id()).await.unwrap().unwrap();
    let now = test.app.clock.now();
    assert_eq!(after.last_used_at, Some(now));
    assert_eq!((after.last_iat, after.last_exp), (claims.iat, claims.exp));
    assert_eq!(after.state(now), KeyState::Active);
    // It is not spent.
    assert!(exchange(&test, &key).await.is_ok());
}

async fn a_key_gives_no_more_than_its_owner_may_do(test: TestApp) {
    let owner = test.user(ADMIN.0).await.id;
    let wide = NewKey {
        scopes: "api:read api:write images:read".parse().unwrap(),
        ..new(&test, owner)
    };
    let made = admin::create_api_key(&test.app, OPERATOR, wide).await;
    let key = made.unwrap().unwrap().key;
    let given = exchange(&test, &key).await.unwrap();
    assert_eq!(given.scope.to_string(), "api:read");
    // The owner is an administrator; the key is none.
    let claims = test.claims(&given.access_token).await;
    assert_eq!(claims.roles, Vec::<String>::new());
}

async fn a_token_can_be_asked_to_do_less(test: TestApp) {
    let key = create(&test).await.key.expose();
    let ask = |scope: &str| exchange_text(&test, &key, Some(scope.parse().unwrap()));
    let less = ask("api:read").await.unwrap();
    assert_eq!(less.scope.to_string(), "api:read");
    let more = ask("images:read").await;
    assert!(matches!(more, Err(exchange::Error::InvalidScope)));
}

async fn a_bad_key_is_refused_and_its_cause_known_here_alone(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    let unknown = ApiKey::new(ApiKeyId::from_bytes([1; 16]), *key.secret());
    assert_eq!(cause(exchange(&test, &unknown).await), Cause::Unknown);
    let guessed = ApiKey::new(key.id(), [9; 32]);
    assert_eq!(cause(exchange(&test, &guessed).await), Cause::Unknown);
    let asking = test.app.config.client("other");
    let request = exchange::Request {
        key: &key.expose(),
        client: asking,
        scope: None,
    };
    let other = exchange::exchange(&test.app, request).await;
    assert_eq!(cause(other), Cause::Client);
    let restarted = test.restarted(|config| config.clients.clear()).await;
    assert_eq!(cause(exchange(&restarted, &key).await), Cause::Client);
    let owner = stored.user_id;
    admin::disable(&test.app, OPERATOR, owner).await.unwrap();
    assert_eq!(cause(exchange(&test, &key).await), Cause::Owner);
    admin::enable(&test.app, OPERATOR, owner).await.unwrap();
    assert!(exchange(&test, &key).await.is_ok());
    test.clock.advance(90 * 86_400);
    assert_eq!(cause(exchange(&test, &key).await), Cause::Expired);
    revoke(&test, &key).await;
    assert_eq!(cause(exchange(&test, &key).await), Cause::Revoked);
    admin::delete_user(&test.app, OPERATOR, owner)
        .await
        .unwrap();
    assert_eq!(cause(exchange(&test, &key).await), Cause::Unknown);
}

async fn a_text_that_is_no_key_gets_no_further_than_its_checksum(test: TestApp) {
    let key = create(&test).await.key.expose();
    // Nobody answers any more, so whoever asks the database learns it.
    test.app.store.close().await;
    let typo = format!("{}a", key.get(..key.len() - 1).unwrap());
    for text in ["", "pak_", "prt_AAAA", &key.to_uppercase(), &typo] {
        let refused = exchange_text(&test, text, None).await;
        assert_eq!(cause(refused), Cause::Malformed, "{text}");
    }
    let asked = exchange_text(&test, &key, None).await;
    assert!(matches!(asked, Err(exchange::Error::Store(_))), "{asked:?}");
}

async fn a_token_lives_no_longer_than_its_key(test: TestApp) {
    let key = create(&test).await.key;
    test.clock.advance(90 * 86_400 - 100);
    let given = exchange(&test, &key).await.unwrap();
    assert_eq!(given.expires_in, 100);
    test.clock.advance(99);
    assert_eq!(exchange(&test, &key).await.unwrap().expires_in, 1);
    test.clock.advance(1);
    assert_eq!(cause(exchange(&test, &key).await), Cause::Expired);
}

async fn a_revoked_key_is_over_everywhere(test: TestApp) {
    let (CreatedKey { key, .. }, other) = (create(&test).await, create(&test).await.key);
    let given = exchange(&test, &key).await.unwrap();
    let others = exchange(&test, &other).await.unwrap();
    let session = test.login().await;
    test.clock.advance(300);
    let seq = revoke(&test, &key).await;
    let edge = test.edge().await;
    assert!(edge.revocations.seq() >= seq.0);
    assert!(!edge.passes(&given.access_token, &test));
    assert!(edge.passes(&others.access_token, &test));
    assert!(edge.passes(&session.access_token, &test));
    assert_eq!(cause(exchange(&test, &key).await), Cause::Revoked);
    // Once more changes nothing, and answers a seq with which it is in force.
    assert!(revoke(&test, &key).await >= seq);
    assert_eq!(
        test.trail().await.last().unwrap(),
        &format!("api_key_revoked by operator to ann: {}", key.id())
    );
    // The entry stays until the last token has expired, and goes then.
    test.clock.advance(299);
    assert!(!test.passes(&given.access_token).await);
    let entries = test.app.store.feed(Seq(0)).await.unwrap().records;
    let last_exp = test.claims_of_key(&key).await;
    assert!(entries.iter().all(|entry| entry.drop_at > last_exp));
}

impl TestApp {
    async fn claims_of_key(&self, key: &ApiKey) -> UnixSeconds {
        let found = self.app.store.api_key(key.id()).await.unwrap();
        found.unwrap().0.last_exp
    }
}

async fn a_key_that_was_never_used_needs_no_entry(test: TestApp) {
    let (unused, used) = (create(&test).await.key, create(&test).await.key);
    exchange(&test, &used).await.unwrap();
    test.clock.advance(3600);
    let before = test.edge().await.revocations.len();
    revoke(&test, &unused).await;
    revoke(&test, &used).await;
    assert_eq!(test.edge().await.revocations.len(), before);
}

async fn a_rotated_key_goes_on_for_the_overlap_and_no_longer(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    test.clock.advance(86_400);
    let overlap = Overlap::new(3600).unwrap();
    let rotated = admin::rotate_api_key(&test.app, OPERATOR, key.id(), overlap).await;
    let rotated = rotated.unwrap().unwrap();
    let (next, now) = (&rotated.created, test.app.clock.now());
    assert_ne!(next.key.id(), key.id());
    assert_eq!(
        (&next.stored.scopes, &next.stored.client_id),
        (&stored.scopes, &stored.client_id)
    );
    assert_eq!(
        (next.stored.user_id, &next.stored.name),
        (stored.user_id, &stored.name)
    );
    assert_eq!(next.stored.expires_at, Some(now.plus(90 * 86_400)));
    assert_eq!(rotated.old.expires_at, Some(now.plus(3600)));
    assert_eq!(rotated.old.state(now), KeyState::Replaced);
    test.clock.advance(3500);
    assert_eq!(exchange(&test, &key).await.unwrap().expires_in, 100);
    assert!(exchange(&test, &next.key).await.is_ok());
    test.clock.advance(100);
    assert_eq!(cause(exchange(&test, &key).await), Cause::Expired);
    assert!(exchange(&test, &next.key).await.is_ok());
}

async fn a_key_without_an_overlap_is_over_at_once(test: TestApp) {
    let key = create(&test).await.key;
    let given = exchange(&test, &key).await.unwrap();
    let overlap = Overlap::new(0).unwrap();
    let rotated = admin::rotate_api_key(&test.app, OPERATOR, key.id(), overlap).await;
    let rotated = rotated.unwrap().unwrap();
    assert!(test.edge().await.revocations.seq() >= rotated.seq.0);
    assert!(!test.passes(&given.access_token).await);
    assert_eq!(cause(exchange(&test, &key).await), Cause::Revoked);
    let next = exchange(&test, &rotated.created.key).await.unwrap();
    assert!(test.passes(&next.access_token).await);
}

async fn a_key_is_rotated_once(test: TestApp) {
    let key = create(&test).await.key;
    let overlap = Overlap::new(60).unwrap();
    let rotate = |key: &ApiKey| admin::rotate_api_key(&test.app, OPERATOR, key.id(), overlap);
    rotate(&key).await.unwrap().unwrap();
    let again = rotate(&key).await;
    assert!(matches!(again, Err(admin::RotateKeyError::Replaced)));
    test.clock.advance(60);
    let over = rotate(&key).await;
    assert!(matches!(over, Err(admin::RotateKeyError::Over)));
    let nobodys = ApiKey::new(ApiKeyId::from_bytes([1; 16]), [1; 32]);
    assert!(rotate(&nobodys).await.unwrap().is_none());
    assert!(Overlap::new(-1).is_err() && Overlap::new(admin::OVERLAP_LIMIT + 1).is_err());
}

async fn putting_the_owner_out_ends_what_the_key_gave(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    let owner = stored.user_id;
    let old = exchange(&test, &key).await.unwrap();
    let banned = admin::ban(&test.app, OPERATOR, owner, "spam".parse().unwrap()).await;
    assert!(test.edge().await.revocations.seq() >= banned.unwrap().unwrap().seq.0);
    assert!(!test.passes(&old.access_token).await);
    admin::unban(&test.app, OPERATOR, owner).await.unwrap();
    // In the very second of the ban: later tokens are told apart all the same.
    let new = exchange(&test, &key).await.unwrap();
    assert!(test.passes(&new.access_token).await);
    assert!(!test.passes(&old.access_token).await);
    admin::delete_user(&test.app, OPERATOR, owner)
        .await
        .unwrap();
    assert!(!test.passes(&new.access_token).await);
}

async fn taking_a_scope_away_reaches_the_tokens_of_keys(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    let old = exchange(&test, &key).await.unwrap();
    let changes = Changes {
        scopes: Some("api:read".parse().unwrap()),
        ..Changes::default()
    };
    let done = admin::change_user(&test.app, OPERATOR, stored.user_id, changes).await;
    done.unwrap().unwrap();
    assert!(!test.passes(&old.access_token).await);
    let new = exchange(&test, &key).await.unwrap();
    assert_eq!(new.scope.to_string(), "api:read");
    assert!(test.passes(&new.access_token).await);
}

/// How a key's tokens are ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Revocation,
    Ban,
}

/// Lets exchanges on the replicas given race the end of a key or of its owner; the first ends it.
async fn race(end: End, replicas: Vec<Arc<TestApp>>) {
    let first = Arc::clone(&replicas[0]);
    let CreatedKey { key, stored, .. } = create(&first).await;
    let start = Arc::new(Barrier::new(51));
    let mut tasks = JoinSet::new();
    for index in 0..50 {
        let test = Arc::clone(&replicas[index % replicas.len()]);
        let (start, key) = (Arc::clone(&start), key.clone());
        tasks.spawn(async move {
            start.wait().await;
            let mut given = Vec::new();
            // Several each, so that some come before the end and some after.
            for _ in 0..3 {
                match exchange(&test, &key).await {
                    Ok(exchanged) => given.push(exchanged),
                    Err(exchange::Error::InvalidGrant(Cause::Revoked | Cause::Owner)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            given
        });
    }
    start.wait().await;
    let seq = match end {
        End::Revocation => revoke(&first, &key).await,
        End::Ban => {
            let reason = admin::Reason::default();
            let banned = admin::ban(&first.app, OPERATOR, stored.user_id, reason).await;
            banned.unwrap().unwrap().seq
        }
    };
    let given: Vec<Exchanged> = tasks.join_all().await.into_iter().flatten().collect();
    for test in &replicas {
        let edge = test.edge().await;
        assert!(edge.revocations.seq() >= seq.0);
        for exchanged in &given {
            let survives = edge.passes(&exchanged.access_token, test);
            assert!(!survives, "a token survived: {end:?}");
        }
        assert!(exchange(test, &key).await.is_err());
    }
}

async fn a_revocation_that_races_fifty_exchanges_leaves_no_working_token(test: TestApp) {
    race(End::Revocation, vec![Arc::new(test)]).await;
}

async fn a_ban_that_races_fifty_exchanges_leaves_no_working_token(test: TestApp) {
    race(End::Ban, vec![Arc::new(test)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_reaches_tokens_given_by_a_replica_whose_clock_is_ahead() {
    for (end, ahead) in [(End::Ban, 3), (End::Ban, -3), (End::Revocation, 3)] {
        let test = TestApp::on(Engine::Postgres).await;
        let clock = TestClock::new();
        clock.advance(ahead);
        let other = test.replica(clock).await;
        race(end, vec![Arc::new(test), Arc::new(other)]).await;
    }
}

#[tokio::test]
async fn a_ban_covers_what_a_replica_gave_whose_clock_was_ahead() {
    let test = TestApp::on(Engine::Postgres).await;
    let CreatedKey { key, stored, .. } = create(&test).await;
    let clock = TestClock::new();
    clock.advance(3);
    let other = test.replica(clock).await;
    let given = exchange(&other, &key).await.unwrap();
    let iat = other.claims(&given.access_token).await.iat;
    assert!(iat > test.app.clock.now());
    let reason = admin::Reason::default();
    let banned = admin::ban(&test.app, OPERATOR, stored.user_id, reason).await;
    assert!(banned.unwrap().unwrap().user.not_before >= iat);
    assert!(!other.passes(&given.access_token).await);
}

async fn a_key_s_token_says_who_calls_and_opens_no_session(test: TestApp) {
    let CreatedKey { key, .. } = create(&test).await;
    let token = exchange(&test, &key).await.unwrap().access_token;
    let Ok(Bearer::ApiKey(caller)) = caller::identify(&test.app, &token).await else {
        panic!("it is a key's");
    };
    assert_eq!(
        (caller.owner.username.as_str(), caller.key.id),
        (USER.0, key.id())
    );
    let session = caller::authenticate(&test.app, &token).await;
    assert!(matches!(session, Err(caller::Error::NoSession)));
    let worth = || introspect::introspect(&test.app, &token);
    let active = worth().await.unwrap().unwrap();
    assert_eq!(
        (active.sid, active.client_id, active.username.as_str()),
        (None, key.id().to_string(), USER.0)
    );
    revoke(&test, &key).await;
    assert_eq!(worth().await.unwrap(), None);
    let refused = caller::authenticate(&test.app, &token).await;
    assert!(matches!(refused, Err(caller::Error::InvalidToken)));
}

async fn no_key_is_made_for_the_administration(test: TestApp) {
    let owner = test.user(ADMIN.0).await.id;
    for client in ["portcullis-admin", "nobody"] {
        let new = NewKey {
            client_id: Some(client.to_owned()),
            ..new(&test, owner)
        };
        let refused = admin::create_api_key(&test.app, OPERATOR, new).await;
        assert!(matches!(refused, Err(admin::CreateKeyError::NoSuchClient)));
    }
    for expires_at in [0, UnixSeconds::MAX.0 + 1, test.app.clock.now().0] {
        let new = NewKey {
            expires_at: Some(UnixSeconds(expires_at)),
            ..new(&test, owner)
        };
        let refused = admin::create_api_key(&test.app, OPERATOR, new).await;
        assert!(matches!(refused, Err(admin::CreateKeyError::InvalidExpiry)));
    }
}

async fn who_is_no_administrator_any_more_does_nothing_with_keys(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    let admin = test.user(ADMIN.0).await.id;
    admin::disable(&test.app, OPERATOR, admin).await.unwrap();
    let authority = || Authority {
        actor: Actor::User(admin),
        from: Context::default(),
    };
    let created = admin::create_api_key(&test.app, authority(), new(&test, stored.user_id)).await;
    assert!(matches!(created, Err(admin::CreateKeyError::NotAdmin(_))));
    let overlap = Overlap::new(60).unwrap();
    let rotated = admin::rotate_api_key(&test.app, authority(), key.id(), overlap).await;
    assert!(matches!(rotated, Err(admin::RotateKeyError::NotAdmin(_))));
    let revoked = admin::revoke_api_key(&test.app, authority(), key.id()).await;
    assert!(matches!(revoked, Err(admin::RevokeKeyError::NotAdmin(_))));
    let (after, _) = test.app.store.api_key(key.id()).await.unwrap().unwrap();
    assert_eq!(after, stored);
}

async fn a_user_has_a_thousand_keys_and_no_more(test: TestApp) {
    let CreatedKey { key, stored, .. } = create(&test).await;
    let owner = stored.user_id;
    let others = (1..admin::KEYS_LIMIT).map(|number| {
        let mut id = *stored.id.as_bytes();
        id[..8].copy_from_slice(&number.to_be_bytes());
        StoredApiKey {
            id: ApiKeyId::from_bytes(id),
            ..stored.clone()
        }
    });
    let keys: Vec<StoredApiKey> = others.collect();
    let decide = move |_: &User, _: &[Session]| UserChange {
        api_keys: keys,
        ..UserChange::default()
    };
    let now = test.app.now();
    let put = test.app.store.change_user(owner, now, Box::new(decide));
    assert!(put.await.unwrap().is_some());
    let full = admin::create_api_key(&test.app, OPERATOR, new(&test, owner)).await;
    assert!(matches!(full, Err(admin::CreateKeyError::TooManyKeys(_))));
    let overlap = Overlap::new(60).unwrap();
    let rotated = admin::rotate_api_key(&test.app, OPERATOR, key.id(), overlap).await;
    assert!(matches!(
        rotated,
        Err(admin::RotateKeyError::TooManyKeys(_))
    ));
    // One that is over makes room.
    revoke(&test, &key).await;
    create(&test).await;
}

async fn a_key_is_hashed_with_the_newest_master_key_when_it_is_used(test: TestApp) {
    let key = create(&test).await.key;
    let (old, new) = ("A".repeat(43), format!("{}E", "B".repeat(42)));
    let with = async |file: String| {
        let mut replica = test.restarted(|_| {}).await;
        let app = Arc::get_mut(&mut replica.app).unwrap();
        app.master = MasterKeys::parse(&file).unwrap();
        replica
    };
    let number = async || {
        let found = test.app.store.api_key(key.id()).await.unwrap();
        found.unwrap().0.hash.master_key
    };
    let both = with(format!("2 {new}\n1 {old}")).await;
    assert_eq!(number().await, 1);
    let given = exchange(&both, &key).await;
    // Its signing key is sealed with a master key that both know.
    assert!(given.is_ok(), "{given:?}");
    assert_eq!(number().await, 2);
    assert!(exchange(&both, &key).await.is_ok());
    // Whoever has the old master key alone does not know the key any more.
    assert_eq!(cause(exchange(&test, &key).await), Cause::Unknown);
}
