//! The origin as a process: what survives its end, and how it ends.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{
    client::Http,
    origin::{Home, Origin},
    ports,
    stack::{SCOPES, login, refresh, tokens},
};

#[tokio::test]
async fn sessions_survive_a_restart_and_a_kill() {
    let http = Http::new();
    let origin = Origin::start(Home::sqlite("http://edge.example")).await;
    let user = origin.home.add_user(&SCOPES, &[]);
    let first = tokens(&login(&http, &origin.url(), &user, None).await.expect(200));

    let home = origin.home.clone();
    origin.terminate();
    assert!(origin.ended_well().await);
    let origin = Origin::start_at(home.clone(), ports::free()).await;
    http.get(&origin.at("/auth/me"), &first.access)
        .await
        .expect(200);
    let second = tokens(
        &refresh(&http, &origin.url(), &first.refresh)
            .await
            .expect(200),
    );

    drop(origin);
    let origin = Origin::start_at(home, ports::free()).await;
    http.get(&origin.at("/auth/me"), &second.access)
        .await
        .expect(200);
    // The answer to the second refresh was not lost on the way to the disk.
    let third = tokens(
        &refresh(&http, &origin.url(), &second.refresh)
            .await
            .expect(200),
    );
    let reused = refresh(&http, &origin.url(), &first.refresh)
        .await
        .expect(400);
    assert_eq!(reused.json()["error"], "invalid_grant");
    http.get(&origin.at("/auth/me"), &third.access)
        .await
        .expect(401);
}

#[tokio::test]
async fn a_request_in_flight_is_finished_after_sigterm_and_no_new_one_is_taken() {
    let origin = Origin::start(Home::sqlite("http://edge.example")).await;
    let user = origin.home.add_user(&SCOPES, &[]);
    let body = format!(
        r#"{{"username":"{}","password":"{}"}}"#,
        user.name, user.password
    );
    let (start, rest) = body.split_at(10);
    let mut slow = TcpStream::connect(("127.0.0.1", origin.port))
        .await
        .unwrap();
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // The answer to `Expect` tells that the request is being handled.
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    slow.write_all(start.as_bytes()).await.unwrap();
    origin.terminate();
    crate::harness::wait::until("the end of listening", Duration::from_secs(5), || async {
        TcpStream::connect(("127.0.0.1", origin.port)).await.err()
    })
    .await;
    slow.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("refresh_token"), "{answer}");
    assert!(origin.ended_well().await);
}
