//! What earlier lines of a file had that no two users may have: names, what they look like, ids.
//! Kept as digests, so that a million lines take some tens of megabytes.

use std::collections::{HashMap, hash_map::Entry};

use sha2::{Digest, Sha256};

use super::{Refusal, record::Record};

/// The lines of what was seen.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<[u8; 16], u64>);

impl Seen {
    /// Keeps what the record of this line has.
    ///
    /// # Errors
    ///
    /// [`Refusal::Repeated`]; nothing is kept then.
    pub(super) fn admit(&mut self, record: &Record, line: u64) -> Result<(), Refusal> {
        let name = digest("name", record.user.username.as_str().as_bytes());
        let look = digest("look", record.user.username.skeleton().as_bytes());
        let id = record
            .has_id
            .then(|| digest("id", record.user.id.as_bytes()));
        let keys = [
            Some((name, "this username")),
            Some((look, "a username that looks like this one")),
            id.map(|id| (id, "this id")),
        ];
        for (key, what) in keys.into_iter().flatten() {
            if let Some(&line) = self.0.get(&key) {
                return Err(Refusal::Repeated { what, line });
            }
        }
        for (key, _) in keys.into_iter().flatten() {
            if let Entry::Vacant(place) = self.0.entry(key) {
                place.insert(line);
            }
        }
        Ok(())
    }
}

fn digest(kind: &str, bytes: &[u8]) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(bytes)
        .finalize();
    let mut short = [0; 16];
    short
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    short
}
