//! What a login costs whose username nobody has: as much as one of somebody.
//!
//! Hashes that other services made, and our own of former parameters, take another time than
//! today's until their users log in. So an unknown name is given the hash of some user to be
//! checked against, always that of the same one as long as users don't change: told by time, it is
//! one of the users who are there, however many of them have such hashes. Which user stands in is
//! a MAC of the name, so that nobody can put a user of his own there.
//!
//! A hash that is much harder than today's stands in for nobody (`hashing`): with it anybody could
//! have the most expensive checks computed as often as he likes, under any name. So who has such a
//! hash can be told from nobody by the time, until he has logged in once.

use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::ids::UserId;
use sha2::Sha256;

use crate::domain::{
    app::App,
    master_key::{MasterKeys, Purpose},
    store::StoreError,
    user::Username,
};

/// The hash that stands in for that of a user who is not there; none where the one who stands in
/// has none, or nobody is there.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn hash(app: &App, username: &str) -> Result<Option<String>, StoreError> {
    // Two spellings of one name are one user, or nobody.
    let name = username.parse::<Username>();
    let name = name.as_ref().map_or(username, Username::as_str);
    let from = place(&app.master, name);
    app.store.password_hash_from(from).await
}

/// Where among the ids of users a name that nobody has would be.
fn place(master: &MasterKeys, name: &str) -> UserId {
    let mut id = [0; 16];
    // A key of any length is taken.
    if let Ok(mut mac) =
        Hmac::<Sha256>::new_from_slice(master.current(Purpose::StandIns).as_slice())
    {
        mac.update(name.as_bytes());
        let tag = mac.finalize().into_bytes();
        id.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
    }
    UserId::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_place_that_only_the_master_key_tells() {
        let master = |letter: &str| MasterKeys::parse(&format!("1 {}", letter.repeat(43))).unwrap();
        let first = place(&master("A"), "ann");
        assert_eq!(first, place(&master("A"), "ann"));
        assert_ne!(first, place(&master("A"), "anna"));
        assert_ne!(first, place(&master("E"), "ann"));
    }
}
