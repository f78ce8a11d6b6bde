//! The keys of an issuer (RFC 7517, RFC 7518 §6): RSA and P-256, for signatures.
//!
//! As with our own, a key set is read entry by entry: one that is not for us is passed over, and two
//! usable ones of one `kid` make the set worthless. A key is of one algorithm, by its own nature and the
//! issuer's declaration; no token has a say in it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use crate::{
    ids::KeyId,
    keys::{self, KeySetError},
    strict_json::{self, present},
};

use super::{Algorithm, Issuer};

/// Sizes of RSA moduli that are taken: 2048 bits are what RFC 7518 §3.3 asks for; beyond 8192 a check
/// costs more than a request is worth.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key of a foreign issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    algorithm: Algorithm,
    jwk: String,
}

impl PublicKey {
    /// Its `kid`.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The only algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A JWK that holds the key's numbers and its algorithm, and nothing else that the issuer wrote.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }
}

/// The members of a JWK that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(default, deserialize_with = "present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "present")]
    e: Option<String>,
    #[serde(default, deserialize_with = "present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(default, rename = "use", deserialize_with = "present")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_ops: Option<Vec<String>>,
    /// The private half, which nobody must publish.
    #[serde(default, deserialize_with = "present")]
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn into_key(self, issuer: &Issuer) -> Option<PublicKey> {
        let (algorithm, numbers) = match self.kty.as_str() {
            "RSA" => {
                let (n, e) = (self.n.as_deref()?, self.e.as_deref()?);
                if !is_modulus(n) || !is_exponent(e) {
                    return None;
                }
                let numbers = json!({"kty": "RSA", "alg": "RS256", "n": n, "e": e});
                (Algorithm::Rs256, numbers)
            }
            "EC" if self.crv.as_deref() == Some("P-256") => {
                let (x, y) = (self.x.as_deref()?, self.y.as_deref()?);
                if ![x, y].iter().all(|text| is_coordinate(text)) {
                    return None;
                }
                let numbers = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y});
                (Algorithm::Es256, numbers)
            }
            _ => return None,
        };
        let fits = issuer.algorithm(algorithm.name()).is_some()
            && self.alg.is_none_or(|alg| alg == algorithm.name())
            && self.usage.is_none_or(|usage| usage == "sig")
            && self
                .key_ops
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"))
            && self.d.is_none();
        Some(PublicKey {
            id: KeyId::foreign(&self.kid).ok()?,
            algorithm,
            jwk: numbers.to_string(),
        })
        .filter(|_| fits)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// An odd number of the right size, written without a zero before it (RFC 7518 §6.3.1.1).
fn is_modulus(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| {
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return false;
        };
        let bits = bytes.len() * 8 - first.leading_zeros() as usize;
        *first != 0 && MODULUS_BITS.contains(&bits) && last & 1 == 1
    })
}

/// An odd number from 3 that fits in 32 bits, as any in use does.
fn is_exponent(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| {
        let value = bytes
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        (1..=4).contains(&bytes.len()) && value >= 3 && value & 1 == 1
    })
}

fn is_coordinate(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| bytes.len() == 32)
}

/// The public keys of one foreign issuer.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    keys: Vec<PublicKey>,
}

impl PublicKeys {
    /// Reads the JSON of RFC 7517 §5, as far as `issuer` is pinned to the algorithms in it.
    ///
    /// # Errors
    ///
    /// See [`KeySetError`].
    pub fn parse(json: &[u8], issuer: &Issuer) -> Result<Self, KeySetError> {
        let mut found: Vec<PublicKey> = Vec::new();
        for entry in keys::entries(json)? {
            let jwk = strict_json::from_slice::<Jwk>(entry.get().as_bytes());
            let Some(key) = jwk.ok().and_then(|jwk| jwk.into_key(issuer)) else {
                continue;
            };
            if found.iter().any(|other| other.id == key.id) {
                return Err(KeySetError::Duplicate(key.id));
            }
            found.push(key);
        }
        if found.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(Self { keys: found })
    }

