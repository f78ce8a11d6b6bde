use super::{API_KEY_LEN, ApiKey, ApiKeyId, NotAnApiKey, is_meant};

/// All that base32 has, the characters that it lacks, and some that are no letters.
const OTHERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABZ_-=+/. \n\0é";

fn key() -> ApiKey {
    let id = ApiKeyId::from_bytes([
        0x9d, 0x01, 0xf3, 0x77, 0x20, 0xaa, 0x5e, 0x61, 0x0b, 0xcc, 0x48, 0x13, 0xfe, 0x35, 0x86,
        0x5b,
    ]);
    let mut secret = [0; 32];
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::try_from(at * 7 % 256).unwrap();
    }
    ApiKey::new(id, secret)
}

fn is_refused(text: &str) -> bool {
    matches!(ApiKey::parse(text), Err(NotAnApiKey))
}

/// The key's text with `from` in the place of what stands at `at`.
fn with(text: &str, at: usize, character: char) -> String {
    let before = text.chars().take(at);
    let after = text.chars().skip(at + 1);
    before.chain([character]).chain(after).collect()
}

#[test]
fn the_format_stays_what_it_is() {
    // Keys that were given out are good for years: this text never changes.
    assert_eq!(
        key().expose().as_str(),
        "pak_tua7g5zavjpgcc6mjaj74nmglm_\
         aadq4fi4emvdcob7izgviw3cnfyho7ufrsjzviniv63l3rgl2lmrkcjc"
    );
}

#[test]
fn what_was_issued_is_read_back() {
    let (issued, text) = (key(), key().expose());
    let read = ApiKey::parse(&text).unwrap();
    assert_eq!(read.id(), issued.id());
    assert_eq!(read.secret(), issued.secret());
    assert_eq!(text.len(), API_KEY_LEN);
    assert!(text.is_ascii());
    assert!(is_meant(&text));
}

#[test]
fn every_change_of_a_single_character_is_refused() {
    let text = key().expose();
    for (at, own) in text.chars().enumerate() {
        for other in OTHERS.chars().filter(|other| *other != own) {
            let changed = with(&text, at, other);
            assert!(is_refused(&changed), "{other:?} at {at}");
        }
    }
}

#[test]
fn neighbours_that_change_places_are_refused() {
    let text = key().expose();
    let characters: Vec<char> = text.chars().collect();
    for (at, pair) in characters.windows(2).enumerate() {
        if pair[0] != pair[1] {
            let swapped = with(&with(&text, at, pair[1]), at + 1, pair[0]);
            assert!(is_refused(&swapped), "at {at}");
        }
    }
}

#[test]
fn an_id_with_bits_that_no_byte_needs_is_refused() {
    // 26 characters are 130 bits, two more than 16 bytes have.
    let id = key().id().to_string();
    assert!(id.ends_with('m'));
    for last in ['n', 'o', 'p'] {
        let other = with(&id, 25, last);
        assert!(other.parse::<ApiKeyId>().is_err(), "{other}");
    }
}

#[test]
fn upper_case_is_refused() {
    let text = key().expose();
    assert!(is_refused(&text.to_uppercase()));
    assert!(is_refused(&text.replacen("pak_", "PAK_", 1)));
    let id = key().id().to_string();
    assert!(id.to_uppercase().parse::<ApiKeyId>().is_err());
}

#[test]
fn another_length_is_refused() {
    let text = key().expose();
    for end in 0..text.len() {
        assert!(is_refused(text.get(..end).unwrap()), "{end} characters");
    }
    for more in ["a", "=", "_", " ", "\n", "aaaaaaaa"] {
        assert!(is_refused(&format!("{}{more}", text.as_str())), "{more:?}");
        assert!(is_refused(&format!("{more}{}", text.as_str())), "{more:?}");
    }
    assert!(is_refused(&text.repeat(2)));
    assert!(is_refused(&format!("pak_{}", "a".repeat(1 << 20))));
}

#[test]
fn the_parts_of_two_keys_make_none() {
    let other = ApiKey::new(ApiKeyId::from_bytes([1; 16]), [2; 32]).expose();
    let mixed: String = key()
        .expose()
        .chars()
        .take(31)
        .chain(other.chars().skip(31))
        .collect();
    assert!(is_refused(&mixed));
}

#[test]
fn foreign_credentials_are_not_meant_to_be_keys() {
    for text in [
        "",
        "pak",
        "prt_AAAA",
        "ghp_abc",
        "eyJhbGciOiJFZERTQSJ9",
        " pak_",
    ] {
        assert!(!is_meant(text), "{text}");
        assert!(is_refused(text), "{text}");
    }
}

#[test]
fn debug_output_shows_the_id_and_no_secret() {
    let shown = format!("{:?}", key());
    assert_eq!(shown, "ApiKey(tua7g5zavjpgcc6mjaj74nmglm, …)");
}
