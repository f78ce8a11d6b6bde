//! What administrators do with users, as calls with an administrator's token.

use poem::http::Method;
use serde_json::{Value, json};

use super::api::{Answer, Api, Call};

impl Api {
    pub(crate) async fn create_user(&self, admin: &str, body: &Value) -> Answer {
        let call = self.post("/admin/users").bearer(admin);
        call.json(body).send().await
    }

    pub(crate) async fn read_user(&self, admin: &str, id: &str) -> Answer {
        self.of_user(Method::GET, admin, id).send().await
    }

    pub(crate) async fn change_user(&self, admin: &str, id: &str, body: &Value) -> Answer {
        let call = self.of_user(Method::PATCH, admin, id);
        call.json(body).send().await
    }

    pub(crate) async fn delete_user(&self, admin: &str, id: &str) -> Answer {
        self.of_user(Method::DELETE, admin, id).send().await
    }

    pub(crate) async fn ban(&self, admin: &str, id: &str, reason: &str) -> Answer {
        let call = self.post(format!("/admin/users/{id}/ban")).bearer(admin);
        call.json(&json!({ "reason": reason })).send().await
    }

    /// Does what needs no body: `unban`, `disable`, `enable`, `setup`.
    pub(crate) async fn act(&self, admin: &str, id: &str, what: &str) -> Answer {
        let call = self.post(format!("/admin/users/{id}/{what}"));
        call.bearer(admin).send().await
    }

    fn of_user(&self, method: Method, admin: &str, id: &str) -> Call<'_> {
        self.call(method, format!("/admin/users/{id}"))
            .bearer(admin)
    }
}
