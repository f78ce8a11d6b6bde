//! The answer when a session is over; a browser that came with cookies is told to forget them.

use poem::{IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};

use super::token_answer::set_cookie;
use crate::{
    domain::store::Seq,
    http::{
        answer::{InFeed, Revoked},
        bearer::Means,
        cookie,
    },
};

/// A session is over.
pub(crate) struct SignedOut {
    /// The feed's `seq`; none when there was nothing to revoke.
    pub seq: Option<Seq>,
    /// How the caller showed who it is.
    pub means: Means,
}

impl IntoResponse for SignedOut {
    fn into_response(self) -> Response {
        let mut response = InFeed::at(self.seq).into_response();
        match self.means {
            Means::Header => {}
            Means::Cookie => {
                for line in cookie::forget() {
                    response.headers_mut().append(header::SET_COOKIE, line);
                }
            }
        }
        response
    }
}

impl ApiResponse for SignedOut {
    fn meta() -> MetaResponses {
        let mut meta = InFeed::<Revoked>::meta();
        for response in &mut meta.responses {
            response.headers.push(set_cookie());
        }
        meta
    }

    fn register(registry: &mut Registry) {
        InFeed::<Revoked>::register(registry);
    }
}
