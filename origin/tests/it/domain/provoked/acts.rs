//! What provokes each action, in the order in which they are listed. Each is given a scene in
//! which user and administrator are active, and leaves it so.

use std::net::IpAddr;

use portcullis_origin::domain::{
    admin::{self, Authority, Changes, NewKey, NewUser, Overlap},
    audit::Actor,
    caller::{self, Caller},
    change_password::{self, Passwords},
    context::Context,
    criteria::Criteria,
    mint::TokenSet,
    password::Password,
    plan, registration, restored, revoke,
    session::{
        Session,
        cap::{AtCap, Cap},
    },
    sessions,
    settings_record::{self, Setting},
    setup,
    signing_keys::{self, Rotation},
    store::SessionChange,
    transfer::{
        export::Export,
        import::{Import, Mode},
    },
};
use portcullis_origin::settings::throttle::Throttle;
use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{SessionId, UserId},
};

use super::Told;
use crate::support::{CURL, TestApp, USER, context};

/// Where the user is.
const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
/// Where somebody else is.
const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));
/// Where nobody has been.
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));
/// Where the administrator is.
const OFFICE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// How long sessions follow newer tokens after a backup was put back, in seconds.
const FOLLOW: i64 = 600;

pub(super) struct Scene {
    pub(super) test: TestApp,
    pub(super) user: UserId,
    pub(super) admin: UserId,
}

