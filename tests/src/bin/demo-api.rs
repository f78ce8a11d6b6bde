//! The demo server of `cargo xtask dev`: see the module `demo_api` of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis_e2e::run::main(portcullis_e2e::demo_api::app)
}
