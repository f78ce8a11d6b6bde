//! The direction of dependencies: between the crates, inside the origin and inside the edge.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::harness::place;

/// What each crate of the workspace may know of the others.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("portcullis-shared", &[]),
    ("portcullis-edge", &["portcullis-shared"]),
    // Its command line alone, see below.
    (
        "portcullis-origin",
        &["portcullis-shared", "portcullis-edge"],
    ),
    (
        "portcullis-bench-edge",
        &["portcullis-shared", "portcullis-edge"],
    ),
    ("portcullis-load", &[]),
    ("portcullis-fuzz", &["portcullis-shared"]),
    (
        "portcullis-e2e",
        &["portcullis-shared", "portcullis-origin", "portcullis-edge"],
    ),
    (
        "xtask",
        &[
            "portcullis-shared",
            "portcullis-origin",
            "portcullis-edge",
            "portcullis-e2e",
            "portcullis-load",
            "portcullis-fuzz",
        ],
    ),
];

/// What a crate must not depend on, tests included: the pure one does no I/O, and neither half
/// knows the other's runtime.
const MUST_NOT_USE: [(&str, &[&str]); 3] = [
    (
        "portcullis-shared",
        &[
            "tokio",
            "poem",
            "sqlx",
            "worker",
            "reqwest",
            "getrandom",
            "rand",
        ],
    ),
    ("portcullis-edge", &["tokio", "poem", "sqlx", "reqwest"]),
    ("portcullis-origin", &["worker", "web-sys", "wasm-bindgen"]),
];

/// The dependencies of each crate of the workspace, of every kind; without itself, which a crate
/// names to have more features in its own tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(place::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let own = name(package);
            let used = package["dependencies"].as_array().unwrap().iter().map(name);
            (own.clone(), used.filter(|used| *used != own).collect())
        });
    packages.collect()
}

#[test]
fn between_the_crates_the_arrows_point_to_shared() {
    let dependencies = dependencies();
    let known: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(
        there, known,
        "a crate came or went: say here what it may know"
    );
    for (name, allowed) in MAY_KNOW {
        let ours = dependencies[name]
            .iter()
            .filter(|used| known.contains(used.as_str()));
        for used in ours {
            assert!(
                allowed.contains(&used.as_str()),
                "{name} must not know {used}"
            );
        }
    }
    for (name, forbidden) in MUST_NOT_USE {
        for used in &dependencies[name] {
            assert!(
                !forbidden.contains(&used.as_str()),
                "{name} must not use {used}"
            );
        }
    }
}

#[test]
fn the_domain_names_neither_web_framework_nor_database_and_the_two_do_not_meet() {
    let source = place::root().join("origin/src");
    for (room, forbidden) in [
        (
            "domain",
            &[
                "poem",
                "poem_openapi",
                "sqlx",
                "http",
                "storage",
                "cli",
                "settings",
                "system",
            ][..],
        ),
        (
            "storage",
            &["poem", "poem_openapi", "http", "cli", "settings"],
        ),
        ("http", &["sqlx", "storage", "cli"]),
    ] {
        let files = files_of(&source, room);
        assert!(files.len() > 5, "{room} is somewhere else now");
        refuse(&files, forbidden);
    }
}

#[test]
fn the_origin_s_command_line_alone_names_the_edge() {
    let source = place::root().join("origin/src");
    let cli = files_of(&source, "cli");
    let others: Vec<_> = rust_files(&source)
        .into_iter()
        .filter(|file| !cli.contains(file))
        .collect();
    assert!(cli.len() > 5 && others.len() > 5);
    refuse(&others, &["portcullis_edge"]);
    let explains = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        text.contains("portcullis_edge::")
    };
    assert!(cli.iter().any(explains), "the arrow is not needed any more");
}

#[test]
fn the_worker_is_built_without_explanations() {
    let manifest = fs::read_to_string(place::root().join("edge/Cargo.toml")).unwrap();
    let is_default = |line: &str| line.trim_start().starts_with("default");
    assert!(manifest.contains("\nexplain = ") && !manifest.lines().any(is_default));
    let explains = place::root().join("edge/src/lib.rs");
    let text = fs::read_to_string(explains).unwrap();
    assert!(text.contains("#[cfg(feature = \"explain\")]\npub mod explain;"));
}

#[test]
fn the_runtime_is_named_in_the_edge_s_adapter_alone() {
    let source = place::root().join("edge/src");
    let adapter = files_of(&source, "adapter");
    let others: Vec<_> = rust_files(&source)
        .into_iter()
        .filter(|file| !adapter.contains(file))
        .collect();
    assert!(adapter.len() > 3 && others.len() > 5);
    refuse(
        &others,
        &[
            "worker",
            "web_sys",
            "js_sys",
            "wasm_bindgen",
            "wasm_bindgen_futures",
        ],
    );
}

#[test]
fn the_edge_s_entry_never_passes_a_request_on_by_itself() {
    let modules = fs::read_dir(place::root().join("edge/entry")).unwrap();
    let modules: Vec<_> = modules.map(|module| module.unwrap().path()).collect();
    assert!(modules.iter().any(|module| module.ends_with("index.js")));
    for module in modules {
        let text = fs::read_to_string(&module).unwrap();
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        assert!(
            !code.contains("passThroughOnException"),
            "the edge would fail open by {}",
            module.display()
        );
    }
}

/// `<room>.rs` and everything below `<room>/`.
fn files_of(source: &Path, room: &str) -> Vec<PathBuf> {
    let mut files = rust_files(&source.join(room));
    files.push(source.join(format!("{room}.rs")));
    files
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// No file may name one of these as the start of a path or right behind `crate::`.
fn refuse(files: &[PathBuf], forbidden: &[&str]) {
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(name) = forbidden.iter().find(|name| names(code, name)) {
                panic!(
                    "{}:{}: must not name {name}: {line}",
                    file.display(),
                    number + 1
                );
            }
        }
    }
}

/// Whether a line of code names this crate or module of ours: `name::…`, `crate::name`, `use name`,
/// or, in a list of what is used of our own crate, `name::…` as well.
fn names(code: &str, name: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    code.match_indices(name).any(|(start, _)| {
        let (before, after) = (&code[..start], &code[start + name.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let of_ours = before.ends_with("crate::");
        let first = !before.ends_with("::") || of_ours || before.ends_with(" ::");
        let used = before.trim_end().ends_with("use") || before.trim().is_empty();
        whole
            && first
            && (of_ours || after.starts_with("::") || (used && after.starts_with([';', ' '])))
    })
}

#[test]
fn a_name_is_found_where_it_is_one() {
    for code in [
        "use poem::Error;",
        "poem::get(x)",
        "use crate::http::serve;",
        "    http::{endpoint}",
        "x: sqlx::Error",
        "use poem;",
        "fn f(a: &poem::Request)",
    ] {
        let hit = ["poem", "http", "sqlx"]
            .iter()
            .any(|name| names(code, name));
        assert!(hit, "{code}");
    }
    for code in [
        "self::http::x",
        "poem_openapi::x",
        "let http = 1;",
        "the_http::x",
        "super::storage_of",
    ] {
        let hit = ["poem", "http", "storage"]
            .iter()
            .any(|name| names(code, name));
        assert!(!hit, "{code}");
    }
}
