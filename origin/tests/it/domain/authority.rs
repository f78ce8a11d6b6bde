//! In whose name users are administrated: whoever was put out or demoted a moment ago does nothing
//! more, whatever had let the request in.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{
        self, Authority, ChangeError, Changes, CreateError, DeleteError, IssueError, NewUser,
        Reason, StandingError,
    },
    audit::Actor,
    criteria::Written,
    plan::{count, run},
    store::ActiveFilter,
    user::{Roles, User},
};
use portcullis_shared::ids::UserId;
use tokio::sync::Barrier;

use crate::support::{ADMIN, CURL, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    a_banned_administrator_does_nothing_more,
    a_disabled_administrator_does_nothing_more,
    a_demoted_administrator_does_nothing_more,
    a_deleted_administrator_does_nothing_more,
    nobody_lifts_an_own_ban,
    of_two_administrators_who_ban_each_other_on_two_replicas_one_wins,
    an_own_ban_is_not_lifted_by_requests_that_race_it,
);

const OPERATOR: Authority = Authority::OPERATOR;

fn by(id: UserId) -> Authority {
    Authority {
        actor: Actor::User(id),
        from: context(CURL, "DE"),
    }
}

fn roles(words: &str) -> Changes {
    let roles: Roles = words
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    Changes {
        roles: Some(roles),
        ..Changes::default()
    }
}

/// Makes the user an administrator too: both are given.
async fn two_administrators(test: &TestApp) -> (User, User) {
    let ann = test.user(USER.0).await.id;
    admin::change_user(&test.app, OPERATOR, ann, roles("admin"))
        .await
        .unwrap();
    (test.user(ADMIN.0).await, test.user(USER.0).await)
}

async fn all(test: &TestApp) -> Vec<Option<User>> {
    let mut users = Vec::new();
    for name in [ADMIN.0, USER.0, "late"] {
        let name = name.parse().unwrap();
        users.push(test.app.store.user_by_name(&name).await.unwrap());
    }
    users
}

/// Tries everything in the name of `root`, over `root` and over another user.
async fn does_nothing(test: &TestApp, root: UserId, other: UserId) {
    let (app, before, trail) = (&test.app, all(test).await, test.trail().await.len());
    let by = by(root);
    let is_there = app.store.user(root).await.unwrap().is_some();
    for id in [root, other]
        .into_iter()
        .filter(|id| is_there || *id == other)
    {
        let standing = [
            admin::unban(app, by.clone(), id).await,
            admin::enable(app, by.clone(), id).await,
            admin::ban(app, by.clone(), id, Reason::default()).await,
            admin::disable(app, by.clone(), id).await,
        ];
        for done in standing {
            assert!(matches!(done, Err(StandingError::NotAdmin(_))), "{done:?}");
        }
        let done = admin::change_user(app, by.clone(), id, roles("admin")).await;
        assert!(matches!(done, Err(ChangeError::NotAdmin(_))), "{done:?}");
        let done = admin::issue_setup(app, by.clone(), id).await;
        assert!(matches!(done, Err(IssueError::NotAdmin(_))), "{done:?}");
        let done = admin::delete_user(app, by.clone(), id).await;
        assert!(matches!(done, Err(DeleteError::NotAdmin(_))), "{done:?}");
    }
    let new = NewUser {
        username: "late".parse().unwrap(),
        email: None,
        password: None,
        roles: ["admin".parse().unwrap()].into(),
        scopes: "".parse().unwrap(),
    };
    let done = admin::create_user(app, by.clone(), new).await;
    assert!(matches!(done, Err(CreateError::NotAdmin(_))), "{done:?}");
    assert_eq!(all(test).await, before);
    assert_eq!(test.trail().await.len(), trail);
    let criteria = Written {
        username: Some(USER.0.to_owned()),
        ..Written::default()
    };
    test.login().await;
    let counted = count::count(app, OPERATOR, criteria.parse().unwrap()).await;
    let plan = counted.unwrap().plan.id;
    let done = run::run(app, by.clone(), plan, None, |_| {}).await;
    assert!(matches!(done, Err(run::Error::NotAdmin(_))), "{done:?}");
    let filter = ActiveFilter {
        now: app.clock.now(),
        after: None,
        limit: 100,
    };
    let left = app.store.active_sessions(other, &filter).await;
    assert_eq!(left.unwrap().len(), 1);
}

