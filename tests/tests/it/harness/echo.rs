//! An upstream that tells what it was asked, and answers what it is asked to answer.

use poem::{
    Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Result,
    endpoint::make,
    http::{Method, StatusCode, header},
    web::headers::{HeaderMapExt, SecWebsocketAccept, SecWebsocketKey},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{RUNTIME, Served, serve};

/// Starts it. By the last part of the path: `stream` sends the body back as it comes, `count` says
/// how long it was, `bytes` sends as many as the query says,
/// `cookies` sets some, `kept` tells caches to keep what is one bearer's, `redirect` leads elsewhere,
/// `socket` is a WebSocket that sends back whatever comes. All else tells what it was asked.
pub fn start() -> Served {
    serve(app())
}

fn app() -> impl Endpoint + 'static {
    make(answer).map_to_response()
}

async fn answer(request: Request) -> Result<Response> {
    let path = request.uri().path().to_owned();
    Ok(match path.rsplit('/').next().unwrap_or_default() {
        "stream" => {
            Response::builder().body(Body::from_async_read(request.into_body().into_async_read()))
        }
        "count" => {
            let mut reader = request.into_body().into_async_read();
            let length = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
            length
                .map_err(poem::error::InternalServerError)?
                .to_string()
                .into_response()
        }
        "bytes" => {
            let length: usize = request
                .uri()
                .query()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            Response::builder().body(vec![b'x'; length])
        }
        "cookies" => Response::builder()
            .header(header::SET_COOKIE, "theme=dark; Path=/")
            .header(
                header::SET_COOKIE,
                "__Host-portcullis=stolen; Path=/; Secure",
            )
            .header(
                header::SET_COOKIE,
                "__host-Portcullis-refresh=stolen; Path=/; Secure",
            )
            .header("portcullis-feed-seq", "99999999999999")
            .body("cookies"),
        "kept" => kept(&request),
        "redirect" => Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, "http://127.0.0.1:1/elsewhere")
            .body("elsewhere"),
        "socket" => socket(&request)?,
        _ => describe(&request),
    })
}

fn describe(request: &Request) -> Response {
    let headers: Vec<Value> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let told = json!({
        "method": request.method().as_str(),
        "target": request.original_uri().to_string(),
        "headers": headers,
    });
    let answer = Response::builder().content_type("application/json");
    let body = if request.method() == Method::HEAD {
        String::new()
    } else {
        told.to_string()
    };
    answer
        .header("access-control-allow-origin", "https://upstream.example")
        .body(body)
}

/// Says to every cache that everybody may have what only one bearer should.
fn kept(request: &Request) -> Response {
    let subject = request.header("portcullis-subject").unwrap_or("nobody");
    Response::builder()
        .header(header::CACHE_CONTROL, "public, max-age=600, s-maxage=600")
        .header("cdn-cache-control", "public, max-age=600")
        .header("cloudflare-cdn-cache-control", "max-age=600")
        .header("surrogate-control", "max-age=600")
        .header(header::ETAG, "\"one-for-all\"")
        .body(subject.to_owned())
}

/// RFC 6455 §4.2.2, and then a mirror of bytes: masked or not is not this server's concern.
fn socket(request: &Request) -> Result<Response> {
    let Some(key) = request.headers().typed_get::<SecWebsocketKey>() else {
        return Ok(StatusCode::BAD_REQUEST.into());
    };
    let upgrade = request
        .take_upgrade()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    RUNTIME.spawn(async move {
        let Ok(mut stream) = upgrade.await else {
            return;
        };
        let mut head = [0; 2];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = usize::from(head[1] & 0x7f);
            let mut rest = vec![0; length + 4];
            if head[1] & 0x80 == 0 || length > 125 || stream.read_exact(&mut rest).await.is_err() {
                return;
            }
            let (mask, data) = rest.split_at(4);
            let plain = data
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask);
            // The length is at most 125: checked above.
            let frame: Vec<u8> = [head[0], head[1] & 0x7f].into_iter().chain(plain).collect();
            if stream.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    let mut answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .finish();
    answer
        .headers_mut()
        .typed_insert(SecWebsocketAccept::from(key));
    Ok(answer)
}
