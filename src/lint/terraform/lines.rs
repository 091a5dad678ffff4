//! In which line of the file a resource stands, where the file has lines.

use std::collections::{HashMap, HashSet};

/// Address → line, from 1, of its first mention; Terraform itself writes everything into one line.
pub(super) fn of_addresses(bytes: &[u8], wanted: &HashSet<&str>) -> HashMap<String, u32> {
    let mut found = HashMap::new();
    for (number, line) in (1_u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii_start();
        if number == 1 && line.len() == bytes.trim_ascii_start().len() {
            return found;
        }
        let Some(value) = line.strip_prefix(b"\"address\":") else { continue };
        let value = value.trim_ascii().strip_suffix(b",").unwrap_or(value.trim_ascii());
        let Ok(address) = serde_json::from_slice::<String>(value) else { continue };
        if wanted.contains(address.as_str()) {
            found.entry(address).or_insert(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mention_counts() {
        let text = "{\n  \"address\": \"a.b\",\n\"address\":\"c[\\\"x\\\"]\"\n\"address\": \"a.b\",\n}";
        let found = of_addresses(text.as_bytes(), &HashSet::from(["a.b", "c[\"x\"]"]));
        assert_eq!((found["a.b"], found["c[\"x\"]"]), (2, 3));
        assert!(of_addresses(b"{\"address\": \"a.b\"}", &HashSet::from(["a.b"])).is_empty());
    }
}
