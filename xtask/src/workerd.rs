//! Settings of a `workerd` of one's own, in Cap'n Proto's text form: the parts that several commands
//! write.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The modules of the Worker in `folder`, which the settings call `path`; `main` comes first, since
/// that is the one that workerd starts.
///
/// # Errors
/// When the folder cannot be listed.
pub(crate) fn modules(folder: &Path, path: &str, main: &str) -> Result<String> {
    let mut names = Vec::new();
    collect(folder, "", &mut names)?;
    names.sort_by_key(|name| (name != main, name.clone()));
    let module = |name: &String| {
        let kind = match Path::new(name).extension().and_then(|kind| kind.to_str()) {
            Some("wasm") => "wasm",
            Some("json") => "text",
            _ => "esModule",
        };
        // Rust and Cap'n Proto quote text of ASCII alike.
        format!(
            "(name = {name:?}, {kind} = embed {:?})",
            format!("{path}/{name}")
        )
    };
    Ok(names.iter().map(module).collect::<Vec<_>>().join(",\n    "))
}

fn collect(directory: &Path, prefix: &str, names: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// The date that the deployed Worker is run with.
///
/// # Errors
/// When `wrangler.toml` has none.
pub(crate) fn compatibility_date(workspace: &Workspace) -> Result<String> {
    let text = fs::read_to_string(workspace.path("wrangler.toml")).context("wrangler.toml")?;
    let table: toml::Table = text.parse().context("wrangler.toml")?;
    let date = table
        .get("compatibility_date")
        .and_then(toml::Value::as_str);
    date.map(str::to_owned)
        .context("wrangler.toml has no compatibility_date")
}
