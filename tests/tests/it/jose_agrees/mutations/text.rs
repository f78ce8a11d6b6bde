//! Other ways to write the same text, and ways that are not quite the same.

use crate::harness::dice::Dice;

/// JSON of an object, with one thing about its writing changed.
pub(super) fn rewritten(json: &str, dice: &mut Dice) -> String {
    match dice.roll(9) {
        0 => spaced(json, dice),
        1 | 2 => escaped(json, dice),
        3 | 4 => repeated(json, dice),
        5 => begun(json, r#""nested":{"a":1,"a":2}"#),
        6 => begun(json, [r#""s":"\ud800""#, r#""n":1e999"#][dice.roll(2)]),
        7 => {
            let depth = [3, 120, 200][dice.roll(3)];
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            begun(json, &format!("\"deep\":{open}{close}"))
        }
        _ => around(json, dice),
    }
}

/// With one more member at the beginning.
fn begun(json: &str, member: &str) -> String {
    json.replacen('{', &format!("{{{member},"), 1)
}

/// White space beside whatever is not in a text.
fn spaced(json: &str, dice: &mut Dice) -> String {
    // The last two are white space to some, but not in JSON.
    let space = [" ", "\t", "\r\n", "\n   ", "\u{c}", "\u{a0}"];
    let mut out = String::new();
    let mut inside = false;
    for letter in json.chars() {
        inside ^= letter == '"';
        out.push(letter);
        if !inside && "{,:".contains(letter) && dice.roll(2) == 0 {
            let odd = usize::from(dice.roll(24) == 0);
            out.push_str(space[dice.roll(4) + odd * 2]);
        }
    }
    out
}

/// A letter in a name or a text as an escape.
fn escaped(json: &str, dice: &mut Dice) -> String {
    let letter = |(place, letter): (usize, char)| letter.is_ascii_lowercase().then_some(place);
    let places: Vec<usize> = json.char_indices().filter_map(letter).collect();
    let place = places[dice.roll(places.len())];
    let code = u32::from(json.as_bytes()[place]);
    let escape = [format!("\\u{code:04x}"), format!("\\u{code:04X}")];
    let (before, after) = (&json[..place], &json[place + 1..]);
    format!("{before}{}{after}", escape[dice.roll(2)])
}

/// A member once more, at the beginning or at the end, with its own value or another.
fn repeated(json: &str, dice: &mut Dice) -> String {
    const NAMES: [&str; 8] = ["alg", "typ", "kid", "sub", "exp", "iss", "aud", "\\u0073ub"];
    const VALUES: [&str; 6] = [
        "\"EdDSA\"",
        "\"api\"",
        "1800000200",
        "null",
        "\"https://edge.example\"",
        "\"other\"",
    ];
    let member = format!("\"{}\":{}", NAMES[dice.roll(8)], VALUES[dice.roll(6)]);
    if dice.roll(2) == 0 {
        return begun(json, &member);
    }
    let end = json.rfind('}').unwrap_or(json.len());
    format!("{},{member}}}", &json[..end])
}

/// Something before or after it, or names that are none.
fn around(json: &str, dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 => format!(" {json}\n"),
        1 => format!("\u{feff}{json}"),
        2 => format!("{json}{json}"),
        3 => format!("[{json}]"),
        4 => format!("{json}\0"),
        5 => json.replace('}', ",}"),
        6 => begun(json, "\"\":0"),
        _ => begun(json, r#""__proto__":{"sub":"x"}"#),
    }
}

/// A part of a token in another spelling of base64.
pub(super) fn encoded_otherwise(part: &str, dice: &mut Dice) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    match dice.roll(7) {
        0 => part.replace('-', "+").replace('_', "/"),
        1 => format!("{part}{}", "=".repeat(1 + dice.roll(3))),
        2 => format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4)),
        3 => {
            let place = dice.roll(part.len() + 1);
            let stray = [" ", "\n", "\t", "\r", "\u{c}", "=", "\u{0}", "%3D"][dice.roll(8)];
            format!("{}{stray}{}", &part[..place], &part[place..])
        }
        // Bits that are left over.
        4 | 5 => {
            let last = dice.roll(64);
            let rest = &part[..part.len() - 1];
            format!("{rest}{}", &ALPHABET[last..=last])
        }
        // A character that stands for no byte.
        _ => format!("{part}A"),
    }
}

/// One to three characters inserted, removed, replaced or doubled.
pub(super) fn edited(token: &str, dice: &mut Dice) -> String {
    const LETTERS: &[u8] = b"ABCxyz019-_.+/= ~\"{}\t";
    let mut text = token.as_bytes().to_vec();
    for _ in 0..=dice.roll(3) {
        let (place, letter) = (dice.roll(text.len()), LETTERS[dice.roll(LETTERS.len())]);
        match dice.roll(5) {
            0 => text.insert(place, letter),
            1 => drop(text.remove(place)),
            2 => text[place] = letter,
            3 => {
                let tail = text[place..].to_vec();
                text.extend(tail);
            }
            _ => {
                let other = dice.roll(text.len());
                text.swap(place, other);
            }
        }
    }
    String::from_utf8(text).unwrap()
}
