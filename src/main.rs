//! Arguments in, exit code out.

use std::process::ExitCode;

/// A fleet allocates on every thread at once: with the system's allocator a visit costs an eighth more, and musl's is
/// slower still.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(cfdoctor::cli::run(std::env::args_os()))
}
