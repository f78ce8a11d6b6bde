//! Every action of the audit trail, provoked through its use case: who did it, to which user and
//! session, and from where. An action without a row does not compile.

mod acts;

use std::net::IpAddr;

use portcullis_origin::domain::{
    app::Registration,
    audit::{
        Action, Actor, Event,
        query::{EventId, Filter, Order, Query},
    },
    refresh::OnChange,
};
use portcullis_shared::ids::{SessionId, UserId};

use crate::support::{ADMIN, Engine, TestApp, USER, on_both_engines};
use acts::Scene;

on_both_engines!(every_action_tells_who_did_it_to_whom_and_from_where);

/// What an event says, beside the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    by: Actor,
    to: Option<UserId>,
    session: Option<SessionId>,
    from: Option<IpAddr>,
}

impl Told {
    /// That somebody did something to nobody, from nowhere.
    const fn by(by: Actor) -> Self {
        Self {
            by,
            to: None,
            session: None,
            from: None,
        }
    }

    const fn to(self, user: UserId) -> Self {
        Self {
            to: Some(user),
            ..self
        }
    }

    const fn session(self, id: SessionId) -> Self {
        Self {
            session: Some(id),
            ..self
        }
    }

    const fn from(self, ip: IpAddr) -> Self {
        Self {
            from: Some(ip),
            ..self
        }
    }
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        Self {
            by: event.actor,
            to: event.user_id,
            session: event.session_id,
            from: event.ip,
        }
    }
}

/// Has it happen; gives what the trail must say of it, the oldest first.
async fn provoke(action: Action, scene: &Scene) -> Vec<Told> {
    match action {
        Action::Login => scene.login().await,
        Action::RefreshReuse => scene.refresh_reuse().await,
        Action::RefreshAhead => scene.refresh_ahead().await,
        Action::RefreshFastForwarded => scene.refresh_fast_forwarded().await,
        Action::SessionEnded => scene.session_ended().await,
        Action::UserCreated => scene.user_created().await,
        Action::UserChanged => scene.user_changed().await,
        Action::UserBanned => scene.user_banned().await,
        Action::UserUnbanned => scene.user_unbanned().await,
        Action::PasswordChanged => scene.password_changed().await,
        Action::KeyAdded => scene.key_added().await,
        Action::KeyWithdrawn => scene.key_withdrawn().await,
        Action::LoginFailed => scene.login_failed().await,
        Action::LoginThrottled => scene.login_throttled().await,
        Action::SessionFlagged => scene.session_flagged().await,
        Action::SessionsRevoked => scene.sessions_revoked().await,
        Action::RevocationPlanned => scene.revocation_planned().await,
        Action::UserRegistered => scene.user_registered().await,
        Action::UserDisabled => scene.user_disabled().await,
        Action::UserEnabled => scene.user_enabled().await,
        Action::UserDeleted => scene.user_deleted().await,
        Action::SetupIssued => scene.setup_issued().await,
        Action::UsersImported => scene.users_imported().await,
        Action::UsersExported => scene.users_exported().await,
        Action::Restored => scene.restored().await,
        Action::SettingsChanged => scene.settings_changed().await,
        Action::ApiKeyCreated => scene.api_key_created().await,
        Action::ApiKeyRotated => scene.api_key_rotated().await,
        Action::ApiKeyRevoked => scene.api_key_revoked().await,
        Action::Unknown => unreachable!("nothing is stored under this name"),
    }
}

async fn events(test: &TestApp, actions: Vec<Action>, order: Order) -> Vec<(EventId, Event)> {
    let query = Query {
        filter: Filter {
            actions,
            ..Filter::default()
        },
        order,
        limit: 100,
    };
    let entries = test.app.store.audit(&query).await.unwrap();
    let pairs = entries.into_iter().map(|entry| (entry.id, entry.event));
    pairs.collect()
}

async fn every_action_tells_who_did_it_to_whom_and_from_where(engine: Engine) {
    // The last variant is the one that is not stored: all before it are in the list.
    let numbers = Action::ALL.map(|action| action as usize);
    assert!(numbers.into_iter().eq(0..Action::Unknown as usize));

    let test = TestApp::with(engine, |config| {
        let scopes = "api:read".parse().unwrap();
        let reserved = std::iter::empty().collect();
        config.registration = Registration::Open { scopes, reserved };
        config.refresh.moves.network = OnChange::Allow;
    })
    .await;
    let (user, admin) = (test.user(USER.0).await.id, test.user(ADMIN.0).await.id);
    let scene = Scene { test, user, admin };
    let test = &scene.test;
    for action in Action::ALL {
        test.clock.advance(60);
        let newest = events(test, vec![], Order::Newest { before: None }).await;
        let before = newest.first().unwrap().0;
        let expected = provoke(action, &scene).await;
        assert!(!expected.is_empty(), "{action:?} was not provoked");
        let told = events(test, vec![action], Order::Oldest { after: before }).await;
        let told: Vec<Told> = told.into_iter().map(|(_, event)| event.into()).collect();
        assert_eq!(told, expected, "{action:?}");
    }
}
