//! A proxy before the origin that counts what is asked of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use poem::{EndpointExt, Request, Response, Result, endpoint::make, http::header};

use super::server::{Served, serve};

/// The running proxy.
#[derive(Debug)]
pub struct Proxy {
    pub served: Served,
    by_path: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Proxy {
    /// Starts one before `origin`.
    pub fn start(origin: String) -> Self {
        let by_path = Arc::new(Mutex::new(BTreeMap::new()));
        let counter = Arc::clone(&by_path);
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let pass = make(move |request: Request| {
            *counter
                .lock()
                .unwrap()
                .entry(request.uri().path().to_owned())
                .or_default() += 1;
            pass(client.clone(), origin.clone(), request)
        });
        Self {
            served: serve(pass.map_to_response()),
            by_path,
        }
    }

    pub fn url(&self) -> String {
        self.served.url()
    }

    /// How often each path has been asked for.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.by_path.lock().unwrap().clone()
    }
}

async fn pass(client: reqwest::Client, origin: String, request: Request) -> Result<Response> {
    let url = format!("{origin}{}", request.uri());
    let (parts, body) = request.into_parts();
    let body = body.into_bytes().await?;
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let sent = client
        .request(parts.method, url)
        .headers(headers)
        .body(body)
        .send()
        .await;
    let answer = sent.map_err(poem::error::BadGateway)?;
    let mut response = Response::builder().status(answer.status()).finish();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.set_body(answer.bytes().await.map_err(poem::error::BadGateway)?);
    Ok(response)
}
