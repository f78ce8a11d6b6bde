//! The origin's public keys (RFC 7517), fetched when they are needed and kept for a while.
//!
//! Invariant: keys that were good stay in use until better ones have come, and no stream of tokens,
//! however odd, makes this server fetch more than a few times a minute.

use std::{sync::Arc, time::Duration};

use portcullis_shared::{
    ids::KeyId,
    keys::{KEY_SET_LIMIT, KeySet},
};
use tokio::{sync::Mutex, time::Instant};

/// After this time the keys are fetched anew.
const KEEP: Duration = Duration::from_mins(5);

/// A token with an unknown key makes the keys be fetched anew, but not more often than this.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(30);

/// After a failure, and with no keys at all, the next attempt is made no sooner than this.
const RETRY: Duration = Duration::from_secs(1);

const TIMEOUT: Duration = Duration::from_secs(2);

/// The keys behind an URL.
#[derive(Debug)]
pub struct RemoteKeys {
    url: String,
    client: reqwest::Client,
    // Held across a fetch: whoever needs the keys meanwhile waits for the same answer.
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: Option<Arc<KeySet>>,
    fetched: Option<Instant>,
    attempted: Option<Instant>,
    /// The last attempt that an unknown key caused.
    looked_for_key: Option<Instant>,
}

impl RemoteKeys {
    /// The keys behind `url`; nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// When there can be no HTTP client.
    pub fn new(url: String) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            url,
            client,
            cache: Mutex::default(),
        })
    }

    /// The keys to verify a token with that names `wanted`; `None` when there are none at all.
    pub async fn get(&self, wanted: &KeyId) -> Option<Arc<KeySet>> {
        let mut cache = self.cache.lock().await;
        if cache.should_fetch(wanted) {
            cache.attempted = Some(Instant::now());
            match self.fetch().await {
                Some(keys) => {
                    cache.keys = Some(Arc::new(keys));
                    cache.fetched = cache.attempted;
                }
                None => eprintln!("no usable keys at {}", self.url),
            }
        }
        cache.keys.clone()
    }

    async fn fetch(&self) -> Option<KeySet> {
        let mut answer = self
            .client
            .get(&self.url)
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
        let mut json = Vec::new();
        while let Some(part) = answer.chunk().await.ok()? {
            json.extend_from_slice(&part);
            if json.len() > KEY_SET_LIMIT {
                return None;
            }
        }
        KeySet::parse(&json).ok()
    }
}

impl Cache {
    fn should_fetch(&mut self, wanted: &KeyId) -> bool {
        let Some(keys) = &self.keys else {
            return is_over(self.attempted, RETRY);
        };
        if is_over(self.fetched, KEEP) {
            return is_over(self.attempted, RETRY);
        }
        let look = keys.get(wanted).is_none() && is_over(self.looked_for_key, UNKNOWN_KEY_INTERVAL);
        if look {
            self.looked_for_key = Some(Instant::now());
        }
        look
    }
}

fn is_over(start: Option<Instant>, length: Duration) -> bool {
    start.is_none_or(|start| start.elapsed() >= length)
}
