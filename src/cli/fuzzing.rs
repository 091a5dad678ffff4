//! The values of options that are read here.

use super::output::OutputFile;
use super::{lists, settings, values};

/// `-H`, `--proxy`, `-o`, and a list of targets.
pub(crate) fn options(text: &str) {
    if let Ok((name, _)) = settings::header(text) {
        assert!(name.bytes().all(values::is_token_byte));
    }
    let _ = (settings::proxy(text), text.parse::<OutputFile>());
    let list = lists::pasted(text);
    for (line, target) in list.lines() {
        assert!((1..=text.lines().count()).contains(&(line as usize)) && text.contains(target) && !target.is_empty());
        let _: Result<cfdoctor_checks::evidence::Target, _> = target.parse();
    }
}
