//! Sessions found by criteria.

use portcullis_origin::domain::{
    context::Context,
    criteria::{SessionFilter, State, Written},
    session::{EndReason, Ended, Session},
    store::Store as _,
    user::User,
};
use portcullis_shared::ids::SessionId;

use super::{
    bench::Bench,
    samples::{NOW, session, session_id, user, user_id},
};

#[expect(
    clippy::unnecessary_wraps,
    reason = "every text of criteria is optional"
)]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn filter(criteria: &Written) -> SessionFilter {
    SessionFilter::active(criteria.parse().unwrap(), NOW, 100)
}

async fn found(bench: &Bench, criteria: Written) -> Vec<u8> {
    let filter = filter(&criteria);
    let sessions = bench.store.sessions(&filter).await.unwrap();
    let ids = sessions.iter().map(|(session, _)| session.id);
    let numbers: Vec<u8> = ids.clone().map(|id| id.as_bytes()[0]).collect();
    let matching = bench.store.matching_sessions(&filter).await.unwrap();
    let matching: Vec<SessionId> = matching.iter().map(|planned| planned.session_id).collect();
    assert_eq!(matching, ids.collect::<Vec<_>>());
    numbers
}

fn placed(number: u8, owner: u8, ip: &str, country: &str, agent: &str) -> Session {
    Session {
        last_from: Context {
            ip: Some(ip.parse().unwrap()),
            country: text(country),
            user_agent: text(agent),
        },
        ..session(number, user_id(owner))
    }
}

/// Three sessions that differ in everything, and one that says nothing of itself.
async fn fill(bench: &Bench) {
    let roles = |owner: User, roles: &[&str]| User {
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        ..owner
    };
    let ann = roles(user(1, "ann"), &["admin_x", "editor"]);
    let bob = roles(user(2, "ann_"), &["admin", "re-editor"]);
    for owner in [ann, bob, user(3, "carol")] {
        bench.add_user(&owner).await;
    }
    let one = Session {
        device: text("Ann's 100% téléphone"),
        ..placed(1, 1, "192.0.2.255", "DE", "Mozilla/5.0 Chrome/120_X")
    };
    let two = Session {
        client_id: "other".to_owned(),
        device: text("laptop"),
        created_at: NOW.plus(-20),
        last_used_at: NOW.plus(7),
        ..placed(2, 2, "192.0.3.0", "ED", "Mozilla/5.0 chrome/120-x")
    };
    let three = Session {
        device: text("ÄPFEL 1000"),
        ..placed(3, 3, "2001:db8::7", "FR", "CURL/8 \\")
    };
    let silent = Session {
        device: None,
        last_from: Context::default(),
        ..session(4, user_id(3))
    };
    for session in [three, silent, one, two] {
        bench.add_session(&session).await;
    }
}

pub(super) async fn each_criterion_finds_what_meets_it_and_nothing_else(bench: &Bench) {
    fill(bench).await;
    let none = Written::default;
    let countries = |codes: &[&str]| Written {
        countries: codes.iter().map(|&code| code.to_owned()).collect(),
        ..none()
    };
    let agent = |part: &str| Written {
        user_agent: text(part),
        ..none()
    };
    let device = |part: &str| Written {
        device: text(part),
        ..none()
    };
    let network = |network: &str| Written {
        network: text(network),
        ..none()
    };
    let role = |role: &str| Written {
        role: text(role),
        ..none()
    };
    let times = |after: [Option<i64>; 2], before: [Option<i64>; 2]| Written {
        created_after: after[0].map(|offset| NOW.0 + offset),
        created_before: before[0].map(|offset| NOW.0 + offset),
        last_used_after: after[1].map(|offset| NOW.0 + offset),
        last_used_before: before[1].map(|offset| NOW.0 + offset),
        ..none()
    };
    let name = |name: &str| Written {
        username: text(name),
        ..none()
    };
    let id = |number| Written {
        user_id: Some(user_id(number).to_string()),
        ..none()
    };
    let client = |client: &str| Written {
        client_id: text(client),
        ..none()
    };
    for (criteria, expected) in [
        (none(), &[1, 2, 3, 4][..]),
        (id(3), &[3, 4]),
        (id(9), &[]),
        (name("ann"), &[1]),
        (name("ANN_"), &[2]),
        (name("nobody"), &[]),
        (role("admin"), &[2]),
        (role("editor"), &[1]),
        (role("admin_x"), &[1]),
        (role("Admin"), &[]),
        (client("other"), &[2]),
        (client("othe"), &[]),
        (countries(&["DE"]), &[1]),
        (countries(&["fr", "DE", "XX"]), &[1, 3]),
        (countries(&["XX"]), &[]),
        (network("192.0.2.0/24"), &[1]),
        (network("192.0.2.0/23"), &[1, 2]),
        (network("192.0.3.0"), &[2]),
        (network("0.0.0.0/0"), &[1, 2]),
        (network("2001:db8::/32"), &[3]),
        (agent("chrome/120"), &[1, 2]),
        (agent("120_x"), &[1]),
        (agent("%"), &[]),
        (agent("\\"), &[3]),
        (agent("Curl"), &[3]),
        (device("100%"), &[1]),
        (device("TéLéP"), &[1]),
        // Letters beyond ASCII are found as they are.
        (device("TÉL"), &[]),
        (device("äpfel"), &[]),
        (device("Äpfel"), &[3]),
        (times([Some(-20), None], [None, None]), &[2]),
        (times([None, None], [Some(-20), None]), &[1, 3, 4]),
        (times([None, Some(7)], [None, None]), &[2]),
        (times([None, None], [None, Some(7)]), &[1, 3, 4]),
        (
            times([Some(-50), Some(5)], [Some(-49), Some(6)]),
            &[1, 3, 4],
        ),
    ] {
        assert_eq!(
            found(bench, criteria.clone()).await,
            expected,
            "{criteria:?}"
        );
    }
}

