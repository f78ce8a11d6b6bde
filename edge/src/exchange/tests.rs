//! Keys, attempts and time.

use super::*;

const NOW: Millis = Millis(1_800_000_000_000);

const HERE: &str = "192.0.2.1";

fn asker_from(number: u8, address: &str) -> Asker {
    Asker {
        fingerprint: Fingerprint::of(&format!("pak_{number}")),
        key: ApiKeyId::from_bytes([number; 16]),
        network: Network::of(address),
    }
}

fn asker(number: u8) -> Asker {
    asker_from(number, HERE)
}

/// A key of the same id as the asker's, but another secret.
fn guess(asker: &Asker, number: u32, address: &str) -> Asker {
    Asker {
        fingerprint: Fingerprint::of(&format!("a guess {number}")),
        network: Network::of(address),
        ..*asker
    }
}

fn granted(token: &str, lifetime: u32) -> Outcome {
    let token = token.to_owned();
    Outcome::Granted(Granted { token, lifetime })
}

fn token(text: &str) -> Known {
    Known::Token(text.into())
}

fn begun(exchanges: &mut Exchanges, asker: &Asker, now: Millis) -> Attempt {
    let (attempt, next) = exchanges.advance(asker, now, now);
    assert!(matches!(next, Next::Wait | Next::Judge), "{next:?}");
    attempt.expect("an attempt begins")
}

fn next(exchanges: &mut Exchanges, asker: &Asker, now: Millis) -> Next {
    let (attempt, next) = exchanges.advance(asker, now, now);
    assert_eq!(attempt, None);
    next
}

/// With a token of this lifetime for the key.
fn holding(asker: &Asker, lifetime: u32) -> Exchanges {
    let mut exchanges = Exchanges::default();
    let attempt = begun(&mut exchanges, asker, NOW);
    exchanges.end(attempt, granted("a.b.c", lifetime), NOW);
    exchanges
}

#[test]
fn one_request_asks_and_the_others_wait() {
    let mut exchanges = Exchanges::default();
    let attempt = begun(&mut exchanges, &asker(1), NOW);
    for millis in [0, 10, 2_099] {
        let (again, next) = exchanges.advance(&asker(1), NOW, NOW.plus(millis));
        assert_eq!((again, next), (None, Next::Wait), "{millis}");
    }
    let (_, late) = exchanges.advance(&asker(1), NOW, NOW.plus(2_100));
    assert_eq!(late, Next::Unavailable, "nobody waits for ever");
    begun(&mut exchanges, &asker(2), NOW);
    exchanges.end(attempt, granted("a.b.c", 600), NOW.plus(50));
    assert_eq!(next(&mut exchanges, &asker(1), NOW.plus(50)), Next::Judge);
    let key = asker(1).fingerprint;
    assert_eq!(exchanges.known(&key, NOW.plus(50)), token("a.b.c"));
}

#[test]
fn an_attempt_that_vanished_hinders_nobody_for_long() {
    let mut exchanges = Exchanges::default();
    begun(&mut exchanges, &asker(1), NOW);
    begun(&mut exchanges, &asker(1), NOW.plus(2_500));
}

#[test]
fn a_token_is_replaced_behind_before_it_ends_and_serves_to_its_end() {
    let key = asker(1).fingerprint;
    let mut exchanges = holding(&asker(1), 600);
    let fresh = NOW.plus(539_999);
    assert!(!exchanges.is_due(&key, fresh));
    assert_eq!(next(&mut exchanges, &asker(1), fresh), Next::Judge);
    let due = NOW.plus(540_000);
    assert!(exchanges.is_due(&key, due));
    let attempt = begun(&mut exchanges, &asker(1), due);
    assert_eq!(
        next(&mut exchanges, &asker(1), due),
        Next::Judge,
        "one at a time"
    );
    exchanges.end(attempt, Outcome::Unavailable, due);
    assert!(!exchanges.is_due(&key, due.plus(999)));
    let again = begun(&mut exchanges, &asker(1), due.plus(1_000));
    let late = NOW.plus(599_999);
    assert_eq!(exchanges.known(&key, late), token("a.b.c"));
    assert_eq!(exchanges.known(&key, NOW.plus(600_000)), Known::Nothing);
    exchanges.end(again, granted("d.e.f", 600), due.plus(1_000));
    assert_eq!(exchanges.known(&key, late), token("d.e.f"));
    let short = holding(&asker(1), 8);
    assert!(!short.is_due(&key, NOW.plus(5_999)) && short.is_due(&key, NOW.plus(6_000)));
}

