//! What of a foreign token's claims is taken, and under which names: issuers agree on little beyond
//! RFC 7519.
//!
//! Times are whole seconds, as in our own tokens (RFC 7519 §2 allows fractions, which none of the
//! issuers in use writes). `iat` is needed: without it nobody could say how long the token lives.

use serde_json::{Map, Value};

use crate::{
    claims::{AccessClaims, Audience},
    scope::{Scope, ScopeSet},
    time::UnixSeconds,
};

use super::Issuer;

/// Reads the claims as `issuer` is declared to write them; `None` where one is missing, odd, or has
/// another value than the declaration asks for.
pub(super) fn read(members: &Map<String, Value>, issuer: &Issuer) -> Option<AccessClaims> {
    let pinned =
        |(name, value): (&String, &String)| members.get(name) == Some(&Value::from(value.as_str()));
    if !issuer.claims.iter().all(pinned) {
        return None;
    }
    let claims = AccessClaims {
        iss: text(members, "iss")?,
        aud: audience(members.get(&issuer.audience_claim)?)?,
        sub: text(members, "sub")?,
        client_id: optional(members, "client_id")
            .ok()?
            .or(optional(members, "azp").ok()?)
            .unwrap_or_default(),
        iat: time(members.get("iat")?)?,
        nbf: members
            .get("nbf")
            .map_or(Some(None), |nbf| time(nbf).map(Some))?,
        exp: time(members.get("exp")?)?,
        jti: optional(members, "jti").ok()?.unwrap_or_default(),
        sid: optional(members, "sid").ok()?,
        scope: scope(members.get(&issuer.scope_claim))?,
        roles: roles(members, &issuer.roles_claim)?,
    };
    claims.is_well_formed_but_for_own_names().then_some(claims)
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    let text = members.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A claim is there and is not text.
struct Odd;

/// A claim that may be absent, but if it is there is text.
fn optional(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Odd> {
    if members.contains_key(name) {
        text(members, name).map(Some).ok_or(Odd)
    } else {
        Ok(None)
    }
}

fn time(value: &Value) -> Option<UnixSeconds> {
    value.as_i64().map(UnixSeconds)
}

fn words(list: &[Value]) -> Option<Vec<String>> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    list.iter().map(word).collect()
}

fn audience(value: &Value) -> Option<Audience> {
    match value {
        Value::String(one) => Audience::new(vec![one.clone()]),
        Value::Array(several) => Audience::new(words(several)?),
        _ => None,
    }
}

/// Scopes in one text (RFC 9068 §2.2.3) or in a list; one of a form that no rule can ask for is none.
fn scope(value: Option<&Value>) -> Option<ScopeSet> {
    let words: Vec<String> = match value {
        None => Vec::new(),
        Some(Value::String(text)) => text.split(' ').map(str::to_owned).collect(),
        Some(Value::Array(list)) => words(list)?,
        Some(_) => return None,
    };
    let known = words.iter().filter_map(|word| word.parse::<Scope>().ok());
    Some(known.collect())
}

/// The list at the end of `way`; none where the way leads nowhere.
fn roles(members: &Map<String, Value>, way: &[String]) -> Option<Vec<String>> {
    let Some((first, rest)) = way.split_first() else {
        return Some(Vec::new());
    };
    let end = rest
        .iter()
        .try_fold(members.get(first), |value, name| match value {
            None => Some(None),
            Some(Value::Object(members)) => Some(members.get(name)),
            Some(_) => None,
        })?;
    match end {
        None => Some(Vec::new()),
        Some(Value::Array(list)) => words(list),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::issuer::tests::declared, *};

    fn usual(changes: &Value) -> Map<String, Value> {
        let mut claims = json!({"iss": "https://tenant.example/", "sub": "auth0|7",
            "aud": ["https://api.example", "https://tenant.example/userinfo"],
            "iat": 1_800_000_000, "exp": 1_800_003_600, "azp": "spa", "scope": "openid api:read"});
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            claims.insert(name.clone(), value.clone());
        }
        claims.retain(|_, value| value != "absent");
        claims.clone()
    }

    fn read_as(declaration: &Value, changes: &Value) -> Option<AccessClaims> {
        read(&usual(changes), &declared(declaration).unwrap())
    }

    #[test]
    fn the_claims_of_three_issuers_in_use_are_read() {
        let auth0 = read_as(&json!({}), &json!({})).unwrap();
        assert_eq!(auth0.client_id, "spa");
        assert_eq!(auth0.scope.to_string(), "api:read openid");
        assert!(auth0.roles.is_empty());

        let keycloak =
            json!({"roles_claim": ["realm_access", "roles"], "claims": {"typ": "Bearer"}});
        let claims = json!({"typ": "Bearer", "sid": "s", "jti": "j",
            "realm_access": {"roles": ["admin", "offline_access"]}});
        let keycloak = read_as(&keycloak, &claims).unwrap();
        assert_eq!(keycloak.roles, ["admin", "offline_access"]);
        assert_eq!(keycloak.sid.as_deref(), Some("s"));

        let cognito = json!({"audience_claim": "client_id", "roles_claim": ["cognito:groups"],
            "claims": {"token_use": "access"}});
        let claims = json!({"aud": "absent", "azp": "absent", "client_id": "app", "token_use": "access",
            "cognito:groups": ["staff"]});
        let cognito = read_as(&cognito, &claims).unwrap();
        assert!(cognito.aud.is_only("app"));
        assert_eq!(cognito.roles, ["staff"]);
    }

    #[test]
    fn a_pinned_claim_has_its_very_value() {
        let pinned = json!({"claims": {"token_use": "access"}});
        for (value, taken) in [
            (json!("access"), true),
            (json!("id"), false),
            (json!("Access"), false),
            (json!(["access"]), false),
            (json!("absent"), false),
        ] {
            let claims = read_as(&pinned, &json!({ "token_use": value }));
            assert_eq!(claims.is_some(), taken, "{value}");
        }
    }

    #[test]
    fn scopes_come_in_a_text_or_in_a_list_and_odd_ones_grant_nothing() {
        for (scope, read) in [
            (json!("absent"), ""),
            (json!(""), ""),
            (json!("b a"), "a b"),
            (json!("a  b"), "a b"),
            (json!(["a", "b"]), "a b"),
            (json!(["a b", "c"]), "c"),
            (json!("\u{e9} a"), "a"),
        ] {
            let claims = read_as(&json!({}), &json!({ "scope": scope })).unwrap();
            assert_eq!(claims.scope.to_string(), read, "{scope}");
        }
    }

    #[test]
    fn odd_claims_are_refused() {
        for changes in [
            json!({"iss": 7}),
            json!({"sub": ""}),
            json!({"sub": "absent"}),
            json!({"sub": "a\u{0}b"}),
            json!({"aud": []}),
            json!({"aud": [7]}),
            json!({"aud": "absent"}),
            json!({"iat": "absent"}),
            json!({"iat": 1.5}),
            json!({"exp": "absent"}),
            json!({"exp": "1800003600"}),
            json!({"exp": 1_800_000_000.5}),
            json!({"exp": -1}),
            json!({"exp": 1_799_999_999}),
            json!({"exp": 253_402_300_800_i64}),
            json!({"exp": 1e30}),
            json!({"nbf": "now"}),
            json!({"nbf": null}),
            json!({"scope": 7}),
            json!({"scope": [7]}),
            json!({"sid": null}),
            json!({"azp": 7}),
        ] {
            assert_eq!(read_as(&json!({}), &changes), None, "{changes}");
        }
        let way = json!({"roles_claim": ["a", "b"]});
        for (value, taken) in [
            (json!("absent"), true),
            (json!({}), true),
            (json!({"b": []}), true),
            (json!({"b": "admin"}), false),
            (json!({"b": [1]}), false),
            (json!(["b"]), false),
        ] {
            assert_eq!(
                read_as(&way, &json!({ "a": value })).is_some(),
                taken,
                "{value}"
            );
        }
    }
}
