//! `Vary` (RFC 9110 §12.5.5).

use super::Headers;

/// Names that are kept: more than any request has headers.
const MAX_NAMES: usize = 256;

/// Which request headers the answer depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vary {
    /// `*`: on more than any header can say.
    pub star: bool,
    /// Field names, lower case, in order, each once.
    pub names: Vec<String>,
}

impl Vary {
    /// Reads the values of the header's lines.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vary {
        let mut vary = Vary::default();
        for name in lines.into_iter().flat_map(|line| line.split(',')) {
            let name = name.trim().to_ascii_lowercase();
            match name.as_str() {
                "" => {}
                "*" => vary.star = true,
                _ if vary.names.len() == MAX_NAMES || vary.names.contains(&name) => {}
                _ => vary.names.push(name),
            }
        }
        vary
    }

    /// Is this request header named?
    pub fn names(&self, header: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(header))
    }

    /// Its value written anew.
    pub fn print(&self) -> String {
        let star = self.star.then_some("*");
        star.into_iter().chain(self.names.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
    }
}

impl Headers {
    /// `Vary`.
    pub fn vary(&self) -> Vary {
        Vary::parse(self.all("vary"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_lists() {
        let vary = Vary::parse(["Accept-Encoding,User-Agent,User-Agent", "Origin"]);
        assert_eq!(vary.names, ["accept-encoding", "user-agent", "origin"]);
        assert!(vary.names("Origin") && !vary.star);
        assert!(Vary::parse(["Accept, *"]).star);
    }

    #[test]
    fn lists_without_end_are_cut() {
        let names: Vec<String> = (0..9000).map(|n| format!("h{n}")).collect();
        let vary = Vary::parse([names.join(",").as_str(), "*"]);
        assert_eq!((vary.names.len(), vary.star), (MAX_NAMES, true));
    }

    proptest! {
        #[test]
        fn printing_agrees(lines in proptest::collection::vec(".{0,40}", 0..4)) {
            let once = Vary::parse(lines.iter().map(String::as_str));
            prop_assert_eq!(&once, &Vary::parse([once.print().as_str()]));
        }
    }
}
