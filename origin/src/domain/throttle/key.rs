//! What attempts, and places in the hashing pool, are counted by: keyed hashes, so that the table tells nobody which names were
//! tried and from where, not even that somebody typed a password as a username.
//!
//! The key of HMAC-SHA256 comes of the newest master key. Another newest one starts all counts
//! anew.

use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::ids::{SessionId, UserId};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::{
    master_key::{MasterKeys, Purpose},
    network::Network,
    user::Username,
};

/// The name of a count: 16 bytes that tell nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 16]);

/// Whose attempts are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// All from a network, whatever the name.
    Network(Network),
    /// Those for a name from a network.
    NameAndNetwork(&'a Name, Network),
    /// Those for a name from wherever nobody has logged in with it.
    Strangers(&'a Name),
    /// Those for a name from a device that logged in with it, known by what it was given then.
    Device(&'a Name, [u8; 16]),
    /// Those to sign up from a network, or from wherever no address is known.
    Registration(Option<Network>),
    /// Those of somebody who is logged in and shows the password once more, from all sessions.
    Confirmation(UserId),
    /// Those from one of the sessions.
    SessionConfirmation(SessionId),
    /// All, from everywhere, that nothing speaks for.
    AllStrangers,
    /// Those from a network that many others are in.
    WideNetwork(Network),
    /// Those for a name from all networks where somebody logged in with it.
    Homes(&'a Name),
    /// Those for a name by whoever has shown that it is his.
    Proven(&'a Name),
    /// Those from a network by whoever has shown whose name is his.
    ProvenInNetwork(Network),
}

/// A username as it is counted: two that would find the same user are one, whether there is such
/// a user or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Of what was typed.
    pub fn typed(text: &str) -> Self {
        // A name that nobody can have is counted as it is; the first byte keeps it apart.
        Self(
            text.parse::<Username>()
                .map_or_else(|_| format!("\0{text}"), |name| name.as_str().to_owned()),
        )
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Subject<'_> {
    /// The key that this is counted under.
    pub fn key(&self, keys: &MasterKeys) -> Key {
        // HMAC pads keys with zeros to the hash's block (RFC 2104 §2): so no length can be wrong.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(*keys.current(Purpose::Throttle)) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        // A tag, and parts of fixed length before the one that is not.
        match self {
            Self::Network(network) => {
                mac.update(&[1]);
                mac.update(&network.first_bytes());
            }
            Self::NameAndNetwork(name, network) => {
                mac.update(&[2]);
                mac.update(&network.first_bytes());
                mac.update(name.as_bytes());
            }
            Self::Strangers(name) => {
                mac.update(&[3]);
                mac.update(name.as_bytes());
            }
            Self::Device(name, device) => {
                mac.update(&[4]);
                mac.update(device);
                mac.update(name.as_bytes());
            }
            Self::Confirmation(user) => {
                mac.update(&[5]);
                mac.update(user.as_bytes());
            }
            Self::SessionConfirmation(session) => {
                mac.update(&[7]);
                mac.update(session.as_bytes());
            }
            Self::Registration(network) => {
                mac.update(&[6]);
                if let Some(network) = network {
                    mac.update(&network.first_bytes());
                }
            }
            Self::AllStrangers => mac.update(&[8]),
            Self::WideNetwork(network) => {
                mac.update(&[9]);
                mac.update(&network.first_bytes());
            }
            Self::Homes(name) => {
                mac.update(&[10]);
                mac.update(name.as_bytes());
            }
            Self::Proven(name) => {
                mac.update(&[11]);
                mac.update(name.as_bytes());
            }
            Self::ProvenInNetwork(network) => {
                mac.update(&[12]);
                mac.update(&network.first_bytes());
            }
        }
        let mut key = Key([0; 16]);
        for (to, from) in key.0.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap(), 24, 56)
    }

    #[test]
    fn names_of_one_user_are_one_and_subjects_are_kept_apart() {
        let keys = MasterKeys::parse(&format!("1 {}", "A".repeat(43))).unwrap();
        let (ann, bob) = (Name::typed("ANN"), Name::typed("bob"));
        assert_eq!(ann, Name::typed("ann"));
        assert_ne!(Name::typed("hunter 2"), Name::typed("hunter 3"));
        let (here, there) = (network("192.0.2.1"), network("198.51.100.1"));
        let subjects = [
            Subject::Network(here),
            Subject::Network(there),
            Subject::NameAndNetwork(&ann, here),
            Subject::NameAndNetwork(&ann, there),
            Subject::NameAndNetwork(&bob, here),
            Subject::Strangers(&ann),
            Subject::Strangers(&bob),
            Subject::Device(&ann, [0; 16]),
            Subject::Device(&ann, [1; 16]),
            Subject::Confirmation(UserId::from_bytes([1; 16])),
            Subject::SessionConfirmation(SessionId::from_bytes([1; 16])),
            Subject::Registration(None),
            Subject::Registration(Some(here)),
            Subject::Registration(Some(there)),
            Subject::AllStrangers,
            Subject::WideNetwork(here),
            Subject::WideNetwork(there),
            Subject::Homes(&ann),
            Subject::Homes(&bob),
            Subject::Proven(&ann),
            Subject::Proven(&bob),
            Subject::ProvenInNetwork(here),
            Subject::ProvenInNetwork(there),
        ];
        let all: std::collections::BTreeSet<Key> =
            subjects.iter().map(|subject| subject.key(&keys)).collect();
        assert_eq!(all.len(), subjects.len());
    }
}
