//! What people type: targets, origins, the values of options.

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::DeclaredOrigin;

use super::harmless;
use crate::{suggest, values};

/// One line, read as everything that a person may type.
pub(super) fn values(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for read in [text.parse::<Target>(), Target::pasted(text)] {
        match read {
            Ok(target) => sound(&target),
            Err(error) => {
                let error = error.to_string();
                harmless(&error);
                assert!(error.len() < 2000, "{error}");
            }
        }
    }
    for read in [text.parse::<DeclaredOrigin>(), DeclaredOrigin::pasted(text)] {
        match read {
            Ok(origin) => {
                harmless(&origin.host);
                assert!(!origin.host.is_empty() && origin.port > 0);
            }
            Err(error) => harmless(&error.to_string()),
        }
    }
    let duration = values::duration(text);
    assert!(duration.is_err() || duration.is_ok_and(|time| !time.is_zero() && time.as_secs() <= 3600));
    assert!(values::lifetime(text).is_ok_and(|time| !time.is_zero()) || values::lifetime(text).is_err());
    assert!(values::method(text).is_err() || values::method(text).is_ok_and(|method| method == text));
    let _ = (values::time(text), values::region(text), values::resolve(text), values::connect_to(text));
    let _ = (values::resolver(text), values::host_and_port(text, 1080), values::port(text));
    values::glob(text, "www.example.com");
    values::glob("*a*b*c", text);
    suggest::hint(text, ["check", "lint", "explain"].into_iter());
    crate::cli::fuzzing::options(text);
}

/// A target can be told, and is the same when it is read again.
fn sound(target: &Target) {
    let url = target.url();
    harmless(&url);
    assert!(!url.contains(char::is_whitespace) && target.path.starts_with('/') && !target.host.is_empty());
    if let Ok(again) = url.parse::<Target>() {
        assert_eq!(again.url(), url);
    }
    let shown = target.redacted();
    assert_eq!(shown.redacted(), shown);
}