#[test]
fn a_key_that_is_no_good_is_remembered_as_such_for_ten_seconds() {
    let mut exchanges = Exchanges::default();
    let attempt = begun(&mut exchanges, &asker(1), NOW);
    exchanges.end(attempt, Outcome::Refused, NOW);
    let key = asker(1).fingerprint;
    assert_eq!(exchanges.known(&key, NOW.plus(9_999)), Known::Refused);
    assert_eq!(
        next(&mut exchanges, &asker(1), NOW.plus(9_999)),
        Next::Judge
    );
    begun(&mut exchanges, &asker(1), NOW.plus(10_000));
    // Whoever keeps on with it never gets to the end of its budget.
    let mut time = NOW.plus(10_000);
    for _ in 0..100 {
        time = time.plus(10_000);
        let attempt = begun(&mut exchanges, &asker(1), time);
        exchanges.end(attempt, Outcome::Refused, time);
    }
}

#[test]
fn a_key_that_the_origin_takes_back_loses_its_token() {
    let key = asker(1).fingerprint;
    let mut exchanges = holding(&asker(1), 600);
    let due = NOW.plus(550_000);
    let attempt = begun(&mut exchanges, &asker(1), due);
    exchanges.end(attempt, Outcome::Refused, due);
    assert_eq!(exchanges.known(&key, due), Known::Refused);
}

#[test]
fn a_revoked_key_is_not_asked_about_for_a_while() {
    let mut exchanges = holding(&asker(1), 600);
    let key = asker(1).fingerprint;
    exchanges.refuse(&key, NOW.plus(5));
    assert_eq!(exchanges.known(&key, NOW.plus(5)), Known::Refused);
    assert_eq!(
        next(&mut exchanges, &asker(1), NOW.plus(10_000)),
        Next::Judge
    );
    begun(&mut exchanges, &asker(1), NOW.plus(10_005));
}

#[test]
fn a_token_that_lost_its_force_is_exchanged_anew_unless_it_is_new() {
    let key = asker(1).fingerprint;
    let mut exchanges = holding(&asker(1), 600);
    assert!(!exchanges.token_is_spent(&key, NOW.plus(9_999)));
    assert_eq!(exchanges.known(&key, NOW.plus(9_999)), Known::Refused);
    let mut exchanges = holding(&asker(1), 600);
    let later = NOW.plus(10_000);
    assert!(exchanges.token_is_spent(&key, later));
    assert_eq!(exchanges.known(&key, later), Known::Nothing);
    let attempt = begun(&mut exchanges, &asker(1), later);
    exchanges.end(attempt, granted("d.e.f", 600), later);
    assert_eq!(exchanges.known(&key, later), token("d.e.f"));
    assert!(!exchanges.token_is_spent(&key, later), "no better");
}

#[test]
fn an_origin_that_is_not_there_is_left_alone_and_is_nobody_s_fault() {
    let mut exchanges = holding(&asker(9), 600);
    for second in 0..100 {
        let now = NOW.plus(second * 1_000);
        let attempt = begun(&mut exchanges, &asker(1), now);
        exchanges.end(attempt, Outcome::Unavailable, now);
        for number in [1, 2, 3] {
            let next = next(&mut exchanges, &asker(number), now.plus(999));
            assert_eq!(next, Next::Unavailable, "of any key that nobody knows");
        }
    }
    // A key that is known to be good asks for itself.
    begun(&mut exchanges, &asker(9), NOW.plus(560_000));
}

