//! Criteria as options.

use clap::Args;
use portcullis_shared::{ids::UserId, time::UnixSeconds};

use crate::{
    cli::when::When,
    domain::{
        criteria::{Country, Criteria, Fragment},
        network::Network,
        user::{Role, Username},
    },
};

/// Which sessions; all that is named must be met.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Sessions of the user of this name
    #[arg(long, value_name = "NAME")]
    user: Option<Username>,
    /// Sessions of the user of this identifier
    #[arg(long, value_name = "ID")]
    user_id: Option<UserId>,
    /// Sessions of users who have this role now
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Sessions that were opened with this client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Sessions last used from this country (ISO 3166-1 alpha-2); several with commas, or again
    #[arg(long = "country", value_name = "COUNTRY", value_delimiter = ',')]
    countries: Vec<Country>,
    /// Sessions last used from this address or network, such as 192.0.2.0/24
    #[arg(long, value_name = "NETWORK")]
    network: Option<Network>,
    /// Sessions whose last user agent contains this
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<Fragment>,
    /// Sessions whose device contains this
    #[arg(long, value_name = "TEXT")]
    device: Option<Fragment>,
    /// Sessions opened then or later: an age (15m, 12h, 7d), a date or a time in UTC, Unix seconds
    #[arg(long, value_name = "TIME")]
    created_after: Option<When>,
    /// Sessions opened before then
    #[arg(long, value_name = "TIME")]
    created_before: Option<When>,
    /// Sessions opened or refreshed then or later
    #[arg(long, value_name = "TIME")]
    last_used_after: Option<When>,
    /// Sessions neither opened nor refreshed since then
    #[arg(long, value_name = "TIME")]
    last_used_before: Option<When>,
}

impl Selection {
    /// The criteria, seen from `now`.
    pub(super) fn criteria(self, now: UnixSeconds) -> Criteria {
        let seen = |when: Option<When>| when.map(|when| when.from(now));
        Criteria {
            user_id: self.user_id,
            username: self.user,
            role: self.role,
            client_id: self.client,
            countries: self.countries.into_iter().collect(),
            network: self.network,
            user_agent: self.user_agent,
            device: self.device,
            created_after: seen(self.created_after),
            created_before: seen(self.created_before),
            last_used_after: seen(self.last_used_after),
            last_used_before: seen(self.last_used_before),
        }
    }
}
