//! `portcullis serve`: how a server starts, stops, and writes its log.

use std::io::{Read, Write};

use super::{PASSWORD, Place, Server, answer, login};

#[test]
fn a_server_starts_answers_and_stops() {
    let place = Place::new();
    let mut server = Server::start(&place);
    // Beside the running server.
    place.run(&["user", "add", "ann", "--password-stdin"], PASSWORD);
    let tokens = answer(server.connect(&login("ann", PASSWORD)));
    assert!(
        tokens.starts_with("HTTP/1.1 200") && tokens.contains("refresh_token"),
        "{tokens}"
    );
    for file in ["data/master.key", "data/portcullis.db"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &place.0.join(file).metadata().unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    let mut log = String::new();
    server.log.read_to_string(&mut log).unwrap();
    assert!(
        !log.contains("correct horse") && !log.contains("prt_") && !log.contains("eyJ"),
        "{log}"
    );
}

#[test]
fn a_server_that_is_stopped_finishes_what_is_in_flight() {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--password-stdin"], PASSWORD);
    let mut server = Server::start(&place);
    let request = login("ann", PASSWORD);
    let (first, rest) = request.split_at(request.len() - 5);
    let mut stream = server.connect(first);
    // The request is being read once another that came later is answered.
    assert!(answer(server.connect(&login("ann", PASSWORD))).starts_with("HTTP/1.1 200"));
    server.terminate();
    server.line_with("stopping");
    stream.write_all(rest.as_bytes()).unwrap();
    assert!(answer(stream).starts_with("HTTP/1.1 200"));
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut second = place.command(&["serve"]);
    let output = second
        .env("PORTCULLIS_SERVER__LISTEN", &server.address)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let wanted = format!(
        "portcullis: cannot listen on {} (server.listen): ",
        server.address
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&wanted), "{error}");
}

#[test]
fn nothing_from_outside_gets_raw_into_the_log() {
    let place = Place::new();
    let mut server = Server::start_with(&place, "human");
    let path = "/%0d%0a%1b[31m?secret=hunter2";
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: \x1b[31m\r\n\
         Portcullis-Request-Id: a\x1b[31mb\r\nAuthorization: Bearer hunter2\r\n\r\n"
    );
    let _ = answer(server.connect(&request));
    let _ = answer(server.connect(&request.replace('\x1b', "")));
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("/%0d%0a%1b[31m"), "{rest}");
    assert!(
        !rest.contains("hunter2") && !rest.contains('\x1b') && !rest.contains('\r'),
        "{rest:?}"
    );
}

#[test]
fn a_start_with_other_settings_is_in_the_audit_trail() {
    let place = Place::new();
    let file = |window: i32, secret: &str| {
        let text = format!("[refresh]\nwindow = {window}\n[edge]\nsecret = \"{secret}\"\n");
        std::fs::write(place.0.join("set.toml"), text).unwrap();
    };
    let start = || {
        let mut command = place.command(&["--config", "set.toml", "serve"]);
        drop(Server::wait_for(
            command.env("PORTCULLIS_LOG__FORMAT", "json"),
        ));
        place.run(&["audit", "--action", "settings_changed"], "")
    };
    file(30, "hunter2-hunter2-hunter2");
    assert_eq!(start(), "");
    assert_eq!(start(), "");
    file(20, "hunter3-hunter3-hunter3");
    let told = start();
    assert!(
        told.contains("edge.secret: secret changed; refresh.window: 30 -> 20"),
        "{told}"
    );
    assert_eq!(start(), told);
}
