//! The binary `portcullis`: see [`portcullis_origin::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(portcullis_origin::cli::run()),
        Err(error) => {
            eprintln!("portcullis: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
