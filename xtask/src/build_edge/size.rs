//! How large the Worker is and how long an instance of it takes to begin: a cold isolate loads all of
//! it before it answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Node};

/// Gzipped, in bytes.
const LIMIT: u64 = 300_000;

/// Of one instance with its route table read, in milliseconds of the V8 of Node. It takes a tenth of
/// that; the best of several is taken, so that a busy machine fails no build.
const INSTANCE_LIMIT: f64 = 20.0;

/// Prints raw size, and gzipped size by zlib at its strongest as the platform counts it.
const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync } = require('node:zlib');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  console.log(`${bytes.length} ${gzipSync(bytes, { level: 9 }).length}`);
}";

/// Starts the instance anew by the function that recovers from a trap; prints milliseconds.
const INSTANTIATE: &str = "
import { readFileSync } from 'node:fs';
const place = process.argv[1];
const read = (name) => readFileSync(`${place}/${name}`);
const glue = await import(`file://${place}/portcullis_edge.js`);
const module = new WebAssembly.Module(read('portcullis_edge_bg.wasm'));
const routes = read('routes.json').toString();
const times = [];
for (let round = 0; round < 20; round += 1) {
  const began = performance.now();
  if (round === 0) glue.initSync({ module });
  else glue.__wbg_reset_state();
  glue.start(routes);
  times.push(performance.now() - began);
}
console.log(Math.min(...times));";

/// Prints a table of the parts, and how long an instance takes to begin.
///
/// # Errors
/// When all parts together, or the time, are over their limits.
pub(super) fn report_and_limit(node: &Node, output: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(output, &mut files)?;
    files.sort();
    let mut measure = Command::new(node.program());
    let said = tools::output_of(measure.args(["-e", MEASURE, "--"]).args(&files))?;

    let (mut raw, mut gzipped) = (0, 0);
    eprintln!("  {:>9} {:>9}", "raw", "gzipped");
    for (file, line) in files.iter().zip(said.lines()) {
        let (bytes, packed) = line
            .split_once(' ')
            .and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)))
            .with_context(|| format!("sizes expected, not {line:?}"))?;
        let name = file.strip_prefix(output).unwrap_or(file);
        eprintln!("  {bytes:>9} {packed:>9}  {}", name.display());
        raw += bytes;
        gzipped += packed;
    }
    eprintln!("  {raw:>9} {gzipped:>9}  in all; limit {LIMIT} gzipped");
    let instance = instantiation(node, output)?;
    eprintln!("  {instance:.1} ms until an instance has begun; limit {INSTANCE_LIMIT} ms");
    if gzipped > LIMIT {
        bail!("the Worker has {gzipped} bytes gzipped, more than {LIMIT}");
    }
    if instance > INSTANCE_LIMIT {
        bail!("an instance takes {instance:.1} ms to begin, more than {INSTANCE_LIMIT}");
    }
    Ok(())
}

/// How long an instance takes to begin, in milliseconds.
fn instantiation(node: &Node, output: &Path) -> Result<f64> {
    let mut command = Command::new(node.program());
    command.args(["--input-type=module", "-e", INSTANTIATE, "--"]);
    let said = tools::output_of(command.arg(output))?;
    said.trim()
        .parse()
        .with_context(|| format!("a time expected, not {said:?}"))
}

/// Scripts and modules, without what wrangler leaves behind in hidden directories.
fn collect(directory: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !hidden {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|kind| kind == "js" || kind == "wasm")
        {
            files.push(path);
        }
    }
    Ok(())
}
