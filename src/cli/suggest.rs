//! "Did you mean …?"

/// The candidate that `given` was probably meant to be.
pub(super) fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given: String = given.chars().take(80).collect::<String>().to_lowercase();
    // A third of the letters may be wrong; more is another word.
    let most = (given.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(&given, candidate), candidate))
        .filter(|(d, _)| *d <= most)
        .min()
        .map(|(_, c)| c)
}

/// A sentence for the end of an error, or nothing.
pub(super) fn hint<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(given, candidates).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}

/// Letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or_default();
            let cost = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = cost;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_letters() {
        for (a, b, d) in [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["us-west-1", "us-west-2", "eu-central-1"];
        assert_eq!(nearest("us-wset-2", known.into_iter()), Some("us-west-2"));
        assert_eq!(nearest("frankfurt", known.into_iter()), None);
        assert_eq!(hint("EU-CENTRAL-1", known.into_iter()), "; did you mean eu-central-1?");
    }
}
