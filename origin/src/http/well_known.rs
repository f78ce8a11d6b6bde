//! The documents that anybody may read, the edge first of all.

pub(crate) mod keys;
pub(crate) mod metadata;
pub(crate) mod openapi;
pub(crate) mod revocations;
