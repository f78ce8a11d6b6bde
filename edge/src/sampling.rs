//! Which decisions are logged: a share of them, chosen by the request's id.
//!
//! Invariant: the choice depends on the id alone, so that a request is logged wholly or not at all,
//! and a larger share holds whatever a smaller one does.

use std::str::FromStr;

/// A share of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many of 2^32 points belong to it.
    points: u64,
}

/// The points that a request's id may fall on.
const ALL_POINTS: u64 = 1 << 32;

/// The text is not a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidShare;

impl Share {
    /// No request.
    pub const NONE: Self = Self { points: 0 };
    /// Every request.
    pub const ALL: Self = Self { points: ALL_POINTS };

    /// Whether the request of this id belongs to it.
    ///
    /// ```
    /// use portcullis_edge::sampling::Share;
    /// assert!(Share::ALL.holds("any") && !Share::NONE.holds("any"));
    /// let half: Share = "0.5".parse().unwrap();
    /// assert_eq!(half.holds("request-1"), half.holds("request-1"));
    /// ```
    pub fn holds(self, request_id: &str) -> bool {
        match self.points {
            0 => false,
            ALL_POINTS => true,
            points => point(request_id) < points,
        }
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        // Up to nine places: reading numbers of any form is a lot of code for a Worker.
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if places.len() > 9 || !digits(places) || !matches!(whole, "0" | "1") {
            return Err(InvalidShare);
        }
        let billionths: u64 = format!("{whole}{places:0<9}")
            .parse()
            .map_err(|_| InvalidShare)?;
        if billionths > 1_000_000_000 {
            return Err(InvalidShare);
        }
        let points = billionths * ALL_POINTS / 1_000_000_000;
        Ok(Self { points })
    }
}

/// Where an id falls: FNV-1a, and its bits mixed well, since ids may differ in a few places only.
fn point(id: &str) -> u64 {
    let fnv = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed >> 32
}

/// Which decisions are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// `LOG_DECISIONS`: the share of those that let the request pass.
    pub passed: Share,
    /// `LOG_REFUSALS`: the share of those that refused it, or would have.
    pub refused: Share,
}

impl Default for Logged {
    fn default() -> Self {
        Self {
            passed: Share::NONE,
            refused: Share::ALL,
        }
    }
}

impl Logged {
    /// Whether a decision that let the request of this id pass is logged.
    pub fn takes_passed(&self, request_id: &str) -> bool {
        self.passed.holds(request_id)
    }

    /// Whether a refusal of the request of this id is logged.
    pub fn takes_refused(&self, request_id: &str) -> bool {
        self.refused.holds(request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_holds_about_as_many_as_it_says() {
        let ids: Vec<String> = (0..10_000).map(|number| format!("ray-{number}")).collect();
        for (text, expected) in [("0", 0), ("0.01", 100), ("0.5", 5_000), ("1", 10_000)] {
            let share: Share = text.parse().unwrap();
            let held = ids.iter().filter(|id| share.holds(id)).count();
            let slack = expected / 5 + 50 * usize::from(!matches!(expected, 0 | 10_000));
            assert!(held.abs_diff(expected) <= slack, "{text}: {held}");
        }
    }

    #[test]
    fn a_larger_share_holds_what_a_smaller_one_does() {
        let (small, large): (Share, Share) = ("0.1".parse().unwrap(), "0.3".parse().unwrap());
        let ids = (0..1_000).map(|number| format!("{number:x}"));
        let mut both = 0;
        for id in ids {
            assert!(large.holds(&id) || !small.holds(&id), "{id}");
            both += usize::from(small.holds(&id));
        }
        assert!(both > 0);
    }

    #[test]
    fn what_is_not_a_share_is_refused() {
        for text in ["", "-0.1", "1.1", "NaN", "inf", "half", "1%"] {
            assert_eq!(text.parse::<Share>(), Err(InvalidShare), "{text}");
        }
    }
}
