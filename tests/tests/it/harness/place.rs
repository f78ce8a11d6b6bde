//! Where the things are that tests start. `cargo xtask test` builds them and says where; a test
//! that misses one fails.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// The origin's program.
pub fn portcullis() -> PathBuf {
    // <target>/debug/deps/it-… → <target>/debug
    let beside = env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .join("portcullis");
    existing("PORTCULLIS_BIN", beside, "the origin's program")
}

/// The Worker, as `wrangler` takes it.
pub fn edge() -> PathBuf {
    let output = existing(
        "PORTCULLIS_EDGE_DIR",
        root().join("build/edge"),
        "the Worker",
    );
    existing("", output.join("index.js"), "the Worker");
    output
}

/// The Worker with settings for a workerd of one's own.
pub fn bundle() -> PathBuf {
    existing(
        "PORTCULLIS_BUNDLE_DIR",
        root().join("build/bundle"),
        "the bundle",
    )
}

/// Where the npm packages are.
pub fn node_modules() -> PathBuf {
    let wrangler = wrangler();
    // <here>/wrangler/bin/wrangler.js
    wrangler.ancestors().nth(3).unwrap().to_path_buf()
}

/// Node.
pub fn node() -> PathBuf {
    env::var_os("PORTCULLIS_NODE").map_or_else(|| PathBuf::from("node"), PathBuf::from)
}

/// The script of `wrangler`.
pub fn wrangler() -> PathBuf {
    let usual = root().join("node_modules/wrangler/bin/wrangler.js");
    existing("PORTCULLIS_WRANGLER", usual, "wrangler")
}

/// A Postgres server in which databases can be made.
pub fn postgres() -> String {
    env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("TEST_POSTGRES_URL is not set: run `cargo xtask test`, which starts a server")
    })
}

/// The folder of the programs of Postgres: as told, in the search path, or where Debian keeps them.
pub fn postgres_programs() -> PathBuf {
    if let Some(told) = env::var_os("PORTCULLIS_POSTGRES_BIN") {
        return PathBuf::from(told);
    }
    let searched = env::var_os("PATH").unwrap_or_default();
    // A link leads to the folder where all of them are.
    let mut found = env::split_paths(&searched).filter_map(|folder| {
        let program = fs::canonicalize(folder.join("initdb")).ok()?;
        program.parent().map(Path::to_path_buf)
    });
    let found = found.next();
    found.or_else(debian).expect(
        "no `initdb`: run `cargo xtask test`, which looks for Postgres and says how to install it",
    )
}

/// The newest version's.
fn debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
        Some((version, path.join("bin")))
    });
    newest.max().map(|(_, folder)| folder)
}

fn existing(variable: &str, usual: PathBuf, what: &str) -> PathBuf {
    let place = env::var_os(variable).map_or(usual, PathBuf::from);
    assert!(
        place.exists(),
        "{what} is not at {}: run `cargo xtask test`, which builds it",
        place.display()
    );
    place
}
