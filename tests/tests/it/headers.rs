//! Headers: nobody can send an identity, and each says who it is in one way only.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{client::send, raw, stack::Stack};

/// What the echo saw of a request with these headers.
async fn seen(stack: &Stack, path: &str, headers: &[&str]) -> (u16, Vec<(String, String)>) {
    let request = raw::request(stack.edge.port, &format!("GET {path}"), headers);
    let answer = raw::exchange(stack.edge.port, &request).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let json = text
        .find('{')
        .zip(text.rfind('}'))
        .map(|(from, to)| &text[from..=to]);
    let json: Value = serde_json::from_str(json.unwrap_or("{}")).unwrap_or_default();
    let pairs = json["headers"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pairs = pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1])));
    (answer.status, pairs.collect())
}

#[tokio::test]
async fn no_spelling_of_a_reserved_header_reaches_an_upstream() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let bearer = format!("Authorization: Bearer {token}");
    let names = [
        "Portcullis-Proof",
        "PORTCULLIS-PROOF",
        "portcullis_proof",
        "Portcullis.Proof",
        "Portcullis-Subject",
        "portcullis_subject",
        "Portcullis_Roles",
        "portcullis.roles",
        "Portcullis-Scope",
        "Portcullis-Session",
        "Portcullis-Issuer",
        "Portcullis-Expires",
        "Portcullis-Edge-Secret",
        "Portcullis_Edge_Secret",
        "Portcullis-Client-IP",
        "Portcullis-Client-Country",
        "Portcullis-Anything",
        "Forwarded",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X.Forwarded.Host",
        "X-Forwarded-User",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "X_Real_IP",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-Host",
        "True-Client-IP",
        "X-Client-IP",
        "Remote-User",
        "X-Remote-User",
        "Proxy",
        "portcullis~subject",
        "Portcullis!Roles",
        "portcullis|proof",
        "x^forwarded^for",
        "Front-End-Https",
        "X-Forward-For",
        "X-Envoy-Original-Path",
        "X-Originating-IP",
        "X-Auth-Request-User",
        "X-Goog-Authenticated-User-Email",
        "X-Amzn-OIDC-Identity",
        "X-Client-Cert",
        "CF-Access-Jwt-Assertion",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "X-Host",
        "X-HTTP-Host-Override",
        "X-HTTP-Method-Override",
        "X_HTTP_Method",
        "X-Override-URL",
        "Script-Name",
        "Path_Info",
        "Request-URI",
    ];
    let forged: Vec<String> = names
        .iter()
        .map(|name| format!("{name}: forged-by-the-client"))
        .collect();
    for path in [
        "/echo/x",
        "/public/x",
        "/optional/x",
        "/shared/x",
        "/pages/x",
        "/report/x",
        "/cors/x",
    ] {
        let mut headers: Vec<&str> = forged.iter().map(String::as_str).collect();
        headers.push(&bearer);
        let (status, pairs) = seen(stack, path, &headers).await;
        assert_eq!(status, 200, "{path}");
        for (name, value) in &pairs {
            assert!(!value.contains("forged"), "{path}: {name}: {value}");
        }
    }
}

