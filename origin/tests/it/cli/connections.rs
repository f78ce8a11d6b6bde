//! Clients that are slow, silent or many, at a real server over real sockets. A read that gives up
//! after a moment sets the pace: nothing here sleeps.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::{Place, Server, login};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

/// How long a client pauses between two bytes.
const MOMENT: Duration = Duration::from_millis(100);

/// After so many moments something has not happened: 15 seconds.
const PATIENCE: usize = 150;

fn serve(place: &Place, settings: &[(&str, &str)]) -> Server {
    let mut command = place.command(&["serve"]);
    command.env("PORTCULLIS_LOG__FORMAT", "json");
    // Nobody reads the log meanwhile.
    command.env(
        "PORTCULLIS_LOG__FILTER",
        "portcullis_origin::http::serve=info,error",
    );
    for (name, value) in settings {
        command.env(format!("PORTCULLIS_SERVER__{name}"), value);
    }
    Server::wait_for(&mut command)
}

/// A client that keeps its connection.
struct Client(TcpStream);

#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// So many bytes.
    Bytes(usize),
    /// None in this moment.
    Nothing,
    /// The end of the connection.
    End,
}

impl Client {
    fn new(server: &Server) -> Self {
        Self::sending(server, "")
    }

    fn sending(server: &Server, text: &str) -> Self {
        let stream = server.connect(text);
        stream.set_read_timeout(Some(MOMENT)).unwrap();
        Self(stream)
    }

    /// What comes within a moment.
    fn look(&mut self) -> Came {
        let mut buffer = [0; 4096];
        match self.0.read(&mut buffer) {
            Ok(0) => Came::End,
            Ok(read) => Came::Bytes(read),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Came::End,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                Came::Nothing
            }
        }
    }

    /// Asks, and is answered in time.
    fn ask(&mut self) {
        self.0.write_all(LIVE.as_bytes()).unwrap();
        self.is_answered();
    }

    fn is_answered(&mut self) {
        let came = (0..PATIENCE).map(|_| self.look());
        let came = came.into_iter().find(|came| *came != Came::Nothing);
        assert!(matches!(came, Some(Came::Bytes(_))), "{came:?}");
    }

    /// Sends a byte each moment until the connection ends, while `meanwhile` happens; whether there
    /// was an answer.
    fn drip(&mut self, byte: u8, mut meanwhile: impl FnMut()) -> bool {
        let mut answered = false;
        for _ in 0..PATIENCE {
            match self.look() {
                Came::End => return answered,
                Came::Bytes(_) => answered = true,
                Came::Nothing => {}
            }
            meanwhile();
            if self.0.write_all(&[byte]).is_err() {
                return answered;
            }
        }
        panic!("the connection is still there");
    }

    /// The connection ends although its client does nothing.
    fn is_closed(&mut self) {
        let ended = (0..PATIENCE).any(|_| self.look() == Came::End);
        assert!(ended, "the connection is still there");
    }
}

#[test]
fn a_head_that_drips_is_cut_off_while_others_are_answered() {
    let place = Place::new();
    let server = serve(&place, &[("REQUEST_TIMEOUT", "1")]);
    let mut steady = Client::new(&server);
    let begun = "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Filler: ";
    let mut dripping = Client::sending(&server, begun);
    assert!(!dripping.drip(b'a', || steady.ask()));
    // The same after a request that was in order.
    let mut dripping = Client::new(&server);
    dripping.ask();
    dripping.0.write_all(begun.as_bytes()).unwrap();
    assert!(!dripping.drip(b'a', || steady.ask()));
    // Before anything at all.
    Client::new(&server).is_closed();
    steady.ask();
}

#[test]
fn a_body_that_drips_is_cut_off_while_others_are_answered() {
    let place = Place::new();
    let server = serve(&place, &[("REQUEST_TIMEOUT", "1")]);
    let mut steady = Client::new(&server);
    for (path, kind) in [
        ("/auth/login", "application/json"),
        ("/auth/token", "application/x-www-form-urlencoded"),
        ("/nowhere", "application/json"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
        );
        let mut dripping = Client::sending(&server, &head);
        dripping.drip(b'a', || steady.ask());
    }
    steady.ask();
}

#[test]
fn who_takes_no_answers_is_cut_off_while_others_are_answered() {
    let place = Place::new();
    let server = serve(&place, &[("REQUEST_TIMEOUT", "1")]);
    let mut steady = Client::new(&server);
    for method in ["GET", "HEAD"] {
        let request = format!("{method} /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n");
        let requests = request.repeat(1000).into_bytes();
        let mut client = Client::new(&server);
        client.0.set_write_timeout(Some(MOMENT)).unwrap();
        let mut moments = 0;
        let mut sent = 0;
        loop {
            match client.0.write(&requests[sent % requests.len()..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    moments += 1;
                    assert!(moments < PATIENCE, "the connection is still there");
                    steady.ask();
                }
                Err(_) => break,
            }
        }
    }
}

