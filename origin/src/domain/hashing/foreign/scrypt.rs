//! scrypt (RFC 7914): `$scrypt$ln=…,r=…,p=…$` (PHC, passlib), `scrypt$` (Django), `scrypt:`
//! (Werkzeug). The latter two take the salt's text for the salt.

use ::scrypt::Params;

use super::{
    MEMORY_LIMIT_KIB, RefusedHash,
    text::{self, Output},
};

/// The most memory that all lanes together may go through, in KiB: about a second.
const WORK_LIMIT_KIB: u64 = 384 * 1024;

/// What a KiB takes, as [`work`](Hash::work) tells it.
const KIB: u64 = 4;

pub(super) struct Hash {
    cost: Cost,
    salt: Vec<u8>,
    output: Output,
}

/// The parameters: 2^`log_n` blocks of 128 × `r` bytes, `p` times.
#[derive(Clone, Copy)]
struct Cost {
    log_n: u32,
    r: u32,
    p: u32,
}

impl Hash {
    /// `None` for text that is no scrypt.
    pub(super) fn recognise(text: &str) -> Option<Result<Self, RefusedHash>> {
        let (name, parsed) = if let Some(rest) = text.strip_prefix("$scrypt$") {
            ("scrypt", Self::phc(rest))
        } else if let Some(rest) = text.strip_prefix("scrypt$") {
            ("Django's scrypt", Self::django(rest))
        } else if let Some(rest) = text.strip_prefix("scrypt:") {
            ("Werkzeug's scrypt", Self::werkzeug(rest))
        } else {
            return None;
        };
        let hash = parsed.ok_or(RefusedHash::Malformed(name));
        Some(hash.and_then(Self::within_limits))
    }

    fn within_limits(self) -> Result<Self, RefusedHash> {
        let Cost { log_n, r, p } = self.cost;
        let bytes = |factor: u64| factor.checked_mul(128 * u64::from(r));
        let blocks = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX);
        let limit = 1024 * u64::from(MEMORY_LIMIT_KIB);
        // One lane's blocks, and beside them what the lanes start from.
        if [blocks, u64::from(p)]
            .into_iter()
            .any(|factor| bytes(factor).is_none_or(|bytes| bytes > limit))
        {
            return Err(RefusedHash::Memory);
        }
        if blocks * 128 * u64::from(r) * u64::from(p) > 1024 * WORK_LIMIT_KIB {
            return Err(RefusedHash::Work {
                parameter: "scrypt's N × r × p",
                limit: 1024 * WORK_LIMIT_KIB / 128,
            });
        }
        Ok(self)
    }

    fn phc(text: &str) -> Option<Self> {
        let [parameters, salt, output] = text::parts(text)?;
        let mut parameters = parameters.split(',');
        let cost = Cost {
            log_n: text::named("ln", parameters.next()?)?,
            r: text::named("r", parameters.next()?)?,
            p: text::named("p", parameters.next()?)?,
        };
        parameters.next().is_none().then_some(())?;
        Self::of(cost, text::base64(salt)?, text::base64(output)?)
    }

    fn django(text: &str) -> Option<Self> {
        let [n, salt, r, p, output] = text::parts(text)?;
        Self::of(
            Cost::of_decimals(n, r, p)?,
            salt.into(),
            text::padded_base64(output)?,
        )
    }

    fn werkzeug(text: &str) -> Option<Self> {
        let [parameters, salt, output] = text::parts(text)?;
        let (n, lanes) = parameters.split_once(':')?;
        let (r, p) = lanes.split_once(':')?;
        Self::of(
            Cost::of_decimals(n, r, p)?,
            salt.into(),
            text::hexadecimal(output)?,
        )
    }

    fn of(cost: Cost, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        let output = Output::new(output)?;
        Some(Self { cost, salt, output })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        let Cost { log_n, r, p } = self.cost;
        let blocks = 1_u32.checked_shl(log_n).unwrap_or(u32::MAX);
        (r.saturating_mul(blocks.saturating_add(p)) / 8).max(1)
    }

    /// See [`ForeignHash::work`](super::ForeignHash::work).
    pub(super) fn work(&self) -> u64 {
        let Cost { log_n, r, p } = self.cost;
        let blocks = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX);
        let kib = blocks
            .saturating_mul(u64::from(r))
            .saturating_mul(u64::from(p))
            / 8;
        kib.saturating_mul(KIB)
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let Cost { log_n, r, p } = self.cost;
        let params = u8::try_from(log_n).map(|log_n| Params::new(log_n, r, p));
        let mut computed = vec![0; self.output.len()];
        params.is_ok_and(|params| {
            params.is_ok_and(|params| {
                ::scrypt::scrypt(password, &self.salt, &params, &mut computed).is_ok()
                    && self.output.is(&computed)
            })
        })
    }
}

impl Cost {
    /// With N itself, a power of two, in the place of its logarithm.
    fn of_decimals(n: &str, r: &str, p: &str) -> Option<Self> {
        let n = text::decimal(n).filter(|n| n.is_power_of_two() && *n > 1)?;
        Some(Self {
            log_n: n.ilog2(),
            r: text::decimal(r)?,
            p: text::decimal(p)?,
        })
    }
}
