//! `[cookies]`: browsers that hold their tokens in cookies.

use serde::{Deserialize, Serialize};

use super::{
    error::{Checked, invalid},
    issuer::Issuer,
};
use crate::domain::web_origin::{Trusted, WebOrigin};

/// Browsers that hold their tokens in cookies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cookies {
    /// Origins, beside that of the issuer, whose pages may send cookies to us with requests that
    /// change something: scheme, host and port as a browser writes them in `Origin`.
    pub origins: Vec<String>,
}

impl Cookies {
    /// Whose pages may: the issuer's and those that are named.
    pub fn trusted(&self, issuer: &Issuer) -> Trusted {
        let named = self.origins.iter().filter_map(|text| text.parse().ok());
        Trusted {
            own: WebOrigin::of_url(issuer.as_str()),
            others: named.collect(),
        }
    }

    pub(super) fn check(&self) -> Checked {
        let off = self
            .origins
            .iter()
            .find(|text| text.parse::<WebOrigin>().is_err());
        match off {
            None => Ok(()),
            Some(text) => Err(invalid(
                "cookies.origins",
                format!("must be origins such as https://app.example, not {text:?}"),
            )),
        }
    }
}
