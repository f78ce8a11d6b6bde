//! The parsers of whatever comes from outside, each as a function over any bytes.
//!
//! Invariant: a target ends on every input, without a panic and without a broken promise; what it
//! promises is looked at by other means than those that it tests. `cargo xtask fuzz` has libFuzzer
//! look for an input that breaks one; the tests here run the seeds.

mod documents;
mod foreign;
mod keys;
mod links;
mod routes;
mod setting;
mod tokens;

/// By what the fuzzing program is told its target.
pub const TARGET_VARIABLE: &str = "PORTCULLIS_FUZZ_TARGET";

/// What can be fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An access token, as it comes, or signed here over any header and claims.
    AccessToken,
    /// A route table, and a request that is looked up in it.
    RouteTable,
    /// A key set.
    KeySet,
    /// A revocation document, as it comes, or signed here over any header and claims.
    Revocations,
    /// The link of a signed URL, likewise.
    Link,
    /// An API key.
    ApiKey,
    /// A token of another issuer, by its header and claims, or its key set.
    ForeignToken,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AccessToken,
        Self::RouteTable,
        Self::KeySet,
        Self::Revocations,
        Self::Link,
        Self::ApiKey,
        Self::ForeignToken,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access-token",
            Self::RouteTable => "route-table",
            Self::KeySet => "key-set",
            Self::Revocations => "revocations",
            Self::Link => "link",
            Self::ApiKey => "api-key",
            Self::ForeignToken => "foreign-token",
        }
    }

    /// Puts an input before it.
    ///
    /// # Panics
    ///
    /// When a promise is broken: that is what is looked for.
    pub fn run(self, data: &[u8]) {
        match self {
            Self::AccessToken => tokens::run(data),
            Self::RouteTable => routes::run(data),
            Self::KeySet => keys::run_key_set(data),
            Self::Revocations => documents::run(data),
            Self::Link => links::run(data),
            Self::ApiKey => keys::run_api_key(data),
            Self::ForeignToken => foreign::run(data),
        }
    }

    /// Inputs that lead far into it, for the fuzzer to begin with.
    pub fn seeds(self) -> Vec<Vec<u8>> {
        match self {
            Self::AccessToken => tokens::seeds(),
            Self::RouteTable => routes::seeds(),
            Self::KeySet => keys::key_set_seeds(),
            Self::Revocations => documents::seeds(),
            Self::Link => links::seeds(),
            Self::ApiKey => keys::api_key_seeds(),
            Self::ForeignToken => foreign::seeds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn every_target_keeps_its_promises_on_its_seeds_and_on_parts_of_them() {
        for target in Target::ALL {
            let seeds = target.seeds();
            assert!(!seeds.is_empty(), "{}", target.name());
            for seed in seeds {
                target.run(&seed);
                target.run(&seed[..seed.len() / 2]);
                target.run(&seed[seed.len() / 2..]);
            }
        }
    }

    #[test]
    fn the_seeds_lead_through_each_parser() {
        assert!(super::tokens::is_accepted(&super::tokens::seeds()[0]));
        assert!(super::documents::is_accepted(&super::documents::seeds()[0]));
        assert!(super::links::is_accepted(&super::links::seeds()[0]));
        assert!(super::foreign::is_accepted(&super::foreign::seeds()[0]));
        assert!(super::foreign::is_accepted(&super::foreign::seeds()[1]));
    }
}
