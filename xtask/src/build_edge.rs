//! The Worker: `build/edge/`, made from the Rust half, our entry module and the route table.
//!
//! Invariant: what stands in `build/edge/` has a valid route table and keeps the size limit. The
//! directory is self-contained: `wrangler --config <copy of it>/wrangler.toml` works anywhere.

mod size;
pub(crate) mod wasm;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::fingerprint::Fingerprint;
use crate::routes;
use crate::stop::Stop;
use crate::tools::{self, Node};
use crate::workspace::Workspace;

/// How the glue is made.
const BINDGEN: [&str; 6] = [
    "--target",
    "web",
    "--no-typescript",
    "--remove-name-section",
    "--remove-producers-section",
    // edge/entry/index.js replaces a trapped instance through it.
    "--experimental-reset-state-function",
];

/// Builds the Worker.
///
/// # Errors
/// When the route table has a mistake, a step fails, or the result is too large.
pub(crate) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let output = workspace.edge_output();
    // First, since it takes no time and is the commonest mistake.
    let routes = routes::checked(workspace)?;
    tools::wasm_target(stop)?;
    let node = Node::ensure(workspace, stop)?;
    let bindgen = tools::wasm_bindgen(workspace, stop)?;

    let wasm = wasm::compile(workspace, "portcullis-edge", stop)?;
    fs::create_dir_all(&output).with_context(|| format!("cannot make {}", output.display()))?;
    let stamp = output.join(".stamp");
    let digest = digest_of(&wasm, &bindgen, workspace)?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == digest) {
        eprintln!("the Rust half of the Worker is unchanged");
    } else {
        let _ = fs::remove_file(&stamp);
        bind_and_optimise(workspace, &node, &bindgen, &wasm, stop)?;
    }

    entry(workspace, &output)?;
    replace(
        &output.join("wrangler.toml"),
        settings(workspace)?.as_bytes(),
    )?;
    replace(&output.join(routes::IN_WORKER), routes.as_bytes())?;
    // For Node, which would take the modules for its own older kind.
    replace(&output.join("package.json"), b"{ \"type\": \"module\" }\n")?;
    size::report_and_limit(&node, &output)?;
    replace(&stamp, digest.as_bytes())
}

/// The entry module and what it consists of.
fn entry(workspace: &Workspace, output: &Path) -> Result<()> {
    for module in fs::read_dir(workspace.path("edge/entry")).context("edge/entry")? {
        let module = module.context("edge/entry")?;
        let source = fs::read(module.path()).context("edge/entry")?;
        replace(&output.join(module.file_name()), &source)?;
    }
    Ok(())
}

/// Writes a file at once, so that a watcher never reads half of it; leaves an equal one untouched,
/// so that no watcher is woken for nothing.
///
/// # Errors
/// When the place cannot be written.
pub(crate) fn replace(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let aside = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&aside, content)
        .and_then(|()| fs::rename(&aside, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Of everything that the two later steps depend on.
fn digest_of(wasm: &Path, bindgen: &Path, workspace: &Workspace) -> Result<String> {
    let mut print = Fingerprint::default();
    print.add(&fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?);
    print.add(bindgen.as_os_str().as_encoded_bytes());
    print.add(&fs::read(workspace.path("package-lock.json")).context("package-lock.json")?);
    for option in BINDGEN.iter().chain(&wasm::FEATURES) {
        print.add(option.as_bytes());
    }
    Ok(print.text())
}

fn bind_and_optimise(
    workspace: &Workspace,
    node: &Node,
    bindgen: &Path,
    wasm: &Path,
    stop: &Stop,
) -> Result<()> {
    let output = workspace.edge_output();
    // Snippets of an older build would be counted and carried along.
    let _ = fs::remove_dir_all(output.join("snippets"));
    wasm::bind(bindgen, &BINDGEN, wasm, &output, stop)?;
    wasm::optimise(
        workspace,
        node,
        &output.join("portcullis_edge_bg.wasm"),
        stop,
    )
}

/// `wrangler.toml` as it holds inside the output: no build step, since everything is built.
fn settings(workspace: &Workspace) -> Result<String> {
    let text = fs::read_to_string(workspace.path("wrangler.toml")).context("wrangler.toml")?;
    let mut table: toml::Table = text.parse().context("wrangler.toml")?;
    table.remove("build");
    table.insert(
        "main".to_owned(),
        toml::Value::String("index.js".to_owned()),
    );
    let table = toml::to_string(&table).context("wrangler.toml")?;
    Ok(format!(
        "# Made by `cargo xtask build-edge` from the wrangler.toml of the repository.\n{table}"
    ))
}
