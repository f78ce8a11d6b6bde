//! `package.json` and `package-lock.json` of the bundle: workerd at the version that the repository's
//! wrangler brings, and that every test here ran on, with its checksums.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::build_edge::replace;
use crate::workspace::Workspace;

const NAME: &str = "portcullis-edge";

/// The package, and what it depends on.
const WORKERD: &str = "node_modules/workerd";
const ITS_PARTS: &str = "node_modules/@cloudflare/workerd-";

/// Writes both.
///
/// # Errors
/// When the repository's lockfile has no workerd, or a file cannot be written.
pub(super) fn write(workspace: &Workspace, folder: &Path) -> Result<()> {
    let text =
        fs::read_to_string(workspace.path("package-lock.json")).context("package-lock.json")?;
    let (package, lock) = both(&text)?;
    replace(&folder.join("package.json"), pretty(&package)?.as_bytes())?;
    replace(&folder.join("package-lock.json"), pretty(&lock)?.as_bytes())?;
    // Nothing that is installed may run code at installation.
    replace(&folder.join(".npmrc"), b"ignore-scripts=true\n")
}

fn both(lockfile: &str) -> Result<(Value, Value)> {
    let lock: Value = serde_json::from_str(lockfile).context("package-lock.json")?;
    let all = lock.get("packages").and_then(Value::as_object);
    let wanted = |path: &str| path == WORKERD || path.starts_with(ITS_PARTS);
    let mut packages: Map<String, Value> = all
        .context("package-lock.json has no packages")?
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect();
    for entry in packages.values_mut().filter_map(Value::as_object_mut) {
        // There they are tools; here they are what the folder is for.
        entry.remove("dev");
    }
    let version = packages
        .get(WORKERD)
        .and_then(|entry| entry.get("version"))
        .and_then(Value::as_str)
        .context("package-lock.json has no workerd")?;
    let package = json!({
        "name": NAME,
        "private": true,
        "license": "MIT OR Apache-2.0",
        "dependencies": { "workerd": version },
    });
    let root = json!({
        "name": NAME,
        "license": "MIT OR Apache-2.0",
        "dependencies": { "workerd": version },
    });
    packages.insert(String::new(), root);
    let lock = json!({
        "name": NAME,
        "lockfileVersion": lock.get("lockfileVersion"),
        "requires": true,
        "packages": packages,
    });
    Ok((package, lock))
}

fn pretty(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).context("JSON")? + "\n")
}

#[cfg(test)]
mod tests {
    use super::both;

    #[test]
    fn the_version_is_exact_and_the_checksums_come_along() {
        let lock = r#"{"lockfileVersion":3,"packages":{
            "":{"devDependencies":{"wrangler":"4.0.0"}},
            "node_modules/wrangler":{"version":"4.0.0"},
            "node_modules/workerd":{"version":"1.2.3","dev":true,"integrity":"sha512-a"},
            "node_modules/@cloudflare/workerd-linux-64":{"version":"1.2.3","integrity":"sha512-b"}
        }}"#;
        let (package, lock) = both(lock).unwrap();
        assert_eq!(package["dependencies"]["workerd"], "1.2.3");
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(packages.len(), 3);
        assert_eq!(packages["node_modules/workerd"]["integrity"], "sha512-a");
        assert!(packages["node_modules/workerd"].get("dev").is_none());
        assert!(both("{\"packages\":{}}").is_err());
    }
}
