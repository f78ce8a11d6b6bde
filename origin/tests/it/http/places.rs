//! Where a request came from, from its headers to the list of sessions.

use portcullis_origin::{countries::Countries, http::service::Places};
use serde_json::json;

use super::api::{Answer, Api, EDGE_SECRET};
use crate::support::{CountryFile, Engine, USER, on_both_engines};

on_both_engines!(
    a_country_that_the_edge_does_not_tell_is_looked_up,
    a_device_has_the_name_that_its_client_gave_it_or_that_its_user_agent_says,
);

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0";

/// A login through the edge, which says this; the answer of the list of sessions.
async fn logged_in(api: &Api, said: &[(&'static str, &str)]) -> Answer {
    let body = json!({ "username": USER.0, "password": USER.1 });
    let mut call = api.post("/auth/login").json(&body);
    for (name, value) in said {
        call = call.header(name, *value);
    }
    let token = call.send().await.text("access_token");
    api.get("/auth/sessions").bearer(&token).send().await
}

async fn a_country_that_the_edge_does_not_tell_is_looked_up(engine: Engine) {
    let networks = [
        ("198.51.100.0/24", "NZ"),
        ("203.0.113.128/25", "ch"),
        ("2001:db8:7::/48", "AU"),
    ];
    let file = CountryFile::write(&format!("looked_up_{engine:?}"), &networks);
    let places = Places {
        countries: Some(Countries::open(&file.path).unwrap()),
        ..Places::default()
    };
    let api = Api::placed(engine, |_| {}, places).await;
    let edge = ("portcullis-edge-secret", EDGE_SECRET);
    for (ip, told, expected) in [
        ("198.51.100.7", None, Some("NZ")),
        ("203.0.113.200", None, Some("CH")),
        ("2001:db8:7:1::9", None, Some("AU")),
        ("198.51.100.7", Some("fr"), Some("FR")),
        ("203.0.113.7", None, None),
        ("2001:db8:8::9", None, None),
    ] {
        let mut said = vec![edge, ("portcullis-client-ip", ip)];
        said.extend(told.map(|country| ("portcullis-client-country", country)));
        let list = logged_in(&api, &said).await.value();
        let seen = &list["sessions"][0]["last_from"];
        assert_eq!(seen["ip"], ip);
        assert_eq!(seen["country"].as_str(), expected, "{ip}");
        api.test.clock.advance(1);
    }
}

async fn a_device_has_the_name_that_its_client_gave_it_or_that_its_user_agent_says(api: Api) {
    let list = logged_in(&api, &[("user-agent", FIREFOX)]).await;
    assert_eq!(list.text("sessions/0/device"), "Firefox on Windows");
    assert_eq!(list.text("sessions/0/last_from/user_agent"), FIREFOX);
    api.test.clock.advance(1);
    let (token, _) = api.login(USER, "portcullis").await;
    let list = api.get("/auth/sessions").bearer(&token).send().await;
    assert_eq!(list.text("sessions/0/device"), "laptop");
}

#[test]
fn what_is_no_database_of_countries_is_told_by_its_name() {
    let missing = Countries::open("nowhere.mmdb".as_ref()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the database of countries nowhere.mmdb cannot be read (geo.database)"
    );
    let file = CountryFile::write("cut_short", &[("198.51.100.0/24", "NZ")]);
    let whole = std::fs::read(&file.path).unwrap();
    std::fs::write(&file.path, &whole[..whole.len() / 2]).unwrap();
    assert!(Countries::open(&file.path).is_err());
}
