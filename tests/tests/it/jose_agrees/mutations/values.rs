//! What stands in claims and headers instead of what should.

use serde_json::{Value, json};

use super::Mutations;

/// A member and its new value; `None` takes it away.
type Change = (&'static str, Option<Value>);

impl Mutations<'_> {
    fn one_of(&mut self, values: &[Value]) -> Value {
        values[self.dice.roll(values.len())].clone()
    }

    fn name_of(&mut self, names: &[&'static str]) -> &'static str {
        names[self.dice.roll(names.len())]
    }

    pub(super) fn any_value(&mut self) -> Value {
        self.one_of(&[
            json!(null),
            json!(true),
            json!(7),
            json!(-1.5),
            json!(""),
            json!("Zoë \u{1f511}"),
            json!([1, [2, {}]]),
            json!({ "a": { "b": null } }),
        ])
    }

    pub(super) fn changed_claim(&mut self) -> Change {
        match self.dice.roll(16) {
            0..=5 => {
                let name = self.name_of(&["exp", "iat", "nbf"]);
                (name, Some(self.time()))
            }
            6 => {
                let required = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"];
                let optional = ["sid", "scope", "roles"];
                let all: Vec<_> = required.into_iter().chain(optional).collect();
                (self.name_of(&all), None)
            }
            7 | 8 => ("iss", Some(self.issuer())),
            9 | 10 => ("aud", Some(self.audience())),
            11 | 12 => {
                let name = self.name_of(&["sub", "client_id", "jti", "sid"]);
                (name, Some(self.name()))
            }
            13 => ("scope", Some(self.scope())),
            14 => ("roles", Some(self.roles())),
            _ => ("https://other.example/claim", Some(self.any_value())),
        }
    }

    fn time(&mut self) -> Value {
        let now = self.now.0;
        let about = |offset: usize, half: i64| json!(now + i64::try_from(offset).unwrap() - half);
        match self.dice.roll(4) {
            0 => about(self.dice.roll(30), 15),
            1 => about(self.dice.roll(2600), 1300),
            2 => {
                let tenths = u32::try_from(self.dice.roll(4000)).unwrap();
                json!(f64::from(tenths) / 10.0 + 1_800_000_000.0)
            }
            _ => self.one_of(&[
                json!(null),
                json!(true),
                json!(now.to_string()),
                json!([now + 9]),
                json!({ "at": now }),
                json!(0),
                json!(-1),
                json!(-1.0e300),
                json!(i64::MIN),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(1.0e300),
                json!(253_402_300_799_i64),
                json!(253_402_300_800_i64),
            ]),
        }
    }

    fn issuer(&mut self) -> Value {
        let issuer = self.policy.issuer;
        self.one_of(&[
            json!(format!("{issuer}/")),
            json!(issuer.to_uppercase()),
            json!(issuer.replace("https", "http")),
            json!([issuer]),
            json!({ "iss": issuer }),
            json!(null),
            json!(""),
            json!("https://other.example"),
        ])
    }

    fn audience(&mut self) -> Value {
        let audience = self.policy.audience;
        self.one_of(&[
            json!([audience]),
            json!([audience, "images"]),
            json!(["images", audience]),
            json!([audience, audience]),
            json!("images"),
            json!(["images"]),
            json!([]),
            json!([audience, ""]),
            json!([audience, 7]),
            json!([audience, null]),
            json!([[audience]]),
            json!([audience, "a\nb"]),
            json!({ "aud": audience }),
            json!(audience.to_uppercase()),
            json!(format!("{audience} ")),
            json!("ap"),
            json!(""),
            json!(null),
        ])
    }

    fn name(&mut self) -> Value {
        self.one_of(&[
            json!(""),
            json!(" "),
            json!("Zoë \u{1f511}"),
            json!("a\u{0}"),
            json!("a\r\nb"),
            json!("\u{85}"),
            json!("\u{202e}txt"),
            json!(7),
            json!(null),
            json!(false),
            json!(["a"]),
            json!({ "a": "a" }),
            json!("x".repeat(200)),
            json!("x".repeat(4000)),
        ])
    }

    fn scope(&mut self) -> Value {
        self.one_of(&[
            json!(""),
            json!("a b c"),
            json!("a a"),
            json!("a  b"),
            json!(" a"),
            json!("a\tb"),
            json!("ä"),
            json!("a\"b"),
            json!(["a"]),
            json!(null),
            json!(7),
            json!("a".repeat(64)),
            json!("a".repeat(65)),
        ])
    }

    fn roles(&mut self) -> Value {
        self.one_of(&[
            json!([]),
            json!(["admin", "reader"]),
            json!(["two words"]),
            json!("admin"),
            json!([7]),
            json!([""]),
            json!(["a\nb"]),
            json!(null),
            json!({ "admin": true }),
        ])
    }

    pub(super) fn changed_member(&mut self) -> Change {
        match self.dice.roll(5) {
            0 => ("alg", Some(self.algorithm())),
            1 | 2 => ("typ", Some(self.token_type())),
            3 => ("kid", Some(self.key_id())),
            _ => self.further_member(),
        }
    }

    fn further_member(&mut self) -> Change {
        match self.dice.roll(6) {
            0 => (self.name_of(&["alg", "typ", "kid"]), None),
            1 => {
                let critical = [json!([]), json!(["exp"]), json!(["b64"]), json!("exp")];
                ("crit", Some(self.one_of(&critical)))
            }
            2 => ("b64", Some(json!(self.dice.roll(2) == 0))),
            3 => ("jwk", Some(json!(self.keys[2].public_jwk()))),
            4 => {
                let name = self.name_of(&["zip", "jku", "x5u", "x5c", "cty", "iss", "nonce"]);
                (name, Some(self.any_value()))
            }
            _ => ("x", Some(self.any_value())),
        }
    }

    fn algorithm(&mut self) -> Value {
        self.one_of(&[
            json!("Ed25519"),
            json!("ed25519"),
            json!("EDDSA"),
            json!("EdDSA "),
            json!("none"),
            json!("None"),
            json!(""),
            json!("HS256"),
            json!("ES256"),
            json!("RS256"),
            json!("Ed448"),
            json!(["EdDSA"]),
            json!(null),
            json!(-8),
        ])
    }

    fn token_type(&mut self) -> Value {
        self.one_of(&[
            json!("AT+JWT"),
            json!("At+jWT"),
            json!("application/at+jwt"),
            json!("APPLICATION/AT+JWT"),
            json!("JWT"),
            json!("at+jwt "),
            json!("at+jwt; v=1"),
            json!("url+jwt"),
            json!("revocations+jwt"),
            json!("at"),
            json!(""),
            json!(null),
            json!(["at+jwt"]),
        ])
    }

    fn key_id(&mut self) -> Value {
        let own = self.keys[0].id().as_str();
        self.one_of(&[
            json!(self.keys[1].id()),
            json!(self.keys[2].id()),
            json!(format!("{own}=")),
            json!(own.to_lowercase()),
            json!([own]),
            json!(""),
            json!(7),
            json!(null),
            json!("../../key"),
            json!("a\u{0}b"),
        ])
    }
}