#[test]
fn many_requests_at_once_get_all_their_answers_from_whoever_listens() {
    let place = Place::new();
    let server = serve(&place, &[]);
    let mut client = Client::new(&server);
    let rounds = 300;
    let mut writer = client.0.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let request = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
        let last = "GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let all = request.repeat(rounds - 1) + last;
        writer.write_all(all.as_bytes()).unwrap();
    });
    // Long enough for the answers to pile up.
    writing.join().unwrap();
    client.0.set_read_timeout(None).unwrap();
    let mut all = Vec::new();
    client.0.read_to_end(&mut all).unwrap();
    let text = String::from_utf8(all).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), rounds);
    assert!(text.ends_with('}'));
}

#[test]
fn an_idle_connection_outlives_the_limit_of_requests_and_ends_at_its_own() {
    let place = Place::new();
    let limits = [("REQUEST_TIMEOUT", "1"), ("IDLE_TIMEOUT", "4")];
    let server = serve(&place, &limits);
    let mut client = Client::new(&server);
    client.ask();
    for _ in 0..30 {
        assert_eq!(client.look(), Came::Nothing);
    }
    client.ask();
    client.is_closed();
}

#[test]
fn at_the_limit_another_is_served_once_one_has_ended() {
    let place = Place::new();
    let server = serve(&place, &[("MAX_CONNECTIONS", "2")]);
    let (mut one, mut two) = (Client::new(&server), Client::new(&server));
    one.ask();
    two.ask();
    let mut three = Client::sending(&server, LIVE);
    for _ in 0..15 {
        assert_eq!(three.look(), Came::Nothing);
        one.ask();
        two.ask();
    }
    drop(one);
    three.is_answered();
    two.ask();
}

#[test]
fn at_the_limit_those_make_way_that_only_wait() {
    let place = Place::new();
    let server = serve(&place, &[("MAX_CONNECTIONS", "3")]);
    let mut steady = Client::new(&server);
    let mut idle = Client::new(&server);
    idle.ask();
    let mut slow = Client::sending(&server, "GET /health/live HTTP/1.1\r\nX-");
    steady.ask();
    let mut further = [LIVE; 2].map(|live| Client::sending(&server, live));
    for further in &mut further {
        let answered = (0..PATIENCE).any(|_| {
            steady.ask();
            matches!(further.look(), Came::Bytes(_))
        });
        assert!(answered);
    }
    idle.is_closed();
    slow.is_closed();
}

#[test]
fn without_file_descriptors_it_goes_on_and_takes_connections_when_there_are_some() {
    let place = Place::new();
    let server = serve(&place, &[]);
    let pid = Pid::from_child(&server.child);
    let mut steady = Client::new(&server);
    steady.ask();
    let before = getrlimit(Resource::Nofile);
    let limit = |current| {
        let limit = Rlimit {
            current,
            maximum: before.maximum,
        };
        prlimit(Some(pid), Resource::Nofile, limit).unwrap();
    };
    limit(Some(3));
    let mut refused = Client::sending(&server, LIVE);
    for _ in 0..5 {
        assert_eq!(refused.look(), Came::Nothing);
        steady.ask();
    }
    limit(before.current);
    refused.is_answered();
    steady.ask();
}

#[test]
fn a_slow_client_delays_no_stop_beyond_the_limits() {
    let place = Place::new();
    let begun = "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Filler: ";
    let body = login("ann", "correct horse battery");
    for (limits, text) in [
        ([("REQUEST_TIMEOUT", "1"), ("SHUTDOWN_GRACE", "600")], begun),
        ([("REQUEST_TIMEOUT", "600"), ("SHUTDOWN_GRACE", "1")], begun),
        (
            [("REQUEST_TIMEOUT", "600"), ("SHUTDOWN_GRACE", "1")],
            &body[..body.len() - 5],
        ),
    ] {
        let mut server = serve(&place, &limits);
        let mut idle = Client::new(&server);
        idle.ask();
        let mut slow = Client::sending(&server, text);
        // Answered after it came: by now the server knows of both.
        Client::new(&server).ask();
        server.terminate();
        idle.is_closed();
        slow.drip(b'a', || {});
        assert!(server.child.wait().unwrap().success());
    }
}
