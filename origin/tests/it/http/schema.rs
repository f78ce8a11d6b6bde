//! Answers compared with the OpenAPI document: the status is declared for the operation, so is the
//! media type, and a JSON body has the declared shape and nothing beside it.

use poem::http::Method;
use serde_json::Value;

use super::api::{Answer, Api};

/// The OpenAPI document.
pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// Panics when the answer is not a declared one.
    pub(crate) fn check(&self, method: &Method, target: &str, answer: &Answer) {
        let path = target.split('?').next().unwrap_or_default();
        let Some(operations) = self.path(path) else {
            assert_eq!(answer.status, 404, "{path} is not in the document");
            return;
        };
        let named = if *method == Method::HEAD {
            "get".to_owned()
        } else {
            method.as_str().to_lowercase()
        };
        let Some(operation) = operations.get(&named) else {
            assert_eq!(answer.status, 405, "{method} {path} is not in the document");
            return;
        };
        let response = operation.pointer(&format!("/responses/{}", answer.status));
        let response = response
            .unwrap_or_else(|| panic!("{method} {path}: {} is not declared", answer.status));
        for (name, header) in response
            .get("headers")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let required = header.get("required") == Some(&Value::Bool(true));
            assert!(
                !required || answer.header(&name.to_lowercase()).is_some(),
                "{method} {path}: no {name}"
            );
        }
        if *method == Method::HEAD {
            return;
        }
        let Some(content) = response.get("content") else {
            assert_eq!(answer.body, "", "{method} {path}: no body is declared");
            return;
        };
        let media_type = answer.header("content-type").unwrap_or_default();
        let schema = content
            .get(media_type)
            .and_then(|content| content.get("schema"));
        let schema =
            schema.unwrap_or_else(|| panic!("{method} {path}: {media_type} is not declared"));
        if let Ok(body) = serde_json::from_str(&answer.body) {
            self.fits(&body, schema, &format!("{method} {path}"));
        }
    }

    fn path(&self, path: &str) -> Option<&Value> {
        let covers = |template: &str| {
            let (left, right): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(segment, text)| *segment == text || segment.starts_with('{'))
        };
        let paths = self.0.get("paths")?.as_object()?;
        paths
            .iter()
            .find(|(template, _)| covers(template))
            .map(|(_, operations)| operations)
    }

    fn fits(&self, value: &Value, schema: &Value, place: &str) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let schema = self.0.pointer(reference.trim_start_matches('#')).unwrap();
            return self.fits(value, schema, place);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return all
                .iter()
                .for_each(|schema| self.fits(value, schema, place));
        }
        if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
            let fitting = any.iter().find(|schema| self.has_the_names(value, schema));
            let fitting = fitting.unwrap_or_else(|| panic!("{place}: {value} is of no kind"));
            return self.fits(value, fitting, place);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.fits_object(value, schema, place),
            Some("array") => {
                let items = value
                    .as_array()
                    .unwrap_or_else(|| panic!("{place}: no array"));
                for item in items {
                    self.fits(item, &schema["items"], place);
                }
            }
            Some("string") => assert!(value.is_string(), "{place}: {value} is no string"),
            Some("integer") => assert!(
                value.is_i64() || value.is_u64(),
                "{place}: {value} is no integer"
            ),
            Some("boolean") => assert!(value.is_boolean(), "{place}: {value} is no boolean"),
            None => {}
            other => panic!("{place}: {other:?} is not known to this test"),
        }
    }

    /// Whether the members of an object are those of a schema that is referred to.
    fn has_the_names(&self, value: &Value, schema: &Value) -> bool {
        let reference = schema["$ref"].as_str().unwrap().trim_start_matches('#');
        let schema = self.0.pointer(reference).unwrap();
        let (properties, members) = (&schema["properties"], value.as_object().unwrap());
        let required = schema["required"].as_array().unwrap();
        let known = |name: &String| properties.get(name).is_some();
        let there = |name: &Value| members.contains_key(name.as_str().unwrap());
        members.keys().all(known) && required.iter().all(there)
    }

    fn fits_object(&self, value: &Value, schema: &Value, place: &str) {
        let members = value
            .as_object()
            .unwrap_or_else(|| panic!("{place}: no object"));
        for required in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = required.as_str().unwrap();
            assert!(members.contains_key(name), "{place}: {name} is missing");
        }
        let Some(properties) = schema.get("properties") else {
            return;
        };
        for (name, member) in members {
            let property = properties
                .get(name)
                .unwrap_or_else(|| panic!("{place}: {name} is not declared"));
            self.fits(member, property, &format!("{place} {name}"));
        }
    }
}

