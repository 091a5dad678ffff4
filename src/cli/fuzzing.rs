//! The values of options that are read here.

use super::output::OutputFile;
use super::{settings, targets, values};

/// `-H`, `--proxy`, `-o`, and a list of targets.
pub(crate) fn options(text: &str) {
    if let Ok((name, _)) = settings::header(text) {
        assert!(name.bytes().all(values::is_token_byte));
    }
    let _ = (settings::proxy(text), text.parse::<OutputFile>());
    match targets::list(text) {
        Ok(targets) => assert!(targets.len() <= text.lines().count()),
        Err(error) => assert!(error.to_string().starts_with("stdin, line ")),
    }
}
