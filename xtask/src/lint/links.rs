//! Relative links of the Markdown files: each leads to a file, and its `#part` to a heading there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Not ours, or made.
const SKIPPED: [&str; 5] = ["target", "node_modules", "build", "data", "snippets"];

/// Checks every document below the root.
///
/// # Errors
/// Naming each link that leads nowhere.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut documents = Vec::new();
    collect(workspace.root(), &mut documents)?;
    let mut broken = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
        let name = document.strip_prefix(workspace.root()).unwrap_or(document);
        for target in targets(&text).filter(|target| !leads_somewhere(document, &text, target)) {
            broken.push(format!("{}: {target}", name.display()));
        }
    }
    if !broken.is_empty() {
        bail!("links that lead nowhere:\n  {}", broken.join("\n  "));
    }
    Ok(())
}

fn collect(directory: &Path, documents: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                collect(&path, documents)?;
            }
        } else if path.extension().is_some_and(|kind| kind == "md") {
            documents.push(path);
        }
    }
    Ok(())
}

/// Text outside fenced code, line by line.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// What stands in `](…)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| {
        line.split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next())
    })
}

fn leads_somewhere(document: &Path, text: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, part) = target
        .split_once('#')
        .map_or((target, None), |(f, p)| (f, Some(p)));
    if file.is_empty() {
        return part.is_none_or(|part| has_heading(text, part));
    }
    let path = document.parent().unwrap_or(document).join(file);
    match part {
        Some(part) if path.extension().is_some_and(|kind| kind == "md") => {
            fs::read_to_string(&path).is_ok_and(|text| has_heading(&text, part))
        }
        _ => path.exists(),
    }
}

fn has_heading(text: &str, part: &str) -> bool {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line) == part)
}

/// The anchor that the usual renderers give a heading: lower case, blanks to hyphens, the rest of
/// the punctuation dropped.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{anchor, has_heading, targets};

    #[test]
    fn links_in_code_are_no_links() {
        let text = "see [a](b.md#c) and [d](e)\n```\n[x](y)\n```\n";
        assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md#c", "e"]);
    }

    #[test]
    fn headings_get_the_usual_anchors() {
        assert_eq!(anchor("## What it costs, in ms"), "what-it-costs-in-ms");
        assert!(has_heading("# `cargo xtask dev`\n", "cargo-xtask-dev"));
    }
}
