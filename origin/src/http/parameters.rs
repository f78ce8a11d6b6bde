//! The parameters of the OAuth endpoints: a form as RFC 6749 has it, or a JSON object of strings.
//!
//! Unknown ones are ignored, ones without a value count as absent, repeated ones are refused
//! (RFC 6749 §3.1, §3.2). Who calls is in them too, or in the `Authorization` header
//! (RFC 6749 §2.3.1).

use std::fmt;

use base64ct::{Base64, Encoding};
use poem::{Request, RequestBody, Result, http::HeaderMap};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use zeroize::Zeroizing;

use super::{
    answer::JSON,
    bearer::{self, Authorization},
    body::{self, Unreadable},
    failure::Failure,
    form, oauth,
};

/// The media type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a request. `T` describes them in the OpenAPI document.
#[derive(Debug)]
pub(crate) struct Parameters<T> {
    pairs: Vec<(String, Zeroizing<String>)>,
    authorization: Authorization,
    describes: std::marker::PhantomData<fn() -> T>,
}

/// How a client named itself.
#[derive(Debug)]
pub(crate) struct Client {
    /// `client_id`; none where the request names no client.
    pub id: Option<String>,
    /// `client_secret`.
    pub secret: Option<Zeroizing<String>>,
}

impl<T> Parameters<T> {
    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(other, _)| other == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    ///
    /// `invalid_request`.
    pub(crate) fn require(&self, name: &str) -> Result<&str, Failure> {
        let missing = || invalid(&format!("the parameter {name} is missing"));
        self.get(name).ok_or_else(missing)
    }

    /// The bearer token of the `Authorization` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        match &self.authorization {
            Authorization::Bearer(token) => Some(token),
            Authorization::Basic(_) | Authorization::Absent => None,
        }
    }

    /// How the client named itself: by HTTP Basic, or in the body, but not both (RFC 6749 §2.3).
    ///
    /// # Errors
    ///
    /// `invalid_request` for two ways at once; `invalid_client` for a header that is no client's.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let id = self.get("client_id");
        let secret = self.get("client_secret");
        match &self.authorization {
            Authorization::Absent => Ok(Client {
                id: id.map(str::to_owned),
                secret: secret.map(|secret| Zeroizing::new(secret.to_owned())),
            }),
            Authorization::Basic(encoded) => {
                let client = basic(encoded).ok_or(Failure::oauth(oauth::Error::InvalidClient))?;
                // The same id once more is no second way to authenticate.
                let twice =
                    secret.is_some() || id.is_some_and(|id| client.id.as_deref() != Some(id));
                if twice {
                    Err(invalid("the client authenticates in two ways"))
                } else {
                    Ok(client)
                }
            }
            Authorization::Bearer(_) => Err(Failure::oauth(oauth::Error::InvalidClient)),
        }
    }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(encoded: &str) -> Option<Client> {
    let decoded = Zeroizing::new(Base64::decode_vec(encoded).ok()?);
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (id, secret) = decoded.split_at_checked(colon)?;
    let id = form::decode(id).ok()?;
    let secret = Zeroizing::new(form::decode(secret.get(1..)?).ok()?);
    // A public client may name itself so, with an empty secret.
    let secret = (!secret.is_empty()).then_some(secret);
    Some(Client {
        id: Some(id),
        secret,
    })
}

fn invalid(description: &str) -> Failure {
    Failure::oauth(oauth::Error::InvalidRequest).detail(description)
}

impl<'a, T: Type> ApiExtractor<'a> for Parameters<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = |content_type| MetaMediaType {
            content_type,
            schema: T::schema_ref(),
        };
        Some(MetaRequest {
            description: None,
            content: vec![content(FORM), content(JSON)],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let authorization = authorization(request.headers())?;
        let media_type = body::media_type(request);
        let is_form = match media_type.as_deref() {
            Some(FORM) => true,
            Some(JSON) => false,
            Some(_) | None => {
                let failure = Failure::oauth(oauth::Error::UnsupportedMediaType);
                return Err(failure
                    .detail(format!("the body must be {FORM} or {JSON}"))
                    .into());
            }
        };
        let bytes = Zeroizing::new(body::read(request, body).await.map_err(unreadable)?);
        let pairs = if is_form {
            form::parse(&bytes).map_err(|error| invalid(&error.to_string()))?
        } else {
            let object: Object = serde_json::from_slice(&bytes).map_err(|_| {
                invalid("the body is not a JSON object of strings, each there once")
            })?;
            object.0
        };
        let pairs = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, Zeroizing::new(value)))
            .collect();
        Ok(Self {
            pairs,
            authorization,
            describes: std::marker::PhantomData,
        })
    }
}

fn authorization(headers: &HeaderMap) -> Result<Authorization, Failure> {
    bearer::authorization(headers).map_err(|error| match error {
        bearer::Malformed::Repeated => invalid("there are two Authorization headers"),
        bearer::Malformed::Scheme => Failure::oauth(oauth::Error::InvalidClient),
    })
}

fn unreadable(error: Unreadable) -> Failure {
    match error {
        Unreadable::TooLarge => Failure::oauth(oauth::Error::TooLarge),
        Unreadable::Broken => invalid("the body did not arrive"),
    }
}

/// Every parameter that an endpoint looks at. As JSON it must be a string: taking another value
/// for an absent one would, for a scope, give more than was asked for.
const KNOWN: [&str; 13] = [
    "actor_token",
    "audience",
    "client_id",
    "client_secret",
    "grant_type",
    "refresh_token",
    "requested_token_type",
    "resource",
    "scope",
    "subject_token",
    "subject_token_type",
    "token",
    "token_type_hint",
];

/// A JSON object whose members are there once each; only the strings are of interest.
struct Object(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object, A::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Member {
            Text(String),
            Other(IgnoredAny),
        }
        let (mut pairs, mut names) = (Vec::new(), std::collections::BTreeSet::new());
        while let Some((name, member)) = map.next_entry::<String, Member>()? {
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom("a member is repeated"));
            }
            match member {
                Member::Text(value) => pairs.push((name, value)),
                Member::Other(_) if KNOWN.contains(&name.as_str()) => {
                    return Err(serde::de::Error::custom("a parameter is not a string"));
                }
                Member::Other(_) => {}
            }
        }
        Ok(Object(pairs))
    }
}
