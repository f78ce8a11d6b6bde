//! What children say: passed on line by line, the last lines kept.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

const KEPT_LINES: usize = 60;

/// The last lines of a child's output, standard output and standard error in the order written.
pub(crate) struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    /// Redirects the output of a command about to be started. `on_line` sees each line as it
    /// comes.
    ///
    /// The command must be dropped once it was spawned: it holds the writing end, and the output
    /// never ends before that is closed.
    ///
    /// # Errors
    /// When no pipe can be had.
    pub(crate) fn attach(
        command: &mut Command,
        on_line: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        let (read, write) = std::io::pipe().context("pipe")?;
        command
            .stdout(write.try_clone().context("pipe")?)
            .stderr(write);
        let lines = Arc::new(Mutex::new(VecDeque::with_capacity(KEPT_LINES)));
        let kept = Arc::clone(&lines);
        let reader = thread::spawn(move || pump(read, &kept, on_line));
        Ok(Self { lines, reader })
    }

    /// The lines kept at present, indented.
    pub(crate) fn text(&self) -> String {
        text_of(&self.lines)
    }

    /// The last lines, once every holder of the pipe is gone and all has been read.
    pub(crate) fn finished_text(self) -> String {
        // A panic of the reader has been reported by itself; what it kept is still there.
        let _ = self.reader.join();
        text_of(&self.lines)
    }

    /// Whether everything that was written has been read: every holder of the pipe is gone.
    pub(crate) fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }
}

fn text_of(lines: &Mutex<VecDeque<String>>) -> String {
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().flat_map(|line| ["    ", line, "\n"]).collect()
}

fn pump(read: PipeReader, kept: &Mutex<VecDeque<String>>, mut on_line: impl FnMut(&str)) {
    let mut reader = BufReader::new(read);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        // Lossy, not `lines()`: a stray byte must not end the reading and block the writer.
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\n', '\r']);
        on_line(line);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.to_owned());
    }
}

/// Prints a line of a service under its name, whole. A closed standard error loses it, nothing more.
pub(crate) fn print_prefixed(name: &str, line: &str) {
    if !line.trim().is_empty() {
        let _ = writeln!(std::io::stderr().lock(), "[{name:>6}] {line}");
    }
}
