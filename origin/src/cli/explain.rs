//! `portcullis explain`: what the edge would do with a request, and why. Nobody is asked: it goes by
//! files, and by the edge's own code.
//!
//! Invariant: no credential is printed.

mod inputs;
mod print;
mod request;

use clap::Args;
use portcullis_edge::{
    explain::{Verdict, explain},
    gate::Outcome,
};

use super::when::When;
use crate::{domain::clock::Clock as _, system::SystemClock};

pub(super) use inputs::Error;

/// A request, and what it is judged by.
#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(flatten)]
    request: request::Arguments,
    #[command(flatten)]
    inputs: inputs::Arguments,
    /// When the request is sent: a time in UTC, Unix seconds, or how long ago; without it now
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  portcullis explain --url https://app.example/api/notes
      Which rule matches, and what it asks for.

  portcullis explain --url https://app.example/api/notes --token - < token.txt
      What its claims would be worth; nobody looks at the signature.

  curl -s https://app.example/.well-known/jwks.json > keys.json
  curl -s https://app.example/.well-known/revocations > revoked.jws
  portcullis explain --url https://app.example/api/notes --token - \\
      --jwks keys.json --revocations revoked.jws < token.txt
      The whole decision.

Exit codes: 0 it would pass, as far as can be seen; 1 it would be refused; 2 a mistake in what was
given.";

pub(super) fn run(command: Command) -> Result<(), super::Error> {
    let now = SystemClock.now();
    let at = command.at.map_or(now, |when| when.from(now));
    let head = request::head(command.request)?;
    let (config, known) = inputs::read(&command.inputs, at)?;
    let explanation = explain(&head, &config, &known);
    print::print(command.json, &explanation)?;
    match &explanation.verdict {
        Verdict::Ruled(ruling) if ruling.outcome() == Outcome::Refused => {
            Err(super::Error::WouldBeRefused)
        }
        Verdict::Ruled(_) | Verdict::Exchange { .. } => Ok(()),
    }
}
