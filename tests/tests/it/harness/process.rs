//! Processes and directories of a test, which end with it.
//!
//! A watcher stands beside each: a shell that waits for the end of its standard input, then kills
//! the process group or removes the directory. The other end is held by the test program alone, so
//! it closes on drop, on a panic that aborts, and when the program is killed.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

const KILL: &str = r#"cat >/dev/null; kill -s KILL -- "-$1" 2>/dev/null"#;

/// What is being killed may still write: then once more.
const REMOVE: &str = r#"cat >/dev/null; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }"#;

/// The watcher; dropping it has it do its work.
#[derive(Debug)]
struct Watcher(Child);

impl Watcher {
    fn start(script: &str, argument: &str) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script, "watcher", argument])
            .process_group(0);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(shell.spawn().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A directory for one part.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _watcher: Watcher,
}

impl Scratch {
    pub fn new(name: &str) -> Self {
        let prefix = format!("portcullis-{name}-");
        let path = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir()
            .unwrap()
            .keep();
        let watcher = Watcher::start(REMOVE, path.to_str().unwrap());
        Self {
            path,
            _watcher: watcher,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A running process, the leader of a group of its own, and whatever it starts.
#[derive(Debug)]
pub struct Group {
    child: Child,
    watcher: Option<Watcher>,
    log: PathBuf,
}

impl Group {
    /// Starts `command`; its output goes to `log`.
    pub fn spawn(mut command: Command, log: PathBuf) -> Self {
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let watcher = Watcher::start(KILL, &child.id().to_string());
        Self {
            child,
            watcher: Some(watcher),
            log,
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }

    /// Sends a signal to the leader.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Sends a signal to all.
    pub fn signal_all(&self, signal: Signal) {
        kill_process_group(self.id(), signal).unwrap();
    }

    /// The most memory, in KiB, that the group's processes of this name have ever had.
    pub fn peak_kib(&self, name: &str) -> u64 {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let peaks = processes.filter_map(|process| {
            let read = |file: &str| fs::read_to_string(process.path().join(file)).ok();
            // proc(5): the name stands in parentheses; the group is the third field behind them.
            let stat = read("stat")?;
            let (before, fields) = stat.rsplit_once(") ")?;
            let group: u32 = fields.split(' ').nth(2)?.parse().ok()?;
            if group != self.child.id() || !before.ends_with(&format!("({name}")) {
                return None;
            }
            let status = read("status")?;
            let peak = status
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))?;
            peak.split_whitespace().next()?.parse::<u64>().ok()
        });
        peaks.sum()
    }

    /// What it has printed.
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The leader.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            let last = &lines[lines.len().saturating_sub(40)..];
            eprintln!(
                "--- the end of {}\n{}\n---",
                self.log.display(),
                last.join("\n")
            );
        }
        drop(self.watcher.take());
        let _ = self.child.wait();
    }
}