#[tokio::test]
async fn the_document_names_every_endpoint_and_the_errors_of_each() {
    let api = Api::without_store().await;
    let document = api.get("/openapi.json").send().await.value();
    let mut lines = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let statuses: Vec<&str> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let secured = if operation.get("security").is_some() {
                " (bearer)"
            } else {
                ""
            };
            lines.push(format!("{method} {path}{secured}: {}", statuses.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    get /.well-known/jwks.json: 200 400 500 503
    get /.well-known/oauth-authorization-server: 200 400 500 503
    get /.well-known/revocations: 200 400 500 503
    get /admin/api-keys (bearer): 200 400 401 403 500 503
    post /admin/api-keys (bearer): 201 400 401 403 409 413 415 422 500 503
    post /admin/api-keys/{id}/revoke (bearer): 200 400 401 403 404 500 503
    post /admin/api-keys/{id}/rotate (bearer): 200 400 401 403 404 409 413 415 422 500 503
    get /admin/audit (bearer): 200 400 401 403 500 503
    get /admin/sessions (bearer): 200 400 401 403 422 500 503
    post /admin/sessions/revoke (bearer): 200 400 401 403 404 409 413 415 422 500 503
    get /admin/users (bearer): 200 400 401 403 500 503
    post /admin/users (bearer): 201 400 401 403 409 413 415 422 500 503
    delete /admin/users/{id} (bearer): 200 400 401 403 404 409 500 503
    get /admin/users/{id} (bearer): 200 400 401 403 404 500 503
    patch /admin/users/{id} (bearer): 200 400 401 403 404 409 413 415 422 500 503
    post /admin/users/{id}/ban (bearer): 200 400 401 403 404 409 413 415 422 500 503
    post /admin/users/{id}/disable (bearer): 200 400 401 403 404 409 500 503
    post /admin/users/{id}/enable (bearer): 200 400 401 403 404 409 500 503
    post /admin/users/{id}/setup (bearer): 201 400 401 403 404 500 503
    post /admin/users/{id}/unban (bearer): 200 400 401 403 404 409 500 503
    post /auth/introspect: 200 400 401 403 413 415 500 503
    post /auth/login: 200 400 401 403 409 413 415 422 429 500 503
    post /auth/logout (bearer): 200 400 401 403 500 503
    post /auth/logout-all (bearer): 200 400 401 403 500 503
    get /auth/me (bearer): 200 400 401 403 500 503
    post /auth/password (bearer): 200 400 401 403 413 415 422 429 500 503
    post /auth/register: 201 400 403 409 413 415 422 429 500 503
    post /auth/revoke: 200 400 401 413 415 500 503
    delete /auth/sessions (bearer): 200 400 401 403 500 503
    get /auth/sessions (bearer): 200 400 401 403 500 503
    delete /auth/sessions/{id} (bearer): 200 400 401 403 404 500 503
    post /auth/setup: 204 400 403 413 415 422 500 503
    post /auth/signed-urls (bearer): 200 400 401 403 413 415 422 500 503
    post /auth/token: 200 400 401 403 413 415 429 500 503
    get /health/live: 200 400 500 503
    get /health/ready: 200 400 500 503
    get /metrics: 200 400 500 503
    get /openapi.json: 200 400 500 503
    "#);
}

#[tokio::test]
async fn the_document_says_where_null_means_something() {
    let api = Api::without_store().await;
    let document = api.get("/openapi.json").send().await.value();
    let properties = &document["components"]["schemas"]["UserChanges"]["properties"];
    assert_eq!(properties["email"]["nullable"], Value::Bool(true));
    assert_eq!(properties["roles"]["nullable"], Value::Null);
}

#[tokio::test]
async fn the_document_forbids_members_that_the_endpoints_refuse() {
    let api = Api::without_store().await;
    let document = api.get("/openapi.json").send().await.value();
    let schema =
        |name: &str| document["components"]["schemas"][name]["additionalProperties"].clone();
    for name in [
        "Login",
        "Setup",
        "Registration",
        "PasswordChange",
        "NewUser",
        "UserChanges",
        "BanRequest",
    ] {
        assert_eq!(schema(name), Value::Bool(false), "{name}");
    }
    assert_eq!(
        schema("TokenRequest"),
        Value::Bool(true),
        "OAuth ignores what it does not know"
    );
}
