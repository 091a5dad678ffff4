//! "Did you mean …?"

/// The candidate that `given` was probably meant to be.
pub(crate) fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
pub(crate) fn hint<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(given, candidates).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}

/// Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let first: Vec<usize> = (0..=b.len()).collect();
    let mut rows = vec![first];
    let cost_at = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let above = rows.last().cloned().unwrap_or_default();
        for (j, y) in b.iter().enumerate() {
            let replaced = cost_at(&above, j) + usize::from(x != y);
            let mut cost = replaced.min(cost_at(&above, j + 1) + 1).min(cost_at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped && let Some(before) = rows.get(i - 1) {
                cost = cost.min(cost_at(before, j - 1) + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_letters() {
        for (a, b, d) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("lnit", "lint", 1),
        ] {
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