fn at(ip: IpAddr) -> Context {
    Context {
        ip: Some(ip),
        ..context(CURL, "DE")
    }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

impl Scene {
    /// As the administrator.
    fn authority(&self) -> Authority {
        Authority {
            actor: Actor::User(self.admin),
            from: at(OFFICE),
        }
    }

    /// That the administrator did something to the user.
    fn by_admin(&self) -> Told {
        Told::by(Actor::User(self.admin)).to(self.user).from(OFFICE)
    }

    /// That the user did something with a session.
    fn by_user(&self, session: SessionId) -> Told {
        let by = Told::by(Actor::User(self.user));
        by.to(self.user).session(session).from(HOME)
    }

    /// That whoever holds its token did something with a session.
    fn by_bearer(&self, session: SessionId, from: IpAddr) -> Told {
        let by = Told::by(Actor::Bearer).to(self.user);
        by.session(session).from(from)
    }

    async fn open(&self) -> (TokenSet, SessionId) {
        let opened = self.test.login_as(USER, "portcullis", &at(HOME)).await;
        let tokens = opened.unwrap();
        let id = self.test.session_of(&tokens).await.id;
        (tokens, id)
    }

    async fn caller(&self, tokens: &TokenSet) -> Caller {
        let caller = caller::authenticate(&self.test.app, &tokens.access_token);
        caller.await.unwrap()
    }

    async fn next(&self, tokens: &TokenSet) -> TokenSet {
        let (token, from) = (tokens.refresh_token.expose(), at(HOME));
        self.test.refresh_from(token, &from).await.unwrap()
    }

    /// A session whose client is ahead of it by this token, as after a backup was put back.
    async fn behind(&self) -> (TokenSet, SessionId) {
        let (first, id) = self.open().await;
        let row = self.test.session(id).await;
        let newest = self.next(&self.next(&first).await).await;
        let put_back = move |_: &Session, _: &_| SessionChange {
            session: Some(row.clone()),
            ..SessionChange::default()
        };
        let now = self.test.app.now();
        let put = self
            .test
            .app
            .store
            .change_session(id, now, Box::new(put_back));
        put.await.unwrap().unwrap();
        (newest, id)
    }

    async fn new_user(&self, name: &str) -> UserId {
        let new = NewUser {
            username: name.parse().unwrap(),
            email: None,
            password: None,
            roles: [].into(),
            scopes: "".parse().unwrap(),
        };
        let created = admin::create_user(&self.test.app, self.authority(), new).await;
        created.unwrap().user.id
    }

    pub(super) async fn login(&self) -> Vec<Told> {
        let (_, id) = self.open().await;
        vec![self.by_user(id)]
    }

    pub(super) async fn refresh_reuse(&self) -> Vec<Told> {
        let (first, id) = self.open().await;
        self.next(&self.next(&first).await).await;
        let stolen = first.refresh_token.expose();
        let refused = self.test.refresh_from(stolen, &at(AWAY)).await;
        assert!(refused.is_err());
        vec![self.by_bearer(id, AWAY)]
    }

    pub(super) async fn refresh_ahead(&self) -> Vec<Told> {
        let (newest, id) = self.behind().await;
        let token = newest.refresh_token.expose();
        let refused = self.test.refresh_from(token, &at(AWAY)).await;
        assert!(refused.is_err());
        vec![self.by_bearer(id, AWAY)]
    }

    pub(super) async fn refresh_fast_forwarded(&self) -> Vec<Told> {
        let (newest, id) = self.behind().await;
        let said = restored::restored(&self.test.app, FOLLOW, Actor::Operator);
        said.await.unwrap();
        self.next(&newest).await;
        self.test.clock.advance(FOLLOW + 1);
        vec![self.by_bearer(id, HOME)]
    }

    /// By its user, by who holds its token, for a login, and by a rule.
    pub(super) async fn session_ended(&self) -> Vec<Told> {
        let app = &self.test.app;
        let (tokens, left) = self.open().await;
        let caller = self.caller(&tokens).await;
        let done = sessions::logout(app, &caller, &at(HOME)).await;
        assert!(done.unwrap().is_some());

        let (tokens, revoked) = self.open().await;
        let client = app.config.client("portcullis").unwrap();
        let token = tokens.refresh_token.expose();
        let done = revoke::revoke(app, client, token, &at(AWAY)).await;
        assert!(done.unwrap().is_some());

        let (tokens, _) = self.open().await;
        let caller = self.caller(&tokens).await;
        sessions::logout_all(app, &caller, &at(HOME)).await.unwrap();

        let (_, evicted) = self.open().await;
        let narrow = self.test.restarted(|config| {
            config.session_cap = Cap {
                max: 1,
                at_cap: AtCap::Evict,
            };
        });
        let narrow = narrow.await;
        let second = narrow.login_as(USER, "portcullis", &at(AWAY)).await;
        second.unwrap();

        vec![
            self.by_user(left),
            self.by_bearer(revoked, AWAY),
            Told::by(Actor::User(self.user)).to(self.user).from(HOME),
            Told::by(Actor::Service)
                .to(self.user)
                .session(evicted)
                .from(AWAY),
        ]
    }

    /// By an administrator, and by an import that gives a role.
    pub(super) async fn user_created(&self) -> Vec<Told> {
        let created = self.new_user("created").await;
        self.import(r#"{"username":"importedadmin","roles":["admin"]}"#)
            .await;
        let imported = self.test.user("importedadmin").await.id;
        vec![
            self.by_admin().to(created),
            Told::by(Actor::Operator).to(imported),
        ]
    }

    pub(super) async fn user_changed(&self) -> Vec<Told> {
        let changes = Changes {
            scopes: Some("api:read".parse().unwrap()),
            ..Changes::default()
        };
        let done = admin::change_user(&self.test.app, self.authority(), self.user, changes);
        done.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    pub(super) async fn user_banned(&self) -> Vec<Told> {
        let reason = "spam".parse().unwrap();
        let banned = admin::ban(&self.test.app, self.authority(), self.user, reason);
        banned.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    /// Comes after the ban.
    pub(super) async fn user_unbanned(&self) -> Vec<Told> {
        let unbanned = admin::unban(&self.test.app, self.authority(), self.user);
        unbanned.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    /// With the old one, with a setup token, and from the command line.
    pub(super) async fn password_changed(&self) -> Vec<Told> {
        let app = &self.test.app;
        let (tokens, kept) = self.open().await;
        let passwords = Passwords {
            current: password(USER.1),
            new: password("another good password"),
        };
        let caller = self.caller(&tokens).await;
        let changed = change_password::change_password(app, &caller, passwords, &at(HOME)).await;
        changed.unwrap();

        let link = admin::issue_setup(app, self.authority(), self.user).await;
        let token = link.unwrap().unwrap().token;
        let chosen = setup::complete(app, &token, password("one good password"), &at(AWAY)).await;
        chosen.unwrap();

        let user = self.test.user(USER.0).await;
        let set = setup::set_password(app, &user, password(USER.1), Actor::Operator);
        set.await.unwrap().unwrap();
        vec![
            self.by_user(kept),
            Told::by(Actor::Bearer).to(self.user).from(AWAY),
            Told::by(Actor::Operator).to(self.user),
        ]
    }

    /// By itself in time, and from the command line.
    pub(super) async fn key_added(&self) -> Vec<Told> {
        let app = &self.test.app;
        self.test.clock.advance(app.config.key_rotate_every);
        signing_keys::ensure(app).await.unwrap();
        let rotated = signing_keys::rotate(app, Rotation::Scheduled, Actor::Operator);
        rotated.await.unwrap();
        vec![Told::by(Actor::Service), Told::by(Actor::Operator)]
    }

    pub(super) async fn key_withdrawn(&self) -> Vec<Told> {
        let app = &self.test.app;
        let keys = app.store.signing_keys().await.unwrap();
        let in_force = keys.iter().filter(|key| key.withdrawn_at.is_none()).count();
        let rotated = signing_keys::rotate(app, Rotation::Withdraw, Actor::Operator);
        rotated.await.unwrap();
        vec![Told::by(Actor::Operator); in_force]
    }

    /// By nobody known, by somebody who may not log in, and in a session.
    pub(super) async fn login_failed(&self) -> Vec<Told> {
        let app = &self.test.app;
        let try_in = async |name: &str, word: &str| {
            let refused = self
                .test
                .login_as((name, word), "portcullis", &at(AWAY))
                .await;
            assert!(refused.is_err());
        };
        try_in(USER.0, "wrong").await;
        try_in("nobody", "wrong").await;
        let (tokens, session) = self.open().await;
        let caller = self.caller(&tokens).await;
        let passwords = Passwords {
            current: password("wrong"),
            new: password("another good password"),
        };
        let refused = change_password::change_password(app, &caller, passwords, &at(HOME)).await;
        assert!(refused.is_err());
        self.user_banned().await;
        try_in(USER.0, USER.1).await;
        self.user_unbanned().await;
        let wrong = Told::by(Actor::Service);
        vec![
            wrong.to(self.user).from(AWAY),
            wrong.from(AWAY),
            wrong.to(self.user).session(session).from(HOME),
            Told::by(Actor::User(self.user)).to(self.user).from(AWAY),
        ]
    }

    /// For an account, and for registrations.
    pub(super) async fn login_throttled(&self) -> Vec<Told> {
        let strict = self.test.restarted(|config| {
            config.throttle = Throttle {
                account_attempts: 1,
                registration_attempts: 1,
                ..Throttle::default()
            }
            .rules();
        });
        let strict = strict.await;
        for _ in 0..3 {
            let tried = strict
                .login_as((USER.0, "wrong"), "portcullis", &at(ELSEWHERE))
                .await;
            assert!(tried.is_err());
            let request = registration::Request {
                username: USER.0.parse().unwrap(),
                email: None,
                password: password("one good password"),
            };
            let tried = registration::register(&strict.app, request, &at(ELSEWHERE)).await;
            assert!(tried.is_err());
        }
        let by = Told::by(Actor::Service);
        vec![by.to(self.user).from(ELSEWHERE), by.from(ELSEWHERE)]
    }

    pub(super) async fn session_flagged(&self) -> Vec<Told> {
        let (tokens, id) = self.open().await;
        let from = Context {
            country: Some("FR".to_owned()),
            ..at(AWAY)
        };
        let token = tokens.refresh_token.expose();
        self.test.refresh_from(token, &from).await.unwrap();
        vec![self.by_bearer(id, AWAY)]
    }

    /// The run, and each user.
    pub(super) async fn sessions_revoked(&self) -> Vec<Told> {
        let app = &self.test.app;
        self.open().await;
        let counted = plan::count::count(app, self.authority(), Criteria::default()).await;
        let id = counted.unwrap().plan.id;
        let done = plan::run::run(app, self.authority(), id, None, |_| {}).await;
        assert!(done.unwrap().plan.is_done());
        let run = Told::by(Actor::User(self.admin)).from(OFFICE);
        vec![run, self.by_admin()]
    }

    pub(super) async fn revocation_planned(&self) -> Vec<Told> {
        let criteria = Criteria::default();
        let counted = plan::count::count(&self.test.app, self.authority(), criteria);
        counted.await.unwrap();
        vec![Told::by(Actor::User(self.admin)).from(OFFICE)]
    }

    pub(super) async fn user_registered(&self) -> Vec<Told> {
        let request = registration::Request {
            username: "registered".parse().unwrap(),
            email: None,
            password: password("one good password"),
        };
        let user = registration::register(&self.test.app, request, &at(HOME)).await;
        let id = user.unwrap().id;
        vec![Told::by(Actor::User(id)).to(id).from(HOME)]
    }

    pub(super) async fn user_disabled(&self) -> Vec<Told> {
        let disabled = admin::disable(&self.test.app, self.authority(), self.user);
        disabled.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    /// Comes after the user was disabled.
    pub(super) async fn user_enabled(&self) -> Vec<Told> {
        let enabled = admin::enable(&self.test.app, self.authority(), self.user);
        enabled.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    pub(super) async fn user_deleted(&self) -> Vec<Told> {
        let id = self.new_user("deleted").await;
        let deleted = admin::delete_user(&self.test.app, self.authority(), id);
        deleted.await.unwrap().unwrap();
        vec![self.by_admin().to(id)]
    }

    pub(super) async fn setup_issued(&self) -> Vec<Told> {
        let issued = admin::issue_setup(&self.test.app, self.authority(), self.user);
        issued.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    async fn import(&self, line: &str) {
        let mut import = Import::new(&self.test.app, Mode::Write, Actor::Operator);
        import.take(1, Ok(line)).await.unwrap();
        assert_eq!(import.finish().await.unwrap().added, 1);
    }

    pub(super) async fn users_imported(&self) -> Vec<Told> {
        self.import(r#"{"username":"imported"}"#).await;
        vec![Told::by(Actor::Operator)]
    }

    pub(super) async fn users_exported(&self) -> Vec<Told> {
        let begun = Export::begin(&self.test.app, Actor::Operator).await;
        begun.unwrap();
        vec![Told::by(Actor::Operator)]
    }

    pub(super) async fn restored(&self) -> Vec<Told> {
        let said = restored::restored(&self.test.app, FOLLOW, Actor::Operator);
        said.await.unwrap();
        vec![Told::by(Actor::Operator)]
    }

    /// The first start has nothing to compare with.
    pub(super) async fn settings_changed(&self) -> Vec<Told> {
        for shown in ["30", "60"] {
            let setting = Setting {
                key: "refresh.window".to_owned(),
                shown: shown.to_owned(),
                secret: None,
            };
            let recorded = settings_record::record(&self.test.app, &[setting]).await;
            recorded.unwrap();
        }
        vec![Told::by(Actor::Service)]
    }

    async fn new_key(&self) -> ApiKeyId {
        let new = NewKey {
            owner: self.user,
            name: "key".parse().unwrap(),
            client_id: None,
            scopes: "api:read".parse().unwrap(),
            expires_at: None,
        };
        let created = admin::create_api_key(&self.test.app, self.authority(), new).await;
        created.unwrap().unwrap().key.id()
    }

    pub(super) async fn api_key_created(&self) -> Vec<Told> {
        self.new_key().await;
        vec![self.by_admin()]
    }

    pub(super) async fn api_key_rotated(&self) -> Vec<Told> {
        let (id, overlap) = (self.new_key().await, Overlap::new(60).unwrap());
        let rotated = admin::rotate_api_key(&self.test.app, self.authority(), id, overlap);
        rotated.await.unwrap().unwrap();
        vec![self.by_admin()]
    }

    pub(super) async fn api_key_revoked(&self) -> Vec<Told> {
        let id = self.new_key().await;
        let revoked = admin::revoke_api_key(&self.test.app, self.authority(), id);
        revoked.await.unwrap().unwrap();
        vec![self.by_admin()]
    }
}