#[tokio::test]
async fn an_upstream_is_told_who_it_is_unless_the_answer_is_for_everybody() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let bearer = format!("Authorization: Bearer {token}");
    let id = stack.id_of(&token).await;
    let get = |pairs: &[(String, String)], name: &str| {
        let found: Vec<_> = pairs
            .iter()
            .filter(|(own, _)| own == name)
            .map(|pair| pair.1.clone())
            .collect();
        assert!(found.len() <= 1, "{name} is there {} times", found.len());
        found.first().cloned()
    };
    for path in ["/echo/x", "/optional/x"] {
        let (_, pairs) = seen(stack, path, &[&bearer]).await;
        assert_eq!(
            get(&pairs, "portcullis-proof"),
            Some(token.clone()),
            "{path}"
        );
        assert_eq!(get(&pairs, "portcullis-subject"), Some(id.clone()));
        assert_eq!(get(&pairs, "portcullis-issuer"), Some(stack.edge.url()));
        assert_eq!(
            get(&pairs, "portcullis-scope").as_deref(),
            Some("api:read api:write images:read")
        );
        assert!(get(&pairs, "portcullis-request-id").is_some());
        assert_eq!(
            get(&pairs, "portcullis-edge-secret"),
            None,
            "that is for the origin alone"
        );
    }
    for (path, header) in [
        ("/shared/x", bearer.as_str()),
        ("/public/x", &bearer),
        ("/optional/x", "X-Nothing: x"),
    ] {
        let (status, pairs) = seen(stack, path, &[header, "Cookie: a=b"]).await;
        assert_eq!(status, 200, "{path}");
        for name in ["portcullis-proof", "portcullis-subject", "authorization"] {
            assert_eq!(get(&pairs, name), None, "{path}");
        }
        assert_eq!(
            get(&pairs, "cookie").is_some(),
            path != "/shared/x",
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_identity_cannot_be_dropped_by_naming_it_in_connection() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let bearer = format!("Authorization: Bearer {token}");
    let trick = "Connection: keep-alive, Portcullis-Proof, Portcullis-Subject, X-Forwarded-For";
    let request = raw::request(stack.edge.port, "GET /echo/x", &[&bearer, trick]);
    let answer = raw::exchange(stack.edge.port, &request).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{text}");
    assert!(
        text.contains("portcullis-proof") && text.contains("portcullis-subject"),
        "{text}"
    );
}

#[tokio::test]
async fn a_rule_that_only_reports_lets_pass_without_an_identity() {
    let stack = Stack::shared().await;
    let reader = stack.origin.home.add_user(&["api:read"], &[]);
    let writer = stack.bearer().await.1.access;
    let reader = stack.login(&reader).await.access;
    // Whether it would have been refused makes no difference to what is forwarded.
    for token in ["bad", &reader, &writer] {
        let headers = [
            format!("Authorization: Bearer {token}"),
            "portcullis_subject: x".to_owned(),
        ];
        let headers = headers.each_ref().map(String::as_str);
        let (status, pairs) = seen(stack, "/report/x", &headers).await;
        assert_eq!(status, 200);
        let named = pairs.iter().any(|(name, _)| name.contains("subject"));
        assert!(!named, "{token}: {pairs:?}");
    }
}

#[tokio::test]
async fn a_client_cannot_choose_the_address_that_its_session_is_said_to_come_from() {
    let stack = Stack::shared().await;
    let user = stack.user();
    let body = json!({ "username": user.name, "password": user.password });
    for base in [stack.edge.url(), stack.origin.url()] {
        let request = stack
            .http
            .request(Method::POST, &format!("{base}/auth/login"))
            .json(&body);
        let forged = [
            "portcullis-client-ip",
            "portcullis_client_ip",
            "x-forwarded-for",
            "x-real-ip",
        ];
        let request = forged
            .into_iter()
            .fold(request, |request, name| request.header(name, "203.0.113.9"));
        let request = request
            .header("portcullis-client-country", "XX")
            .header("portcullis-edge-secret", "not-the-edges-secret");
        let token = send(request).await.expect(200).member("access_token");
        let sessions = stack.get("/auth/sessions", &token).await.expect(200);
        assert!(
            !sessions.text().contains("203.0.113.9"),
            "{}",
            sessions.text()
        );
        assert!(!sessions.text().contains("\"XX\""), "{}", sessions.text());
        assert!(sessions.text().contains("127.0.0.1"), "{}", sessions.text());
    }
}

#[tokio::test]
async fn two_credentials_contradict_each_other() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    let bearer = format!("Authorization: Bearer {token}");
    for second in [
        bearer.as_str(),
        "Authorization: Bearer other",
        "Authorization: Basic dTpw",
    ] {
        for pair in [[bearer.as_str(), second], [second, bearer.as_str()]] {
            let (status, _) = seen(stack, "/echo/x", &pair).await;
            assert_eq!(status, 400, "{second}");
        }
    }
}

#[tokio::test]
async fn the_scheme_has_no_case_and_another_scheme_is_no_credential() {
    let stack = Stack::shared().await;
    let token = stack.bearer().await.1.access;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let (status, _) = seen(
            stack,
            "/echo/x",
            &[&format!("authorization: {scheme} {token}")],
        )
        .await;
        assert_eq!(status, 200, "{scheme}");
    }
    for scheme in ["Basic", "DPoP", "Token", "JWT", "Bearer:"] {
        let (status, _) = seen(
            stack,
            "/echo/x",
            &[&format!("authorization: {scheme} {token}")],
        )
        .await;
        assert_eq!(status, 401, "{scheme}");
    }
}
