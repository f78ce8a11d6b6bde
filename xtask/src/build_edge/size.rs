//! How large the Worker is: a cold isolate loads all of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Node};

/// Gzipped, in bytes.
const LIMIT: u64 = 400 * 1024;

/// Prints raw size, and gzipped size by zlib at its strongest as the platform counts it.
const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync } = require('node:zlib');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  console.log(`${bytes.length} ${gzipSync(bytes, { level: 9 }).length}`);
}";

/// Prints a table of the parts.
///
/// # Errors
/// When all parts together are over the limit.
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
    if gzipped > LIMIT {
        bail!("the Worker has {gzipped} bytes gzipped, more than {LIMIT}");
    }
    Ok(())
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
