//! Tokens with something changed, the same ones at each run.
//!
//! What can be signed again with a genuine key mostly is: a token whose signature is broken is
//! refused for that alone, whatever else is odd about it.

mod text;
mod values;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{corpus::Forge, keys::SigningKey, time::UnixSeconds, token::Policy};
use serde_json::{Map, Value, json};

use crate::harness::dice::Dice;

/// Any number does; another one gives other tokens.
const SEED: u64 = 0x706f_7274_6375_6c6c;

/// The source of tokens.
pub(super) struct Mutations<'a> {
    dice: Dice,
    /// Two that the verifiers know, and one that they do not.
    keys: [&'a SigningKey; 3],
    policy: Policy<'a>,
    now: UnixSeconds,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

impl<'a> Mutations<'a> {
    pub(super) fn new(keys: [&'a SigningKey; 3], policy: Policy<'a>, now: UnixSeconds) -> Self {
        let dice = Dice::new(SEED);
        Self {
            dice,
            keys,
            policy,
            now,
        }
    }

    pub(super) fn next_token(&mut self) -> String {
        match self.dice.roll(9) {
            0 => self.with_bits_flipped(),
            1 => self.with_parts_exchanged(),
            2 | 3 => self.with_json_written_otherwise(),
            4 | 5 => self.with_claims_changed(),
            6 => self.with_header_changed(),
            7 => self.signed_by_somebody(),
            _ => self.with_text_changed(),
        }
    }

    fn forge(&self) -> Forge<'a> {
        Forge {
            key: self.keys[0],
            policy: self.policy,
            scope: "api:read",
            now: self.now,
        }
    }

    /// Claims that are good, and differ from token to token.
    fn claims(&mut self) -> Map<String, Value> {
        let mut claims = self.forge().claims();
        claims.insert(
            "jti".to_owned(),
            json!(format!("t{}", self.dice.roll(1 << 30))),
        );
        if self.dice.roll(3) == 0 {
            claims.insert("x".to_owned(), self.any_value());
        }
        claims
    }

    fn good(&mut self) -> String {
        let claims = self.claims();
        self.forge().token(self.forge().header(), claims)
    }

    /// The three parts, the third perhaps made anew for the other two.
    fn joined(&mut self, [header, payload, signature]: [&str; 3]) -> String {
        if self.dice.roll(8) == 0 {
            return format!("{header}.{payload}.{signature}");
        }
        self.forge().sign(&format!("{header}.{payload}"))
    }

    fn with_bits_flipped(&mut self) -> String {
        let good = self.good();
        let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
        let place = self.dice.roll(3);
        let mut bytes = Base64UrlUnpadded::decode_vec(&parts[place]).unwrap();
        for _ in 0..=self.dice.roll(3) {
            let bit = self.dice.roll(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        parts[place] = encode(bytes);
        if place == 2 {
            return parts.join(".");
        }
        self.joined([&parts[0], &parts[1], &parts[2]])
    }

    fn with_parts_exchanged(&mut self) -> String {
        let (one, other) = (self.good(), self.signed_by_somebody());
        let parts: Vec<&str> = one.split('.').chain(other.split('.')).collect();
        // Mostly each part in its place, at times any three, or another number of them.
        match self.dice.roll(4) {
            0 => {
                let number = self.dice.roll(6);
                let any = (0..number).map(|_| parts[self.dice.roll(6)]);
                any.collect::<Vec<_>>().join(".")
            }
            _ => (0..3)
                .map(|place| parts[place + 3 * self.dice.roll(2)])
                .collect::<Vec<_>>()
                .join("."),
        }
    }

    fn with_json_written_otherwise(&mut self) -> String {
        let mut header = Value::Object(self.forge().header()).to_string();
        let mut payload = Value::Object(self.claims()).to_string();
        let json = if self.dice.roll(3) == 0 {
            &mut header
        } else {
            &mut payload
        };
        for _ in 0..=self.dice.roll(3) {
            *json = text::rewritten(json, &mut self.dice);
        }
        self.joined([&encode(header), &encode(payload), &encode([7; 64])])
    }

    fn with_claims_changed(&mut self) -> String {
        let mut claims = self.claims();
        for _ in 0..=self.dice.roll(2) {
            let (name, value) = self.changed_claim();
            match value {
                Some(value) => claims.insert(name.to_owned(), value),
                None => claims.remove(name),
            };
        }
        self.forge().token(self.forge().header(), claims)
    }

    fn with_header_changed(&mut self) -> String {
        let mut header = self.forge().header();
        let (name, value) = self.changed_member();
        match value {
            Some(value) => header.insert(name.to_owned(), value),
            None => header.remove(name),
        };
        let claims = self.claims();
        self.forge().token(header, claims)
    }

    /// Any of the three keys signs, and any of them is named.
    fn signed_by_somebody(&mut self) -> String {
        let (signer, named) = (self.dice.roll(3), self.dice.roll(3));
        let forge = Forge {
            key: self.keys[signer],
            ..self.forge()
        };
        let mut header = forge.header();
        header.insert("kid".to_owned(), json!(self.keys[named].id()));
        if self.dice.roll(2) == 0 {
            header.insert("alg".to_owned(), json!("Ed25519"));
        }
        let claims = self.claims();
        forge.token(header, claims)
    }

    /// Other spellings of base64, and other characters anywhere.
    fn with_text_changed(&mut self) -> String {
        let good = self.good();
        if self.dice.roll(2) == 0 {
            return text::edited(&good, &mut self.dice);
        }
        let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
        let place = self.dice.roll(3);
        parts[place] = text::encoded_otherwise(&parts[place], &mut self.dice);
        if place == 2 {
            return parts.join(".");
        }
        self.joined([&parts[0], &parts[1], &parts[2]])
    }
}
