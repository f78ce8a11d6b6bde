//! PBKDF2 (RFC 8018 §5.2) with HMAC of SHA-1, SHA-256 or SHA-512: `$pbkdf2-sha256$i=…,l=…$` (PHC),
//! `$pbkdf2-sha256$29000$` (passlib), `pbkdf2_sha256$` (Django), `pbkdf2:sha256:` (Werkzeug). The
//! latter two take the salt's text for the salt.

use ::pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{
    RefusedHash,
    text::{self, Output},
};

/// The most iterations, of all blocks of the output together: about a second.
const ITERATIONS_LIMIT: u64 = 2_000_000;

#[derive(Clone, Copy)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

pub(super) struct Hash {
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    output: Output,
}

impl Hash {
    /// `None` for text that is no PBKDF2.
    pub(super) fn recognise(text: &str) -> Option<Result<Self, RefusedHash>> {
        let (name, parsed) = if let Some(rest) = text.strip_prefix("$pbkdf2") {
            ("PBKDF2", Self::modular(rest))
        } else if let Some(rest) = text.strip_prefix("pbkdf2_") {
            ("Django's PBKDF2", Self::django(rest))
        } else if let Some(rest) = text.strip_prefix("pbkdf2:") {
            ("Werkzeug's PBKDF2", Self::werkzeug(rest))
        } else {
            return None;
        };
        let hash = parsed.ok_or(RefusedHash::Malformed(name));
        Some(hash.and_then(Self::within_limits))
    }

    fn within_limits(self) -> Result<Self, RefusedHash> {
        if self.iterations_of_all_blocks() > ITERATIONS_LIMIT {
            return Err(RefusedHash::Work {
                parameter: "PBKDF2's iterations (for each block of output)",
                limit: ITERATIONS_LIMIT,
            });
        }
        Ok(self)
    }

    /// What follows `$pbkdf2`: passlib writes the bare number, PHC `i=` and perhaps `l=`.
    fn modular(text: &str) -> Option<Self> {
        let [digest, parameters, salt, output] = text::parts(text)?;
        let digest = match digest {
            "" => Digest::Sha1,
            _ => Digest::named(digest.strip_prefix('-')?)?,
        };
        if let Some(iterations) = text::decimal(parameters) {
            let (salt, output) = (text::dotted_base64(salt)?, text::dotted_base64(output)?);
            return Self::of(digest, iterations, salt, output);
        }
        let (salt, output) = (text::base64(salt)?, text::base64(output)?);
        let iterations = match parameters.split_once(',') {
            None => text::named("i", parameters)?,
            Some((iterations, length)) => {
                let length = usize::try_from(text::named("l", length)?).ok()?;
                text::named("i", iterations).filter(|_| length == output.len())?
            }
        };
        Self::of(digest, iterations, salt, output)
    }

    fn django(text: &str) -> Option<Self> {
        let [digest, iterations, salt, output] = text::parts(text)?;
        let digest = match digest {
            "sha1" => Digest::Sha1,
            "sha256" => Digest::Sha256,
            _ => return None,
        };
        let iterations = text::decimal(iterations)?;
        Self::of(
            digest,
            iterations,
            salt.into(),
            text::padded_base64(output)?,
        )
    }

    fn werkzeug(text: &str) -> Option<Self> {
        let [method, salt, output] = text::parts(text)?;
        let (digest, iterations) = method.split_once(':')?;
        let (digest, iterations) = (Digest::named(digest)?, text::decimal(iterations)?);
        Self::of(digest, iterations, salt.into(), text::hexadecimal(output)?)
    }

    fn of(digest: Digest, iterations: u32, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        Some(Self {
            digest,
            iterations,
            salt,
            output: Output::new(output)?,
        })
    }

    fn iterations_of_all_blocks(&self) -> u64 {
        let blocks = self.output.len().div_ceil(self.digest.bytes());
        let blocks = u64::try_from(blocks).unwrap_or(u64::MAX);
        u64::from(self.iterations).saturating_mul(blocks)
    }

    /// See [`ForeignHash::work`](super::ForeignHash::work). Many a processor has instructions for
    /// SHA-1 and SHA-256.
    pub(super) fn work(&self) -> u64 {
        let iterations = self.iterations_of_all_blocks();
        match self.digest {
            Digest::Sha1 | Digest::Sha256 => iterations / 2,
            Digest::Sha512 => iterations,
        }
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut computed = vec![0; self.output.len()];
        let derive = match self.digest {
            Digest::Sha1 => pbkdf2_hmac::<Sha1>,
            Digest::Sha256 => pbkdf2_hmac::<Sha256>,
            Digest::Sha512 => pbkdf2_hmac::<Sha512>,
        };
        derive(password, &self.salt, self.iterations, &mut computed);
        self.output.is(&computed)
    }
}

impl Digest {
    fn named(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
