//! `--shard K/N`: one of N parts of a list, the same in every run.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// More parts than this help nobody.
const MOST: u32 = 100_000;
const FORM: &str = "write K/N, for instance 2/8: the second of eight parts";

/// Which part of how many. A name's part depends on the name and on N only, so that further targets move none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    part: u32,
    of: u32,
}

impl Shard {
    /// Is this name (a host, or a zone that stays together) in this part?
    pub fn holds(self, name: &str) -> bool {
        let hash = Sha256::digest(name.as_bytes());
        let number = hash.iter().take(8).fold(0_u64, |number, octet| (number << 8) | u64::from(*octet));
        number % u64::from(self.of) == u64::from(self.part) - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (part, of) = text.split_once('/').ok_or(FORM)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| FORM.to_owned());
        let (part, of) = (number(part)?, number(of)?);
        if of == 0 || of > MOST {
            return Err(format!("there can be 1 to {MOST} parts; {FORM}"));
        }
        if part == 0 || part > of {
            return Err(format!("the parts of {of} are 1/{of} to {of}/{of}"));
        }
        Ok(Shard { part, of })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("h{number}.example.com")).collect()
    }

    fn part(shard: &str, hosts: &[String]) -> Vec<String> {
        let shard: Shard = shard.parse().unwrap();
        hosts.iter().filter(|host| shard.holds(host)).cloned().collect()
    }

    #[test]
    fn each_name_is_in_one_part_and_further_ones_move_none() {
        let (few, many) = (hosts(1000), hosts(3000));
        let parts: Vec<Vec<String>> = (1..=8).map(|k| part(&format!("{k}/8"), &few)).collect();
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 1000);
        assert!(parts.iter().all(|part| (80..=180).contains(&part.len())), "evenly");
        for (k, before) in (1..=8).zip(&parts) {
            let after = part(&format!("{k}/8"), &many);
            assert!(before.iter().all(|host| after.contains(host)));
        }
        assert_eq!(part("1/1", &few).len(), 1000);
        // The same in every version: shards of one job may run different ones.
        assert_eq!(part("2/3", &hosts(8)), ["h1.example.com", "h5.example.com"]);
    }

    #[test]
    fn what_is_no_part_is_said() {
        for (bad, why) in [
            ("", "K/N"),
            ("3", "K/N"),
            ("0/3", "1/3 to 3/3"),
            ("4/3", "1/3 to 3/3"),
            ("1/0", "1 to 100000"),
            ("1/9999999", "1 to 100000"),
            ("-1/3", "K/N"),
            ("a/b", "K/N"),
        ] {
            let error = bad.parse::<Shard>().unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
    }
}
