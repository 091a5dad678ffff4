//! placeholder
use super::declared::Declared;
pub(in crate::lint) fn read(_: &[u8], _: &str, _: Option<&str>, _: &mut Declared) -> Result<(), String> { Ok(()) }
pub(in crate::lint) fn is_one(_: &serde_json::Value) -> bool { false }
pub(in crate::lint) fn is_yaml_one(_: &str) -> bool { false }
