//! The Workers of the benchmark, one directory each below `build/bench/edge/`: the deployed bundle
//! copied, the verification compiled and optimised exactly as that bundle is, JavaScript joined
//! into one module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::build_edge::{self, wasm};
use crate::process;
use crate::routes;
use crate::stop::Stop;
use crate::tools::{self, Node};
use crate::workspace::Workspace;

/// A Worker to be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    VerifyJose,
    VerifyOurs,
    RequestHello,
    RequestJose,
    RequestOurs,
    RequestOursAnswers,
    Upstream,
}

impl Worker {
    /// Its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::VerifyJose => "verify-jose",
            Self::VerifyOurs => "verify-ours",
            Self::RequestHello => "request-hello",
            Self::RequestJose => "request-jose",
            Self::RequestOurs => "request-ours",
            Self::RequestOursAnswers => "request-ours-answers",
            Self::Upstream => "upstream",
        }
    }

    /// Its source in `bench/edge/workers/`.
    fn source(self) -> &'static str {
        match self {
            Self::RequestOursAnswers => Self::RequestOurs.name(),
            other => other.name(),
        }
    }

    const ALL: [Self; 7] = [
        Self::VerifyJose,
        Self::VerifyOurs,
        Self::RequestHello,
        Self::RequestJose,
        Self::RequestOurs,
        Self::RequestOursAnswers,
        Self::Upstream,
    ];
}

/// Where all of them are.
pub(super) fn place(workspace: &Workspace) -> PathBuf {
    workspace.path("build/bench/edge")
}

/// Builds them anew.
///
/// # Errors
/// When a step fails.
pub(super) fn build(workspace: &Workspace, stop: &Stop) -> Result<()> {
    build_edge::run(workspace, stop)?;
    let place = place(workspace);
    let _ = fs::remove_dir_all(&place);
    let node = Node::ensure(workspace, stop)?;
    for worker in Worker::ALL {
        let directory = place.join(worker.name());
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        join_modules(workspace, &node, worker, &directory, stop)?;
    }
    let whole = [Worker::RequestOurs, Worker::RequestOursAnswers];
    for worker in whole {
        copy_modules(&workspace.edge_output(), &place.join(worker.name()))?;
    }
    let answers = place.join(Worker::RequestOursAnswers.name());
    let stand_in = workspace.path("bench/edge/workers/forward-answers.js");
    fs::copy(stand_in, answers.join("forward.js")).context("forward.js")?;
    let table = workspace.path("bench/edge/workers/routes.toml");
    let table = routes::as_json(&fs::read_to_string(table).context("routes.toml")?)?;
    for worker in whole.into_iter().chain([Worker::VerifyOurs]) {
        fs::write(place.join(worker.name()).join(routes::IN_WORKER), &table).context("routes")?;
    }
    verification(
        workspace,
        &node,
        &place.join(Worker::VerifyOurs.name()),
        stop,
    )
}

/// One module of a Worker's JavaScript, `main.js`, but for what another step puts beside it.
fn join_modules(
    workspace: &Workspace,
    node: &Node,
    worker: Worker,
    directory: &Path,
    stop: &Stop,
) -> Result<()> {
    let source = format!("bench/edge/workers/{}.js", worker.source());
    let mut esbuild = node.script(workspace, "esbuild/bin/esbuild");
    esbuild
        .arg(workspace.path(&source))
        .args([
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--log-level=warning",
        ])
        .args([
            "--external:*.wasm",
            "--external:./routes.json",
            "--external:./index.js",
        ])
        .arg("--external:./portcullis_bench_edge.js")
        .arg(format!("--outfile={}", directory.join("main.js").display()));
    process::run(esbuild.current_dir(workspace.root()), stop)
}

/// Everything of the deployed bundle that is a module.
fn copy_modules(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        let kind = path.extension().unwrap_or_default();
        if path.is_dir() && path.file_name().is_some_and(|name| name == "snippets") {
            copy_all(&path, &target)?;
        } else if kind == "js" || kind == "wasm" {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_all(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// The gate and the cache in a module of their own, by the same steps as the deployed one.
fn verification(workspace: &Workspace, node: &Node, output: &Path, stop: &Stop) -> Result<()> {
    let bindgen = tools::wasm_bindgen(workspace, stop)?;
    let wasm = wasm::compile(workspace, "portcullis-bench-edge", stop)?;
    let options = [
        "--target",
        "web",
        "--no-typescript",
        "--remove-name-section",
    ];
    wasm::bind(&bindgen, &options, &wasm, output, stop)?;
    let bound = output.join("portcullis_bench_edge_bg.wasm");
    wasm::optimise(workspace, node, &bound, stop)
}
