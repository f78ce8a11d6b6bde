//! The table of changes, and what holds for all of them.

use proptest::prelude::*;

use super::*;
use crate::domain::session::sample::session;

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0";
const NEWER_FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0";

const ALL: [OnChange; 3] = [OnChange::Allow, OnChange::Flag, OnChange::End];

/// A place: address, country, user agent; `-` for what is not known.
fn place(text: &str) -> Context {
    let words: Vec<&str> = text.split(' ').collect();
    let known = |index: usize| Some(words[index]).filter(|word| *word != "-");
    Context {
        ip: known(0).map(|ip| ip.parse().unwrap()),
        country: known(1).map(str::to_owned),
        user_agent: known(2).map(|name| match name {
            "firefox" => FIREFOX.to_owned(),
            "newer-firefox" => NEWER_FIREFOX.to_owned(),
            other => other.to_owned(),
        }),
    }
}

fn seen(opened: &str, last: &str) -> Session {
    Session {
        opened_from: place(opened),
        last_from: place(last),
        ..session(1)
    }
}

fn all(rule: OnChange) -> MoveRules {
    MoveRules {
        country: rule,
        network: rule,
        user_agent: rule,
        ..MoveRules::default()
    }
}

/// What changes for a session that was opened and last seen there.
fn changes(opened: &str, last: &str, now: &str) -> String {
    let session = seen(opened, last);
    let flagged = all(OnChange::Flag).judge(&session, &place(now));
    let ended = all(OnChange::End).judge(&session, &place(now));
    assert_eq!((flagged.ending, ended.flagged), (Flags::NONE, Flags::NONE));
    assert_eq!(flagged.flagged, ended.ending);
    assert_eq!(
        all(OnChange::Allow).judge(&session, &place(now)),
        Moved::default()
    );
    flagged.flagged.to_string()
}

#[test]
fn what_is_a_change_and_what_is_none() {
    let home = "192.0.2.1 DE firefox";
    for (now, expected) in [
        (home, ""),
        ("192.0.2.1 FR firefox", "country"),
        ("192.0.2.1 - firefox", ""),
        ("192.0.2.200 DE firefox", ""),
        ("192.0.3.1 DE firefox", "network"),
        ("- DE firefox", ""),
        ("2001:db8::1 DE firefox", ""),
        ("192.0.2.1 DE newer-firefox", ""),
        ("192.0.2.1 DE curl/8.1", "user_agent"),
        ("192.0.2.1 DE -", "user_agent"),
        ("203.0.113.9 FR curl/8.1", "country network user_agent"),
    ] {
        assert_eq!(changes(home, home, now), expected, "{now}");
    }
}

#[test]
fn what_becomes_known_is_no_change() {
    let nothing = "- - -";
    assert_eq!(changes(nothing, nothing, "192.0.2.1 DE -"), "");
    assert_eq!(changes(nothing, nothing, nothing), "");
}

#[test]
fn a_privacy_address_is_of_the_same_network() {
    let last = "2001:db8:1:2:aaaa:bbbb:cccc:dddd DE firefox";
    for (now, expected) in [
        ("2001:db8:1:2:1111:2222:3333:4444 DE firefox", ""),
        ("2001:db8:1:ffff::1 DE firefox", ""),
        ("2001:db8:2:2::1 DE firefox", "network"),
    ] {
        assert_eq!(changes(last, last, now), expected, "{now}");
    }
}

#[test]
fn a_detour_over_somewhere_unknown_hides_no_move() {
    let home = "192.0.2.1 DE firefox";
    assert_eq!(
        changes(home, "2001:db8::1 - firefox", "203.0.113.9 FR firefox"),
        "country network"
    );
    assert_eq!(
        changes(home, "2001:db8::1 - firefox", "192.0.2.7 DE firefox"),
        ""
    );
    // Where the session is now is what counts, not where it began.
    assert_eq!(
        changes(home, "203.0.113.9 FR firefox", home),
        "country network"
    );
    assert_eq!(
        changes(home, "203.0.113.9 FR firefox", "203.0.113.8 FR firefox"),
        ""
    );
}

