//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cfdoctor::cli::run(std::env::args_os()))
}
