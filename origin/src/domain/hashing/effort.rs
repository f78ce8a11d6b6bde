//! What it takes to check a password against a stored hash, told from its parameters.
//!
//! Work is told in units of what argon2 takes for one KiB in one pass: about a microsecond. That of
//! other kinds is an estimate, which decides nothing but who has to wait for whom.

use argon2::{Params, PasswordHash};

use super::{Parameters, foreign::ForeignHash};

/// By how much a check may be harder than one of today's and still go beside others.
const TIMES_HARDER: u64 = 4;

/// Work, and memory, that are never heavy, however little today's parameters ask for: a tenth of a
/// second, and two mebibytes.
const LIGHT_WORK: u64 = 100_000;
const LIGHT_MEMORY_KIB: u32 = 2 * 1024;

/// Memory and work of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effort {
    memory_kib: u32,
    work: u64,
}

impl Effort {
    /// That of a stored hash; `None` where it is none that can be checked.
    pub(super) fn of(hash: &str) -> Option<Self> {
        if hash.starts_with("$argon2") {
            let params = Params::try_from(&PasswordHash::new(hash).ok()?).ok()?;
            return Some(Self {
                memory_kib: params.m_cost(),
                work: u64::from(params.m_cost()).saturating_mul(params.t_cost().into()),
            });
        }
        let foreign: ForeignHash = hash.parse().ok()?;
        Some(Self {
            memory_kib: foreign.memory_kib(),
            work: foreign.work(),
        })
    }

    /// Whether others of its kind must wait meanwhile.
    pub(super) fn is_heavy(self, today: &Parameters) -> bool {
        let own = u64::from(today.memory_kib).saturating_mul(today.iterations.into());
        let work = own.saturating_mul(TIMES_HARDER).max(LIGHT_WORK);
        let memory_kib = today.memory_kib.max(LIGHT_MEMORY_KIB);
        self.memory_kib > memory_kib || self.work > work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Parameters = Parameters {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };

    fn is_heavy(hash: &str) -> bool {
        Effort::of(hash).unwrap().is_heavy(&TODAY)
    }

    #[test]
    fn what_takes_more_memory_or_four_times_the_work_is_heavy() {
        let argon2 = |parameters: &str| {
            format!(
                "$argon2id$v=19${parameters}$c29tZXNhbHQwMTIzNDU2Nzg5YWJjZA$ZGAi1rrL/beTjqCQUFK023OBFzhefqo4qM+GOCCW10Y"
            )
        };
        let bcrypt = |cost: u32| {
            format!("$2b${cost:02}$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni")
        };
        let pbkdf2 = |rounds: u32| {
            format!(
                "$pbkdf2-sha256${rounds}$wTinNMZYS.m9d27N2VsrRQ$MzZoC5XqqjLaAvxzXOttzeCOG6EUlyG8L9/uX2t9cqc"
            )
        };
        let scrypt = |log_n: u32| {
            format!(
                "$scrypt$ln={log_n},r=8,p=1$R2hNybnXes+Zs1bqvZfS+g$v638fLY4OmZREx0/eGGDYk+7DCx9LrxtL5873AFMsec"
            )
        };
        for (light, heavy) in [
            (argon2("m=19456,t=8,p=1"), argon2("m=19456,t=9,p=1")),
            (argon2("m=19456,t=1,p=1"), argon2("m=19457,t=1,p=1")),
            (bcrypt(10), bcrypt(11)),
            (pbkdf2(300_000), pbkdf2(600_000)),
            (scrypt(14), scrypt(15)),
        ] {
            assert!(!is_heavy(&light), "{light}");
            assert!(is_heavy(&heavy), "{heavy}");
        }
        let cheap = Parameters {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
        };
        let is_heavy = |hash: &str| Effort::of(hash).unwrap().is_heavy(&cheap);
        assert!(!is_heavy(&argon2("m=2048,t=48,p=1")) && !is_heavy(&scrypt(10)));
        assert!(is_heavy(&argon2("m=2048,t=49,p=1")) && is_heavy(&argon2("m=2049,t=1,p=1")));
        assert_eq!(Effort::of("$argon2id$"), None);
        assert_eq!(Effort::of("none"), None);
    }
}
