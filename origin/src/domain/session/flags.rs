//! What the rules of refresh have flagged about a session: each thing once, for people to see.

use std::{fmt, str::FromStr};

/// Something that was seen to change. The names are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Another country.
    Country,
    /// Another network.
    Network,
    /// Another program.
    UserAgent,
}

impl Flag {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Country, Self::Network, Self::UserAgent];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Network => "network",
            Self::UserAgent => "user_agent",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Country => 1,
            Self::Network => 2,
            Self::UserAgent => 4,
        }
    }
}

/// A set of [`Flag`]s; written as their names with a space between each two.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing flagged.
    pub const NONE: Self = Self(0);

    /// These, and `flag`.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag.bit())
    }

    /// Whether `flag` is among them.
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL
            .into_iter()
            .filter(move |flag| self.contains(*flag))
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        flags.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, flag) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(out, "{space}{}", flag.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

/// The text names something that is no flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a flag of a session")]
pub struct InvalidFlags;

impl FromStr for Flags {
    type Err = InvalidFlags;

    fn from_str(text: &str) -> Result<Self, InvalidFlags> {
        let flag = |word: &str| Flag::ALL.into_iter().find(|flag| flag.as_str() == word);
        text.split_ascii_whitespace()
            .map(|word| flag(word).ok_or(InvalidFlags))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back_from_their_text() {
        for bits in 0..8 {
            let flags = Flags(bits);
            assert_eq!(flags.to_string().parse(), Ok(flags));
        }
        let two: Flags = [Flag::UserAgent, Flag::Country, Flag::Country]
            .into_iter()
            .collect();
        assert_eq!(two.to_string(), "country user_agent");
        assert_eq!("country moon".parse::<Flags>(), Err(InvalidFlags));
    }
}
