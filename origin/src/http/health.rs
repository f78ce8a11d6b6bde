//! Whether the service is there, and whether it should get requests.

pub(crate) mod live;
pub(crate) mod ready;
