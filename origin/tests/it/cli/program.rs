//! The program in a folder of its own, and its server on a port of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::JoinHandle,
};

use serde_json::Value;

/// A folder to run in, gone with the test.
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let count = COUNTER.fetch_add(1, Ordering::SeqCst);
        let name = format!("portcullis-cli-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(&self.0).env_clear();
        for (name, value) in [
            ("PORTCULLIS_PASSWORD__MEMORY_KIB", "8"),
            ("PORTCULLIS_PASSWORD__ITERATIONS", "1"),
            ("PORTCULLIS_SERVER__LISTEN", "127.0.0.1:0"),
        ] {
            command.env(name, value);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub(super) fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run_with(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(super) fn json(&self, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.run(arguments, input)).unwrap()
    }

    /// Exit code and standard error of a command that fails.
    pub(super) fn fail(&self, arguments: &[&str], input: &str) -> (i32, String) {
        let output = self.run_with(arguments, input);
        assert!(output.stdout.is_empty(), "{output:?}");
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server on a free port.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) log: BufReader<Box<dyn Read + Send>>,
    pub(super) address: String,
}

impl Server {
    pub(super) fn start(place: &Place) -> Self {
        Self::start_with(place, "json")
    }

    /// Waits for the line that tells the address.
    pub(super) fn start_with(place: &Place, format: &str) -> Self {
        let mut command = place.command(&["serve"]);
        Self::wait_for(command.env("PORTCULLIS_LOG__FORMAT", format))
    }

    pub(super) fn wait_for(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = child.stderr.take().unwrap();
        let log = BufReader::new(Box::new(log) as Box<dyn Read + Send>);
        let address = String::new();
        let mut server = Self {
            child,
            log,
            address,
        };
        let line = server.line_with("listening on");
        let address = line.split("http://").nth(1).unwrap();
        let end = address
            .find(|character: char| !"0123456789.:".contains(character))
            .unwrap();
        address[..end].clone_into(&mut server.address);
        server
    }

    /// Reads the rest of the log meanwhile: a server that logs much would wait for its reader.
    pub(super) fn rest_of_log(&mut self) -> JoinHandle<String> {
        let nothing: Box<dyn Read + Send> = Box::new(std::io::empty());
        let mut log = std::mem::replace(&mut self.log, BufReader::new(nothing));
        std::thread::spawn(move || {
            let mut rest = String::new();
            log.read_to_string(&mut rest).unwrap();
            rest
        })
    }

    /// Reads the log up to a line with this text.
    pub(super) fn line_with(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(
                self.log.read_line(&mut line).unwrap() > 0,
                "the server stopped"
            );
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(super) fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    pub(super) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn login(username: &str, password: &str) -> String {
    let body = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
    format!(
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