async fn a_banned_administrator_does_nothing_more(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    admin::ban(&test.app, by(ann.id), root.id, Reason::default())
        .await
        .unwrap();
    does_nothing(&test, root.id, ann.id).await;
}

async fn a_disabled_administrator_does_nothing_more(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    admin::disable(&test.app, by(ann.id), root.id)
        .await
        .unwrap();
    does_nothing(&test, root.id, ann.id).await;
}

async fn a_demoted_administrator_does_nothing_more(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    admin::change_user(&test.app, by(ann.id), root.id, roles("editor"))
        .await
        .unwrap();
    does_nothing(&test, root.id, ann.id).await;
}

async fn a_deleted_administrator_does_nothing_more(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    admin::delete_user(&test.app, by(ann.id), root.id)
        .await
        .unwrap();
    does_nothing(&test, root.id, ann.id).await;
}

async fn nobody_lifts_an_own_ban(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    for id in [root.id, ann.id] {
        for done in [
            admin::unban(&test.app, by(id), id).await,
            admin::enable(&test.app, by(id), id).await,
        ] {
            assert!(matches!(done, Err(StandingError::Own)), "{done:?}");
        }
        for other in [root.id, ann.id].into_iter().filter(|other| *other != id) {
            admin::unban(&test.app, by(id), other).await.unwrap();
            admin::enable(&test.app, by(id), other).await.unwrap();
        }
    }
}

/// Two replicas of the service.
async fn replicas(test: TestApp) -> [Arc<TestApp>; 2] {
    let other = test.replica(TestClock::new()).await;
    [Arc::new(test), Arc::new(other)]
}

async fn of_two_administrators_who_ban_each_other_on_two_replicas_one_wins(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    let replicas = replicas(test).await;
    for _ in 0..20 {
        let start = Arc::new(Barrier::new(2));
        let mut banning = Vec::new();
        for (test, (own, other)) in replicas
            .iter()
            .cloned()
            .zip([(root.id, ann.id), (ann.id, root.id)])
        {
            let start = Arc::clone(&start);
            banning.push(tokio::spawn(async move {
                start.wait().await;
                admin::ban(&test.app, by(own), other, Reason::default()).await
            }));
        }
        let mut won = 0;
        for done in banning {
            match done.await.unwrap() {
                Ok(changed) => won += usize::from(changed.is_some()),
                Err(error) => assert!(matches!(error, StandingError::NotAdmin(_)), "{error:?}"),
            }
        }
        assert_eq!(won, 1);
        let test = &replicas[0];
        let active =
            [test.user(ADMIN.0).await, test.user(USER.0).await].map(|user| user.is_active());
        assert_ne!(active[0], active[1], "one is out, and one is left");
        for id in [root.id, ann.id] {
            admin::unban(&test.app, OPERATOR, id).await.unwrap();
        }
    }
}

/// Whatever the banned one has on its way, twenty times over, the ban stands.
async fn an_own_ban_is_not_lifted_by_requests_that_race_it(test: TestApp) {
    let (root, ann) = two_administrators(&test).await;
    let replicas = replicas(test).await;
    let start = Arc::new(Barrier::new(21));
    let mut racing = Vec::new();
    for (number, test) in (0..20).zip(replicas.iter().cycle().cloned()) {
        let start = Arc::clone(&start);
        racing.push(tokio::spawn(async move {
            start.wait().await;
            let (app, own) = (&test.app, by(root.id));
            match number % 4 {
                0 => drop(admin::unban(app, own.clone(), root.id).await),
                1 => drop(admin::enable(app, own.clone(), root.id).await),
                2 => drop(admin::change_user(app, own.clone(), root.id, roles("admin late")).await),
                _ => drop(admin::issue_setup(app, own.clone(), root.id).await),
            }
        }));
    }
    start.wait().await;
    admin::ban(&replicas[0].app, by(ann.id), root.id, Reason::default())
        .await
        .unwrap();
    for request in racing {
        request.await.unwrap();
    }
    let banned = replicas[0].user(ADMIN.0).await;
    assert!(!banned.is_active());
    assert_eq!(banned.setup, None, "no way back in");
}
