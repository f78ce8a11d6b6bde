//! People who sign up.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, NewUser},
    app::Registration,
    login, registration,
};
use tokio::task::JoinSet;

use super::{OPERATOR, here, password};
use crate::support::{TestApp, on_both_engines};

const NEW: &str = "a brand new password";

on_both_engines!(
    nobody_signs_up_where_registration_is_closed,
    who_signs_up_has_the_scopes_of_the_settings_and_no_role,
    of_many_who_sign_up_under_names_that_look_alike_one_does,
    any_form_of_the_name_logs_in,
    nobody_signs_up_under_a_reserved_name_or_one_that_looks_like_it,
);

fn sign_up(name: &str) -> registration::Request {
    registration::Request {
        username: name.parse().unwrap(),
        email: Some("new@example.org".parse().unwrap()),
        password: password(NEW),
    }
}

async fn nobody_signs_up_where_registration_is_closed(test: TestApp) {
    let refused = registration::register(&test.app, sign_up("new"), &here()).await;
    assert!(
        matches!(refused, Err(registration::Error::Closed)),
        "{refused:?}"
    );
    let none = test.app.store.user_by_name(&"new".parse().unwrap()).await;
    assert_eq!(none.unwrap(), None);
}

async fn open(test: &TestApp) -> TestApp {
    let registration = Registration::Open {
        scopes: "api:read".parse().unwrap(),
        reserved: ["admin", "support"]
            .map(|name| name.parse().unwrap())
            .into_iter()
            .collect(),
    };
    test.restarted(|config| config.registration = registration)
        .await
}

async fn who_signs_up_has_the_scopes_of_the_settings_and_no_role(test: TestApp) {
    let test = open(&test).await;
    let user = registration::register(&test.app, sign_up("Žofie"), &here())
        .await
        .unwrap();
    assert_eq!(test.user("žofie").await, user);
    assert!(user.roles.is_empty());
    let tokens = test.login_as(("ŽOFIE", NEW), "portcullis", &here()).await;
    assert_eq!(tokens.unwrap().scope.to_string(), "api:read");
    for (name, text) in [
        ("newcomer", "NewComer"),
        ("x", "NEW@example.org"),
        ("y", "12345678"),
    ] {
        let request = registration::Request {
            password: password(text),
            ..sign_up(name)
        };
        let refused = registration::register(&test.app, request, &here()).await;
        assert!(
            matches!(refused, Err(registration::Error::Password(_))),
            "{refused:?}"
        );
    }
    let taken = registration::register(&test.app, sign_up("ANN"), &here()).await;
    assert!(
        matches!(taken, Err(registration::Error::NameTaken)),
        "{taken:?}"
    );
}

async fn of_many_who_sign_up_under_names_that_look_alike_one_does(test: TestApp) {
    let test = Arc::new(open(&test).await);
    let mut signing_up = JoinSet::new();
    for number in 0..12 {
        let test = Arc::clone(&test);
        let name = ["mary", "rnary", "MARY"][number % 3];
        signing_up.spawn(async move {
            match registration::register(&test.app, sign_up(name), &here()).await {
                Ok(_) => true,
                Err(registration::Error::NameTaken) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let one = signing_up.join_all().await.into_iter().filter(|done| *done);
    assert_eq!(one.count(), 1);
}

async fn any_form_of_the_name_logs_in(test: TestApp) {
    let test = open(&test).await;
    registration::register(&test.app, sign_up("José.Weiß"), &here())
        .await
        .unwrap();
    for name in ["josé.weiß", "JOSÉ.WEISS", "Jose\u{301}.Weiß", "ｊosé.weiß"] {
        let tokens = test.login_as((name, NEW), "portcullis", &here()).await;
        assert!(tokens.is_ok(), "{name}: {tokens:?}");
    }
    for name in ["jose.weiß", "josé.weiß ", "jоsé.weiß"] {
        let refused = test.login_as((name, NEW), "portcullis", &here()).await;
        assert!(
            matches!(refused, Err(login::Error::InvalidCredentials)),
            "{name}: {refused:?}"
        );
    }
}

async fn nobody_signs_up_under_a_reserved_name_or_one_that_looks_like_it(test: TestApp) {
    let test = open(&test).await;
    for name in ["admin", "ADMIN", "adrnin", "ａdmin", "support", "supp0rt"] {
        let hashes = test.app.hasher.computed();
        let refused = registration::register(&test.app, sign_up(name), &here()).await;
        assert!(
            matches!(refused, Err(registration::Error::NameTaken)),
            "{name}: {refused:?}"
        );
        assert_eq!(test.app.hasher.computed(), hashes, "{name}");
    }
    for name in ["admins", "s.upport"] {
        registration::register(&test.app, sign_up(name), &here())
            .await
            .unwrap();
    }
    // Administrators give such names to whom they like.
    let new = NewUser {
        username: "support".parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: "".parse().unwrap(),
    };
    admin::create_user(&test.app, OPERATOR, new).await.unwrap();
}
