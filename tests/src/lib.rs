//! Two small servers that stand behind the edge, for trying Portcullis out and for testing it.
//!
//! They show what an owner of such a server has to do: take the verified token that the edge sends
//! as `Portcullis-Proof`, and verify it once more with the origin's public keys. Whoever goes round
//! the edge has no such token, so a header that only claims an identity opens nothing.
//!
//! [`proof`] and [`keys`] are the part worth copying; [`demo_api`] and [`demo_images`] are any API
//! and any image server.

pub mod clock;
pub mod demo_api;
pub mod demo_images;
pub mod keys;
pub mod permit;
pub mod picture;
pub mod proof;
pub mod run;