pub(super) async fn criteria_must_all_be_met(bench: &Bench) {
    fill(bench).await;
    let both = |country: &str, role: &str| Written {
        countries: vec![country.to_owned()],
        role: text(role),
        ..Written::default()
    };
    assert_eq!(found(bench, both("DE", "editor")).await, [1]);
    assert!(found(bench, both("DE", "admin")).await.is_empty());
}

pub(super) async fn sessions_are_found_by_whether_they_are_over(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let sample = |number| session(number, user_id(1));
    let expired = |number| Session {
        idle_expires_at: NOW,
        last_exp: NOW,
        ..sample(number)
    };
    let all = [
        sample(1),
        expired(2),
        // Its access token is still good.
        Session {
            last_exp: NOW.plus(1),
            ..expired(3)
        },
        Session {
            idle_expires_at: NOW.plus(9),
            absolute_expires_at: NOW,
            last_exp: NOW,
            ..sample(4)
        },
        Session {
            ended: Some(Ended {
                reason: EndReason::Logout,
                at: NOW,
            }),
            ..sample(5)
        },
    ];
    for session in &all {
        bench.add_session(session).await;
    }
    for (state, expected) in [
        (State::Active, &[1, 3][..]),
        (State::Over, &[2, 4, 5]),
        (State::Any, &[1, 2, 3, 4, 5]),
    ] {
        let filter = SessionFilter {
            state,
            ..filter(&Written::default())
        };
        let found = bench.store.sessions(&filter).await.unwrap();
        let numbers: Vec<u8> = found
            .iter()
            .map(|(found, _)| found.id.as_bytes()[0])
            .collect();
        assert_eq!(numbers, expected);
        let included = all.iter().filter(|session| state.includes(session, NOW));
        assert_eq!(included.count(), expected.len(), "{state:?}");
    }
}

pub(super) async fn sessions_come_with_their_users_in_the_order_of_their_ids(bench: &Bench) {
    let owners = [user(1, "ann"), user(2, "bob")];
    for owner in &owners {
        bench.add_user(owner).await;
    }
    let pairs = [(7, 0), (3, 1), (5, 0)].map(|(number, owner): (u8, usize)| {
        let owner = owners[owner].clone();
        (session(number, owner.id), owner)
    });
    for (session, _) in &pairs {
        bench.add_session(session).await;
    }
    let found = bench.store.sessions(&filter(&Written::default())).await;
    let [seven, three, five] = pairs;
    assert_eq!(found.unwrap(), [three, five, seven]);
}

pub(super) async fn pages_of_sessions_follow_each_other_without_gap_or_overlap(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    for number in 1..=7 {
        bench.add_session(&session(number, user_id(1))).await;
    }
    let mut seen = Vec::new();
    let mut filter = SessionFilter {
        limit: 3,
        ..filter(&Written::default())
    };
    loop {
        let page = bench.store.matching_sessions(&filter).await.unwrap();
        assert_eq!(page.len(), [3, 3, 1, 0][seen.len().div_ceil(3)]);
        let Some(last) = page.last() else { break };
        filter.after = Some(last.session_id);
        seen.extend(page.iter().map(|planned| planned.session_id));
    }
    assert_eq!(seen, (1..=7).map(session_id).collect::<Vec<_>>());
}