#[test]
fn whoever_guesses_is_stopped_and_hinders_nobody_else() {
    let victim = asker_from(1, HERE);
    let mut exchanges = Exchanges::default();
    let mut asked = 0;
    for number in 0..1_000 {
        let (attempt, next) = exchanges.advance(&guess(&victim, number, "203.0.113.1"), NOW, NOW);
        match attempt {
            Some(attempt) => {
                asked += 1;
                exchanges.end(attempt, Outcome::Refused, NOW);
            }
            None => assert_eq!(next, Next::TooMany(10_000)),
        }
    }
    assert_eq!(asked, 6);
    // The victim, whom nobody knows here yet, comes from elsewhere.
    let attempt = begun(&mut exchanges, &victim, NOW);
    exchanges.end(attempt, granted("a.b.c", 600), NOW);
    // And now that the key is known to be good, the guesser may sit next to the victim.
    for number in 0..1_000_u32 {
        let id = ApiKeyId::from_bytes(u128::from(number).to_be_bytes());
        let guess = Asker {
            key: id,
            ..guess(&victim, 2_000 + number, HERE)
        };
        if let (Some(attempt), _) = exchanges.advance(&guess, NOW, NOW) {
            exchanges.end(attempt, Outcome::Refused, NOW);
        }
    }
    let last = guess(&victim, 9_999, HERE);
    assert!(matches!(next(&mut exchanges, &last, NOW), Next::TooMany(_)));
    let ended = NOW.plus(600_000);
    for number in 0..1_000 {
        if let (Some(attempt), _) =
            exchanges.advance(&guess(&victim, 5_000 + number, HERE), ended, ended)
        {
            exchanges.end(attempt, Outcome::Refused, ended);
        }
    }
    assert!(matches!(
        next(&mut exchanges, &last, ended),
        Next::TooMany(_)
    ));
    begun(&mut exchanges, &victim, ended);
}

#[test]
fn what_the_origin_wants_fewer_of_waits_as_long_as_it_says() {
    let mut exchanges = Exchanges::default();
    let attempt = begun(&mut exchanges, &asker(1), NOW);
    exchanges.end(attempt, Outcome::TooMany(7), NOW);
    assert_eq!(next(&mut exchanges, &asker(1), NOW), Next::TooMany(7_000));
    assert_eq!(
        next(&mut exchanges, &asker(1), NOW.plus(6_999)),
        Next::TooMany(1)
    );
    begun(&mut exchanges, &asker(1), NOW.plus(7_000));
    begun(&mut exchanges, &asker(2), NOW);
}

#[test]
fn a_flood_of_wrong_keys_from_everywhere_pushes_no_good_key_out() {
    let mut exchanges = holding(&asker(1), 600);
    for number in 0..20_000_u32 {
        let address = std::net::Ipv4Addr::from(number).to_string();
        let guess = guess(&asker(2), number, &address);
        let attempt = begun(&mut exchanges, &guess, NOW);
        exchanges.end(attempt, Outcome::Refused, NOW);
    }
    assert_eq!(exchanges.known(&asker(1).fingerprint, NOW), token("a.b.c"));
    assert!(exchanges.open.len() < 8_000, "{}", exchanges.open.len());
}

#[test]
fn a_clock_that_was_put_back_leaves_no_token_and_no_refusal_standing() {
    let before = NOW.plus(-3_600_000);
    let mut exchanges = holding(&asker(1), 600);
    assert_eq!(
        exchanges.known(&asker(1).fingerprint, before),
        Known::Nothing
    );
    begun(&mut exchanges, &asker(1), before);
    exchanges.refuse(&asker(2).fingerprint, NOW);
    assert_eq!(
        exchanges.known(&asker(2).fingerprint, before),
        Known::Nothing
    );
}
