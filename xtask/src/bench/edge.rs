//! `cargo xtask bench edge`: what verifying a token costs in Wasm under a real workerd, beside
//! `jose` with native `WebCrypto` in a JavaScript Worker, in the same process and the same run.
//!
//! The runtime's clock stands still while a request runs, and wall time on a busy machine says
//! little: what is measured is the processor time of the workerd process, over batches that take
//! turns. Invariant: every answer is checked, so what is counted is what worked.

mod assembly;
mod config;
mod documents;
mod issuer;
mod requests;
mod runtime;
mod verification;

use anyhow::Result;

use super::cores::Cores;
use crate::stop::Stop;
use crate::workspace::Workspace;

use documents::Documents;
use issuer::Issuer;
use runtime::Runtime;

/// Turns that count, after those that warm the compilers up.
const ROUNDS: usize = 8;
const WARM_UP: usize = 3;

/// Measures the verification alone, and whole requests.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(super) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    assembly::build(workspace, stop)?;
    let issuer = Issuer::new()?;
    let documents = Documents::serve(issuer.clone())?;
    let cores = Cores::divide();
    let runtime = Runtime::start(workspace, &issuer, documents.address(), &cores, stop)?;
    println!("workerd {}", runtime.version());
    verification::measure(&runtime, &issuer, stop)?;
    requests::measure(&runtime, &issuer, stop)
}
