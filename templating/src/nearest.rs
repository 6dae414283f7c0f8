//! The name that resembles a misspelt one.

/// The nearest of the known names, if one is near enough to be meant.
pub(crate) fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let lower = written.to_lowercase();
    known
        // Names of our own, in translated templates.
        .filter(|name| !name.starts_with("__"))
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_lowercase()),
                name,
            )
        })
        .filter(|&(steps, name)| steps <= near_enough(written.len().max(name.len())))
        .min()
        .map(|(_, name)| name.to_owned())
}

/// One slip in a short name, one for every three letters of a longer one.
fn near_enough(length: usize) -> usize {
    (length / 3).clamp(1, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_found_and_nothing_else() {
        let known = ["title", "user", "scripts", "n"];
        let near = |written| nearest(written, known.into_iter());
        assert_eq!(near("titel").as_deref(), Some("title"));
        assert_eq!(near("Script").as_deref(), Some("scripts"));
        assert_eq!(near("usr").as_deref(), Some("user"));
        assert_eq!(near("password"), None);
    }
}