    /// The key of this identifier.
    pub fn get(&self, id: &KeyId) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::issuer::tests::declared, *};

    fn number(bytes: usize, first: u8) -> String {
        let mut number = vec![0xff; bytes];
        number[0] = first;
        Base64UrlUnpadded::encode_string(&number)
    }

    fn rsa(changes: &Value) -> Value {
        let key = json!({"kty": "RSA", "kid": "r", "n": number(256, 0x80), "e": "AQAB",
            "x5c": ["MIIC"], "use": "sig", "alg": "RS256"});
        changed(key, changes)
    }

    fn ec(changes: &Value) -> Value {
        let key = json!({"kty": "EC", "crv": "P-256", "kid": "e", "x": number(32, 1),
            "y": number(32, 2)});
        changed(key, changes)
    }

    fn changed(mut key: Value, changes: &Value) -> Value {
        let members = key.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        key
    }

    fn parse(keys: &[Value], issuer: &Value) -> Result<PublicKeys, KeySetError> {
        let issuer = declared(issuer).unwrap();
        PublicKeys::parse(json!({ "keys": keys }).to_string().as_bytes(), &issuer)
    }

    #[test]
    fn a_key_is_of_the_algorithm_that_its_kind_has() {
        let none = json!({});
        let keys = parse(&[rsa(&none), ec(&none)], &none).unwrap();
        let algorithm = |kid: &str| keys.get(&kid.parse().unwrap()).unwrap().algorithm();
        assert_eq!(algorithm("r"), Algorithm::Rs256);
        assert_eq!(algorithm("e"), Algorithm::Es256);
        let jwk = keys.get(&"r".parse().unwrap()).unwrap().jwk();
        assert!(!jwk.contains("x5c") && jwk.contains("AQAB"));
    }

    #[test]
    fn keys_that_are_not_for_us_are_passed_over() {
        let usual = json!({});
        for key in [
            rsa(&json!({"use": "enc"})),
            rsa(&json!({"alg": "RS512"})),
            rsa(&json!({"alg": "PS256"})),
            rsa(&json!({"alg": null, "key_ops": ["encrypt"]})),
            rsa(&json!({"d": "AQAB"})),
            rsa(&json!({"n": number(128, 0x80)})),
            rsa(&json!({"n": number(256, 0x7f)})),
            rsa(&json!({"n": number(256, 0x00)})),
            rsa(&json!({"n": number(1025, 0x01)})),
            rsa(&json!({"n": null})),
            rsa(&json!({"e": "AQ"})),
            rsa(&json!({"e": "AQAA"})),
            rsa(&json!({"e": "AQAAAAE"})),
            rsa(&json!({"kid": null})),
            rsa(&json!({"kid": 7})),
            ec(&json!({"crv": "P-384"})),
            ec(&json!({"crv": "secp256k1"})),
            ec(&json!({"x": number(31, 1)})),
            ec(&json!({"y": null})),
            ec(&json!({"alg": "ES384"})),
            json!({"kty": "oct", "kid": "o", "k": "AAAA"}),
            json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": number(32, 1)}),
            json!("text"),
        ] {
            let error = parse(std::slice::from_ref(&key), &usual).unwrap_err();
            assert_eq!(error, KeySetError::Empty, "{key}");
            assert!(parse(&[key, ec(&usual)], &usual).is_ok());
        }
    }

    #[test]
    fn an_issuer_has_no_keys_of_algorithms_that_it_is_not_pinned_to() {
        let only = json!({"algorithms": ["ES256"]});
        let keys = parse(&[rsa(&json!({})), ec(&json!({}))], &only).unwrap();
        assert!(keys.get(&"r".parse().unwrap()).is_none());
        assert!(keys.get(&"e".parse().unwrap()).is_some());
    }

    #[test]
    fn two_keys_of_one_name_spoil_the_set() {
        let two = [rsa(&json!({})), ec(&json!({"kid": "r"}))];
        let error = parse(&two, &json!({})).unwrap_err();
        assert!(matches!(error, KeySetError::Duplicate(_)), "{error}");
    }
}