#[test]
fn a_switch_between_address_families_is_not_told_again_and_again() {
    let moved = Session {
        flags: Flags::NONE.with(Flag::Network),
        ..seen("192.0.2.1 DE firefox", "2001:db8::1 DE firefox")
    };
    let now = place("203.0.113.9 DE firefox");
    assert_eq!(all(OnChange::Flag).judge(&moved, &now), Moved::default());
}

#[test]
fn by_default_another_country_is_flagged_and_nothing_ends() {
    let home = seen("192.0.2.1 DE firefox", "192.0.2.1 DE firefox");
    let moved = MoveRules::default().judge(&home, &place("203.0.113.9 FR curl/8.1"));
    assert_eq!(moved.flagged, Flags::NONE.with(Flag::Country));
    assert_eq!(moved.ending, Flags::NONE);
    let roaming = MoveRules::default().judge(&home, &place("203.0.113.9 DE curl/8.1"));
    assert_eq!(roaming, Moved::default());
}

#[test]
fn prefixes_of_any_length_are_taken() {
    let (one, two) = (place("192.0.2.1 - -"), place("192.0.2.3 - -"));
    for (prefix_v4, same) in [(0, true), (8, true), (30, true), (31, false), (32, false)] {
        let rules = MoveRules {
            prefix_v4,
            ..MoveRules::default()
        };
        let network = |seen: &Context| rules.network(seen.ip.unwrap());
        assert_eq!(network(&one) == network(&two), same, "/{prefix_v4}");
    }
    let rules = MoveRules {
        prefix_v6: 0,
        ..MoveRules::default()
    };
    assert_eq!(
        rules.network("::1".parse().unwrap()),
        rules.network("ff::".parse().unwrap())
    );
}

fn any_place() -> impl Strategy<Value = Context> {
    let ip = prop_oneof![
        Just(None),
        any::<[u8; 4]>().prop_map(|ip| Some(IpAddr::from(ip))),
        any::<[u8; 16]>().prop_map(|ip| Some(IpAddr::from(ip))),
        (0_u8..2).prop_map(|last| Some(IpAddr::from([192, 0, 2, last]))),
    ];
    let country = prop_oneof![Just(None), "[A-C]{2}".prop_map(Some)];
    let program = prop_oneof![
        Just(None),
        Just(Some(FIREFOX.to_owned())),
        Just(Some(NEWER_FIREFOX.to_owned())),
        "\\PC{0,40}".prop_map(Some),
    ];
    (ip, country, program).prop_map(|(ip, country, user_agent)| Context {
        ip,
        country,
        user_agent,
    })
}

fn any_rules() -> impl Strategy<Value = MoveRules> {
    let rule = || (0_usize..3).prop_map(|index| ALL[index]);
    (rule(), rule(), rule(), 0_u8..=32, 0_u8..=128).prop_map(
        |(country, network, user_agent, prefix_v4, prefix_v6)| MoveRules {
            country,
            network,
            user_agent,
            prefix_v4,
            prefix_v6,
        },
    )
}

fn any_flags() -> impl Strategy<Value = Flags> {
    proptest::collection::vec(0_usize..3, 0..3)
        .prop_map(|flags| flags.into_iter().map(|index| Flag::ALL[index]).collect())
}

proptest! {
    #[test]
    fn rules_say_what_becomes_of_a_change_and_nothing_else(
        (opened, last, now) in (any_place(), any_place(), any_place()),
        rules in any_rules(),
        flags in any_flags(),
    ) {
        let session = Session {
            opened_from: opened,
            last_from: last.clone(),
            flags,
            ..session(1)
        };
        let everything = MoveRules { prefix_v4: rules.prefix_v4, prefix_v6: rules.prefix_v6, ..all(OnChange::Flag) };
        let changed = everything.judge(&session, &now).flagged;
        let moved = rules.judge(&session, &now);
        for flag in Flag::ALL {
            let rule = match flag {
                Flag::Country => rules.country,
                Flag::Network => rules.network,
                Flag::UserAgent => rules.user_agent,
            };
            prop_assert_eq!(moved.flagged.contains(flag), changed.contains(flag) && rule == OnChange::Flag);
            prop_assert_eq!(moved.ending.contains(flag), changed.contains(flag) && rule == OnChange::End);
        }
        // Whoever stays where he was last seen has not moved, unless that was not known.
        if last.ip.is_some() && last.country.is_some() {
            prop_assert_eq!(rules.judge(&session, &last), Moved::default());
        }
    }
}
