//! A password hash from outside, as it may be stored: well formed, of a known kind, and within the
//! limits of memory and work.

use std::{fmt, str::FromStr};

use argon2::{Algorithm, Params, PasswordHash, Version};

use super::foreign::{ForeignHash, HASH_LIMIT, MEMORY_LIMIT_KIB, RefusedHash};

/// The most memory that all passes of argon2 together may go through, in KiB: about a second.
const ARGON2_WORK_LIMIT_KIB: u64 = 1024 * 1024;

/// The shortest output of argon2 that is taken, in bytes.
const SHORTEST_OUTPUT: usize = 16;

/// A hash that a user may be imported with.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash(String);

impl ImportedHash {
    /// The hash as it is stored.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for ImportedHash {
    type Err = RefusedHash;

    fn from_str(text: &str) -> Result<Self, RefusedHash> {
        if text.len() > HASH_LIMIT {
            return Err(RefusedHash::TooLong);
        }
        // Django writes its own name of the kind before a PHC string.
        let phc = text.strip_prefix("argon2").unwrap_or(text);
        if phc.starts_with("$argon2") {
            check_argon2(phc)?;
            return Ok(Self(phc.to_owned()));
        }
        text.parse::<ForeignHash>()?;
        Ok(Self(text.to_owned()))
    }
}

fn check_argon2(text: &str) -> Result<(), RefusedHash> {
    let malformed = RefusedHash::Malformed("argon2");
    let hash = PasswordHash::new(text).map_err(|_| malformed)?;
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
    hash.version
        .map_or(Ok(Version::V0x13), Version::try_from)
        .map_err(|_| malformed)?;
    let complete = hash.salt.is_some()
        && hash
            .hash
            .is_some_and(|output| output.len() >= SHORTEST_OUTPUT);
    if !complete {
        return Err(malformed);
    }
    if params.m_cost() > MEMORY_LIMIT_KIB {
        return Err(RefusedHash::Memory);
    }
    if u64::from(params.m_cost()) * u64::from(params.t_cost()) > ARGON2_WORK_LIMIT_KIB {
        return Err(RefusedHash::Work {
            parameter: "argon2's m × t",
            limit: ARGON2_WORK_LIMIT_KIB,
        });
    }
    Ok(())
}

impl fmt::Debug for ImportedHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ImportedHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(hash: &str) -> RefusedHash {
        hash.parse::<ImportedHash>().unwrap_err()
    }

    #[test]
    fn djangos_argon2_becomes_a_phc_string_and_all_else_stays_as_it_is() {
        let phc = "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y";
        let bcrypt = "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni";
        for (text, stored) in [
            (phc.to_owned(), phc),
            (format!("argon2{phc}"), phc),
            (bcrypt.to_owned(), bcrypt),
        ] {
            let hash: ImportedHash = text.parse().unwrap();
            assert_eq!(hash.into_string(), stored);
        }
    }

    #[test]
    fn argon2_is_taken_within_the_limits_and_in_its_form_alone() {
        let of = |head: &str| {
            format!(
                "{head}$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y"
            )
        };
        for head in [
            "$argon2i$v=19$m=64,t=1,p=1",
            "$argon2d$v=16$m=64,t=1,p=1",
            "$argon2id$m=64,t=1,p=1",
            "$argon2id$v=19$m=262144,t=4,p=4",
        ] {
            assert!(of(head).parse::<ImportedHash>().is_ok(), "{head}");
        }
        assert_eq!(
            refused(&of("$argon2id$v=19$m=262145,t=1,p=1")),
            RefusedHash::Memory
        );
        assert!(matches!(
            refused(&of("$argon2id$v=19$m=262144,t=5,p=1")),
            RefusedHash::Work { .. }
        ));
        for hash in [
            of("$argon2x$v=19$m=64,t=1,p=1"),
            of("$argon2id$v=20$m=64,t=1,p=1"),
            of("$argon2id$v=19$m=64,t=0,p=1"),
            of("$argon2id$v=19$m=8,t=1,p=2"),
            of("$argon2id$v=19$m=64,t=1,p=1,x=1"),
            "$argon2id$v=19$m=64,t=1,p=1".to_owned(),
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrLbeTjqA".to_owned(),
            "$argon2id".to_owned(),
        ] {
            assert_eq!(refused(&hash), RefusedHash::Malformed("argon2"), "{hash}");
        }
    }
}
