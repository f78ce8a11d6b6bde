//! The walk of `dev --check`: from a login to the refusal after a ban, each step with its time.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::accounts::{ADMIN_CLIENT, Account, Accounts};
use super::ports::{Addresses, url};
use super::walk::USER_ID;
use crate::client::{Answer, Client};
use crate::clock::Stopwatch;
use crate::stop::Stop;

/// What a ban has time for, counted from its answer.
const PROMISE: Duration = Duration::from_secs(5);

/// The state of one walk.
struct Walk<'a> {
    client: Client,
    edge: String,
    origin: String,
    api: String,
    accounts: &'a Accounts,
    stop: &'a Stop,
}

/// Goes the walk.
///
/// # Errors
/// At the first step that does not end as it should.
pub(super) fn walk(at: &Addresses, accounts: &Accounts, stop: &Stop) -> Result<()> {
    let whole = Stopwatch::start();
    let walk = Walk {
        client: Client::new(),
        edge: url(at.edge),
        origin: url(at.origin),
        api: url(at.api),
        accounts,
        stop,
    };
    walk.all_steps()?;
    println!("the walk took {:.1} s", whole.elapsed().as_secs_f64());
    Ok(())
}

impl Walk<'_> {
    fn all_steps(&self) -> Result<()> {
        let pair = self.step("log in through the edge", || {
            self.login(&self.accounts.user, None)
        })?;
        let token = pair.text("access_token")?;
        self.step("no token: 401", || self.me(None)?.expect(401))?;
        self.step("GET /api/me", || self.me(Some(&token))?.expect(200))?;
        self.step("past the edge, without a proof: refused", || {
            self.past_the_edge()
        })?;
        self.step("POST /api/notes, GET it back", || self.notes(&token))?;
        self.step("GET /images/gate.png is a PNG", || self.image(&token))?;
        let fresh = self.step("refresh", || self.refresh(&pair.text("refresh_token")?))?;
        let token = fresh.text("access_token")?;
        self.step("GET /api/me with the new token", || {
            self.me(Some(&token))?.expect(200)
        })?;
        let admin = self.step("log in as admin", || {
            self.login(&self.accounts.admin, Some(ADMIN_CLIENT))?
                .text("access_token")
        })?;
        let user = self.step("GET /auth/me", || self.user_id(&token))?;
        let ban = self.step("ban", || self.administer(&user, "ban", &admin))?;
        let since = Stopwatch::start();
        let refused = self.wait_for_refusal(&token, &ban, since);
        // Also after a failure: the database may be one that is used again.
        let unbanned = self.step("unban", || self.administer(&user, "unban", &admin));
        refused.and(unbanned).map(|_| ())
    }

    fn step<T>(&self, name: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        self.stop.check()?;
        let watch = Stopwatch::start();
        let outcome = run();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!(
            "{verdict:>6} {:>7.0} ms  {name}",
            watch.elapsed().as_secs_f64() * 1e3
        );
        outcome.with_context(|| format!("step {name:?}"))
    }

    fn login(&self, account: &Account, client_id: Option<&str>) -> Result<Answer> {
        let mut body = json!({ "username": account.username, "password": account.password });
        if let (Some(id), Some(members)) = (client_id, body.as_object_mut()) {
            members.insert("client_id".to_owned(), Value::from(id));
        }
        self.client
            .post_json(&format!("{}/auth/login", self.edge), None, &body)?
            .expect(200)
    }

    fn me(&self, token: Option<&str>) -> Result<Answer> {
        self.client.get(&format!("{}/api/me", self.edge), token)
    }

    fn past_the_edge(&self) -> Result<Answer> {
        self.client
            .get(&format!("{}/api/me", self.api), None)?
            .expect(401)
    }

    fn notes(&self, token: &str) -> Result<()> {
        let notes = format!("{}/api/notes", self.edge);
        let text = "written by the walk";
        self.client
            .post_json(&notes, Some(token), &json!({ "text": text }))?
            .expect_success()?;
        let found = self.client.get(&notes, Some(token))?.expect(200)?;
        ensure!(
            String::from_utf8_lossy(&found.body).contains(text),
            "the note is not in the list"
        );
        Ok(())
    }

    fn image(&self, token: &str) -> Result<()> {
        let url = format!("{}/images/gate.png", self.edge);
        let image = self.client.get(&url, Some(token))?.expect(200)?;
        ensure!(
            image.body.starts_with(b"\x89PNG\r\n\x1a\n"),
            "that is no PNG"
        );
        Ok(())
    }

    fn refresh(&self, token: &str) -> Result<Answer> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "portcullis"),
            ("refresh_token", token),
        ];
        self.client
            .post_form(&format!("{}/auth/token", self.edge), &form)?
            .expect(200)
    }

    fn user_id(&self, token: &str) -> Result<String> {
        self.client
            .get(&format!("{}/auth/me", self.edge), Some(token))?
            .expect(200)?
            .text(USER_ID)
    }

    /// `ban` or `unban`, at the origin: the route table lets nobody to `/admin/*`.
    fn administer(&self, user: &str, verb: &str, admin: &str) -> Result<Answer> {
        let url = format!("{}/admin/users/{user}/{verb}", self.origin);
        let body = if verb == "ban" {
            json!({ "reason": "the walk" })
        } else {
            json!({})
        };
        self.client
            .post_json(&url, Some(admin), &body)?
            .expect_success()
    }

    /// Asks until the token is refused; a request that begins after the promised time must be.
    fn wait_for_refusal(&self, token: &str, ban: &Answer, since: Stopwatch) -> Result<Answer> {
        let seq = feed_seq(ban).context("the ban's answer has no Portcullis-Feed-Seq")?;
        loop {
            let asked_at = since.elapsed();
            let answer = self.me(Some(token))?;
            if answer.status == 401 {
                let edge_seq = feed_seq(&answer).unwrap_or("unknown");
                println!(
                    "{:>6} {:>7.0} ms  after the ban the token is refused (seq {seq}, edge at {edge_seq})",
                    "ok",
                    since.elapsed().as_secs_f64() * 1e3,
                );
                return Ok(answer);
            }
            if asked_at >= PROMISE {
                bail!(
                    "{} s after the ban the token still gets {}",
                    PROMISE.as_secs(),
                    answer.status
                );
            }
            self.stop.pause(Duration::from_millis(50))?;
        }
    }
}

/// How far the feed is, as origin and edge report it.
fn feed_seq(answer: &Answer) -> Option<&str> {
    answer.headers.get("portcullis-feed-seq")?.to_str().ok()
}
