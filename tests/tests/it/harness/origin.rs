//! The origin: the real program, on a database of its own.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use super::{
    client::{Http, try_send},
    place, ports,
    process::{Group, Scratch},
    wait,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Cheap enough for a test that makes many users; how dear it should be is tested elsewhere.
const CHEAP_HASHES: [(&str, &str); 2] = [
    ("PORTCULLIS_PASSWORD__MEMORY_KIB", "64"),
    ("PORTCULLIS_PASSWORD__ITERATIONS", "1"),
];

/// What several processes of one service share: database, master key, settings.
#[derive(Debug)]
pub struct Home {
    scratch: Scratch,
    issuer: String,
    database: String,
    further: Vec<(&'static str, String)>,
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub password: String,
}

impl Home {
    /// A new service on `SQLite`.
    pub fn sqlite(issuer: &str) -> Self {
        let scratch = Scratch::new("origin");
        let database = format!("sqlite:{}", scratch.path().join("portcullis.db").display());
        Self {
            scratch,
            issuer: issuer.to_owned(),
            database,
            further: Vec::new(),
        }
    }

    /// A new service on a database that is there.
    pub fn on(database: &str, issuer: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..Self::sqlite(issuer)
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.further.push((name, value.into()));
        self
    }

    /// Adds text to the settings file.
    #[must_use]
    pub fn with_settings(self, text: &str) -> Self {
        fs::write(self.settings(), text).unwrap();
        self
    }

    /// The program with its settings; a subcommand is still to be named.
    pub fn command(&self) -> Command {
        let mut command = without_settings(place::portcullis());
        if self.settings().exists() {
            command.arg("--config").arg(self.settings());
        }
        command
            .current_dir(self.scratch.path())
            .envs(self.variables());
        command
    }

    /// The settings, as variables.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("PORTCULLIS_ISSUER", self.issuer.clone()),
            ("PORTCULLIS_DATABASE__URL", self.database.clone()),
            (
                "PORTCULLIS_KEYS__MASTER_KEY_FILE",
                self.master_key().display().to_string(),
            ),
            ("PORTCULLIS_LOG__FORMAT", "json".to_owned()),
        ];
        all.extend(CHEAP_HASHES.map(|(name, value)| (name, value.to_owned())));
        all.extend(self.further.clone());
        all
    }

    /// The file of the database, on `SQLite`.
    pub fn database_file(&self) -> PathBuf {
        PathBuf::from(self.database.strip_prefix("sqlite:").unwrap())
    }

    /// The file of the master keys.
    pub fn master_key(&self) -> PathBuf {
        self.scratch.path().join("master.key")
    }

    /// Runs a subcommand to its end, with `input` to read.
    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {} {said}",
            output.status
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Adds a user by the command line, as an operator does.
    pub fn add_user(&self, scopes: &[&str], roles: &[&str]) -> User {
        let id = format!("{}-{}", std::process::id(), ports::free());
        let user = User {
            name: format!("user-{id}"),
            password: format!("correct horse {id}"),
        };
        let mut arguments = vec!["user", "add", &user.name, "--password-stdin"];
        for scope in scopes {
            arguments.extend(["--scope", scope]);
        }
        for role in roles {
            arguments.extend(["--role", role]);
        }
        self.run(&arguments, &user.password);
        user
    }

    fn settings(&self) -> PathBuf {
        self.scratch.path().join("portcullis.toml")
    }
}

/// A program for which what the tests are told about their surroundings is none of the settings.
fn without_settings(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PORTCULLIS_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    pub home: Arc<Home>,
    pub port: u16,
    group: Group,
}

impl Origin {
    /// Starts one on a port of its own and waits until it is ready.
    pub async fn start(home: Home) -> Self {
        Self::start_at(Arc::new(home), ports::free()).await
    }

    /// Starts one, perhaps beside others or after another.
    pub async fn start_at(home: Arc<Home>, port: u16) -> Self {
        let mut command = home.command();
        command.arg("serve");
        Self::run(home, port, command).await
    }

    /// Starts one to which a file that may not grow further is an error, not its end.
    pub async fn start_with_little_room(home: Arc<Home>, port: u16) -> Self {
        let program = home.command();
        let mut command = without_settings("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program.get_program())
            .args(program.get_args())
            .arg("serve")
            .current_dir(home.scratch.path())
            .envs(home.variables());
        Self::run(home, port, command).await
    }

    async fn run(home: Arc<Home>, port: u16, mut command: Command) -> Self {
        command.env("PORTCULLIS_SERVER__LISTEN", format!("127.0.0.1:{port}"));
        let log = home.scratch.path().join(format!("log-{port}"));
        let group = Group::spawn(command, log);
        let mut origin = Self { home, port, group };
        let (http, ready) = (Http::new(), origin.at("/health/ready"));
        wait::until("the origin", START_LIMIT, || {
            assert!(
                origin.group.ended().is_none(),
                "it ended: {}",
                origin.group.output()
            );
            async {
                let answer = try_send(http.request(reqwest::Method::GET, &ready))
                    .await
                    .ok();
                answer.filter(|answer| answer.status == 200)
            }
        })
        .await;
        origin
    }

    pub fn url(&self) -> String {
        ports::url(self.port)
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// Asks it to finish, as a service manager does.
    pub fn terminate(&self) {
        self.group.signal(Signal::TERM);
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        self.group.signal_all(Signal::KILL);
        self.group.wait();
    }

    /// The process that the system knows it by.
    pub fn process_id(&self) -> i32 {
        self.group.id().as_raw_nonzero().get()
    }

    /// The greatest size, in bytes, to which it may let a file grow from now on.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(self.group.id()), Resource::Fsize, limit).unwrap();
    }

    /// Stops it in its tracks: connections are taken and never answered.
    pub fn freeze(&self) {
        self.group.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.group.signal_all(Signal::CONT);
    }

    /// Waits for its end; says whether it ended well.
    pub async fn ended_well(mut self) -> bool {
        let group = &mut self.group;
        wait::until("the end of the origin", START_LIMIT, || {
            let ended = group.ended();
            async move { ended }
        })
        .await
        .success()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.group.output()
    }
}
