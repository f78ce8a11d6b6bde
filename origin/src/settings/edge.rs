//! `[edge]`: the channel from the edge.

use serde::{Deserialize, Serialize};

use super::{
    error::{Checked, invalid},
    secret::Secret,
};

/// The channel from the edge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// What the edge shows so that its word on a client's address and country is believed; the
    /// edge has the same as `EDGE_SECRET`. Empty: nobody is believed.
    pub secret: Secret,
}

impl Edge {
    pub(super) fn check(&self) -> Checked {
        let fits = self.secret.expose().is_none_or(|secret| {
            (16..=256).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if fits {
            return Ok(());
        }
        Err(invalid(
            "edge.secret",
            "must have 16 to 256 visible ASCII characters, or none",
        ))
    }
}
