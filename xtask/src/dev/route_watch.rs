//! Carries changes of `routes.toml` into the running Worker.
//!
//! Invariant: only a table that passes the check of the build is handed over. With a mistake in the
//! file the Worker goes on with the last good table, and the mistake is printed once.

use std::fs;
use std::path::PathBuf;

use crate::build_edge;
use crate::routes;
use crate::workspace::Workspace;

/// The watched file and what was last seen in it.
pub(super) struct RouteWatch<'a> {
    workspace: &'a Workspace,
    /// Inside the Worker's directory, where wrangler notices a change by itself.
    copy: PathBuf,
    seen: Option<String>,
}

impl<'a> RouteWatch<'a> {
    /// Starts from the table that was built in.
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        let copy = workspace.edge_output().join(routes::IN_WORKER);
        let built = fs::read_to_string(&copy).ok();
        let present = fs::read_to_string(workspace.path("routes.toml")).ok();
        let seen = present.filter(|table| routes::as_json(table).ok() == built);
        Self {
            workspace,
            copy,
            seen,
        }
    }

    /// Looks once. The file is small: reading it costs less than trusting its timestamp.
    pub(super) fn look(&mut self) {
        let present = fs::read_to_string(self.workspace.path("routes.toml")).ok();
        if present == self.seen {
            return;
        }
        self.seen = present;
        let handed_over = routes::checked(self.workspace)
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
    use crate::routes;
    use crate::workspace::Workspace;
    use std::fs;

    #[test]
    fn a_table_with_a_mistake_never_reaches_the_worker() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(place.path());
        let source = workspace.path("routes.toml");
        let copy = workspace.edge_output().join(routes::IN_WORKER);
        let table = |path: &str| {
            format!("[[route]]\npath = '{path}'\nupstream = 'api'\naccess = 'public'\n")
        };
        let (old, new) = (table("/old"), table("/new"));
        fs::create_dir_all(workspace.edge_output()).unwrap();
        fs::write(
            workspace.path("wrangler.toml"),
            "[vars]\nUPSTREAM_API = 'http://a'\n",
        )
        .unwrap();
        fs::write(&source, &old).unwrap();
        fs::write(&copy, routes::as_json(&old).unwrap()).unwrap();
        let mut watch = RouteWatch::new(&workspace);
        assert_eq!(watch.seen.as_ref(), Some(&old));

        fs::write(&source, "[[route]]\nno_such_key = 1\n").unwrap();
        watch.look();
        assert!(fs::read_to_string(&copy).unwrap().contains("/old"));

        fs::write(&source, &new).unwrap();
        watch.look();
        let handed_over = fs::read_to_string(&copy).unwrap();
        assert_eq!(handed_over, routes::as_json(&new).unwrap());
    }
}
