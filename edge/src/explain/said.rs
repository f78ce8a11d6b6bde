//! What access tokens and links both say of themselves, held against what they are judged by.

use portcullis_shared::{
    claims::AccessClaims, ids::KeyId, inspect::Inspection, keys::KeySet, link::LinkClaims,
    link::MAX_LINK_LIFETIME, revocation::Revocations, time::UnixSeconds,
};

use crate::gate::{Case, Config, Reason};

use super::{
    Known,
    checks::{BESIDE, CLAIMS, EXPIRY, FORM, ISSUER, LIFETIME, NOT_BEFORE, REVOCATION, SIGNATURE},
};

/// The claims that both have, and whose key they name.
pub(super) struct Said<'a> {
    key_id: &'a KeyId,
    issuer: &'a str,
    iat: UnixSeconds,
    nbf: Option<UnixSeconds>,
    exp: UnixSeconds,
    /// The longest lifetime that is taken, in seconds.
    longest: i64,
}

impl<'a> Said<'a> {
    pub(super) fn by_token(inspection: &'a Inspection<AccessClaims>, longest: i64) -> Self {
        let claims = inspection.unproven_claims();
        Self {
            key_id: inspection.key_id(),
            issuer: &claims.iss,
            iat: claims.iat,
            nbf: claims.nbf,
            exp: claims.exp,
            longest,
        }
    }

    pub(super) fn by_link(inspection: &'a Inspection<LinkClaims>) -> Self {
        let claims = inspection.unproven_claims();
        Self {
            key_id: inspection.key_id(),
            issuer: &claims.iss,
            iat: claims.iat,
            nbf: None,
            exp: claims.exp,
            longest: MAX_LINK_LIFETIME,
        }
    }

    /// A time at which it is valid.
    pub(super) fn valid_at(&self) -> UnixSeconds {
        self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat))
    }

    /// Its issuer.
    pub(super) fn issuer(&self) -> &'a str {
        self.issuer
    }
}

/// What was found where the claims cannot be read.
pub(super) fn unread(reason: Option<Reason>) -> String {
    reason.map_or_else(|| "as it must be".to_owned(), |reason| reason.to_string())
}

/// What was found by a check that both have.
pub(super) fn detail(
    said: &Said<'_>,
    (config, known, case): (&Config, &Known, &Case<'_>),
    check: &'static str,
    reason: Option<Reason>,
) -> String {
    let at = |time: UnixSeconds| {
        let distance = distance(time.since(known.now));
        format!("{} ({distance})", (known.written)(time))
    };
    match (check, reason) {
        (SIGNATURE, _) => signature(known, said.key_id, reason),
        (ISSUER, _) => {
            let taken = match &case.demand().issuers {
                Some(issuers) => issuers.join(", "),
                None => config.settings.issuer.clone(),
            };
            format!("`iss` is {}; taken here: {taken}", said.issuer)
        }
        (LIFETIME, _) => {
            let (own, longest) = (said.exp.since(said.iat), said.longest);
            format!("`exp` - `iat` is {own} s; at most {longest} s are taken")
        }
        (EXPIRY, _) => format!("`exp` is {}", at(said.exp)),
        (NOT_BEFORE, _) => {
            let nbf = said.nbf.map(|nbf| format!(", `nbf` {}", at(nbf)));
            format!("`iat` is {}{}", at(said.iat), nbf.unwrap_or_default())
        }
        (_, Some(reason)) => reason.to_string(),
        (REVOCATION, None) => {
            let seq = known.revocations.as_ref().map_or(0, Revocations::seq);
            format!("nothing of it is revoked, up to seq {seq}")
        }
        (BESIDE, None) => "the cookie beside it is of the same session".to_owned(),
        (FORM | CLAIMS, None) => "as it must be".to_owned(),
        (_, None) => String::new(),
    }
}

fn signature(known: &Known, key_id: &KeyId, reason: Option<Reason>) -> String {
    let goes_on = "what follows is the credential's own word";
    match reason {
        Some(Reason::UnknownKey) => {
            let ids = known.keys.iter().flat_map(KeySet::ids);
            let ids: Vec<_> = ids.map(KeyId::as_str).collect();
            let ids = ids.join(", ");
            format!("the key set has no key {key_id}, but {ids}; {goes_on}")
        }
        Some(reason) => format!("{reason}, by the key {key_id}; {goes_on}"),
        None => format!("good, by the key {key_id}"),
    }
}

/// How far a time is from now, in words.
fn distance(seconds: i64) -> String {
    let (count, unit) = match seconds.saturating_abs() {
        count @ 0..=119 => (count, "s"),
        count @ 120..=7_199 => (count / 60, "min"),
        count @ 7_200..=172_799 => (count / 3_600, "h"),
        count => (count / 86_400, "days"),
    };
    if seconds < 0 {
        format!("{count} {unit} ago")
    } else {
        format!("in {count} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_unit_that_one_reads_easily() {
        for (seconds, text) in [
            (0, "in 0 s"),
            (-1, "1 s ago"),
            (119, "in 119 s"),
            (120, "in 2 min"),
            (-7_200, "2 h ago"),
            (864_000, "in 10 days"),
            (i64::MIN, "106751991167300 days ago"),
        ] {
            assert_eq!(distance(seconds), text);
        }
    }
}
