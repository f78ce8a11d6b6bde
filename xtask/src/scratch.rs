//! Directories that go away by themselves.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A new one below the system's place for temporary files, for its owner's eyes only.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn directory(prefix: &str) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a temporary directory")
}
