//! An image server behind the edge: whoever has the scope `images:read` gets pictures, and so does
//! whoever has a link to one.
#![expect(
    clippy::needless_pass_by_value,
    reason = "poem hands a handler what it extracts by value"
)]

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Response, Route, get, handler,
    http::{HeaderMap, StatusCode, header},
    web::Path,
};

use crate::{permit::Permit, picture, proof::Verifier};

/// The longest name of a picture.
const NAME_LIMIT: usize = 64;

/// The server.
pub fn app(verifier: Verifier) -> impl Endpoint + 'static {
    Route::new()
        .at("/health", get(health))
        .at("/images/:file", get(image).head(image))
        .data(Arc::new(verifier))
}

#[handler]
fn health() -> &'static str {
    "ok"
}

#[handler]
fn image(
    permit: Permit,
    Path(file): Path<String>,
    headers: &HeaderMap,
) -> poem::Result<impl IntoResponse> {
    if let Permit::Bearer(proof) = &permit {
        proof.require_scope("images:read")?;
    }
    let name = file.strip_suffix(".png").filter(|name| is_name(name));
    let name = name.ok_or(StatusCode::NOT_FOUND)?;
    let picture = picture::of(name).map_err(poem::error::InternalServerError)?;
    let etag = format!("\"{}\"", picture.digest);
    let mut answer = Response::builder().header(header::ETAG, &etag);
    // It may be kept, but not served to anybody before the edge has been asked again; for how long
    // one that came by a link may be, the edge says.
    if matches!(permit, Permit::Bearer(_)) {
        answer = answer.header(header::CACHE_CONTROL, "private, no-cache");
    }
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|known| *known == *etag);
    Ok(if known {
        answer.status(StatusCode::NOT_MODIFIED).finish()
    } else {
        answer.content_type("image/png").body(picture.png)
    })
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(plain)
}
