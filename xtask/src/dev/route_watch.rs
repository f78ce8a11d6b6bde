//! Carries changes of `routes.toml` into the running Worker.
//!
//! Invariant: only a table that `shared` accepts is handed over. With a mistake in the file the
//! Worker goes on with the last good table, and the mistake is printed once.

use std::fs;
use std::path::PathBuf;

use crate::build_edge;

/// The watched file and what was last seen in it.
pub(super) struct RouteWatch {
    source: PathBuf,
    /// Inside the Worker's directory, where wrangler notices a change by itself.
    copy: PathBuf,
    seen: Option<String>,
}

impl RouteWatch {
    /// Starts from the table that was built in.
    pub(super) fn new(source: PathBuf, copy: PathBuf) -> Self {
        let seen = fs::read_to_string(&copy).ok();
        Self { source, copy, seen }
    }

    /// Looks once. The file is small: reading it costs less than trusting its timestamp.
    pub(super) fn look(&mut self) {
        let present = fs::read_to_string(&self.source).ok();
        if present == self.seen {
            return;
        }
        self.seen = present;
        let handed_over = build_edge::checked_routes(&self.source)
            .and_then(|text| build_edge::replace(&self.copy, text.as_bytes()));
        match handed_over {
            Ok(()) => eprintln!("[routes] routes.toml changed: the Worker takes the new table"),
            Err(error) => {
                eprintln!("[routes] NOT taken, the Worker keeps the last good table: {error:#}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RouteWatch;
    use std::fs;

    #[test]
    fn a_table_with_a_mistake_never_reaches_the_worker() {
        let place = tempfile::tempdir().unwrap();
        let (source, copy) = (
            place.path().join("routes.toml"),
            place.path().join("copy.toml"),
        );
        fs::write(&source, "# one\n").unwrap();
        fs::write(&copy, "# one\n").unwrap();
        let mut watch = RouteWatch::new(source.clone(), copy.clone());

        fs::write(&source, "[[route]]\nno_such_key = 1\n").unwrap();
        watch.look();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "# one\n");

        let good = "[[route]]\npath = \"/x\"\nupstream = \"api\"\naccess = \"public\"\n";
        fs::write(&source, good).unwrap();
        watch.look();
        assert_eq!(fs::read_to_string(&copy).unwrap(), good);
    }
}
