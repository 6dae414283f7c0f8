//! The names of cargo targets: one for each module, the same for the same set of modules.
//!
//! A target's name becomes a crate's name, in which `-` is `_`, and a file's name. So names are made of
//! small ASCII letters, digits and single dashes; the compiler warns of others as not in snake case.

use std::collections::HashMap;

use super::config::TARGET_NAME_CHARS_MAX;

/// The target names of the modules with these keys, in their order. No two of them are equal.
///
/// Where several keys would have one name, each of them has a part of its own hash behind it.
pub fn target_names<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Vec<String> {
    let mut users: HashMap<String, usize> = HashMap::new();
    for key in keys.clone() {
        *users.entry(plain(key)).or_default() += 1;
    }
    keys.map(|key| {
        let name = plain(key);
        let shared = users.get(&name).is_some_and(|&count| count > 1);
        match shared || name.len() > TARGET_NAME_CHARS_MAX || looks_hashed(&name) {
            true => hashed(&name, key),
            false => name,
        }
    })
    .collect()
}

/// The crate's name of a target.
pub fn crate_name(target: &str) -> String {
    target.replace('-', "_")
}

fn plain(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    match name.is_empty() {
        true => "module".to_owned(),
        false => name.to_owned(),
    }
}

/// A plain name never looks like this, so that none can be equal to a hashed one.
fn looks_hashed(name: &str) -> bool {
    name.rsplit_once('-')
        .is_some_and(|(_, tail)| tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn hashed(name: &str, key: &str) -> String {
    let start = &name[..name.len().min(TARGET_NAME_CHARS_MAX)];
    let hash = blake3::hash(key.as_bytes()).to_hex();
    format!("{}-{}", start.trim_end_matches('-'), &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keys: &[&str]) -> Vec<String> {
        target_names(keys.iter().copied())
    }

    #[test]
    fn brackets_dots_and_underscores_become_single_dashes() {
        let keys = [
            "index",
            "scripts/[slug]/raw",
            "users/[id=u64]/index",
            "[...rest]",
        ];
        let expected = ["index", "scripts-slug-raw", "users-id-u64-index", "rest"];
        assert_eq!(names(&keys), expected);
        assert_eq!(
            names(&["_parent", "scripts/_member", "raw.txt"]),
            ["parent", "scripts-member", "raw-txt"]
        );
    }

    #[test]
    fn keys_that_would_share_a_name_are_told_apart() {
        let all = names(&["a/b", "a-b", "[a]/b", "other", "größe", "gr-e", "é", "ü"]);
        let mut unique = all.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "{all:?}");
        assert_eq!(all[3], "other");
        assert!(all[0].starts_with("a-b-"), "{all:?}");
    }

    #[test]
    fn a_name_depends_on_its_key_only_not_on_the_order() {
        let (one, two) = (names(&["a/b", "a-b"]), names(&["a-b", "a/b"]));
        assert_eq!((&one[0], &one[1]), (&two[1], &two[0]));
    }

    #[test]
    fn a_key_that_looks_like_a_hashed_name_is_hashed_itself() {
        let clash = names(&["a/b", "a-b"]).remove(0);
        let all = names(&["a/b", "a-b", &clash]);
        assert_ne!(all[0], all[2]);
    }

    #[test]
    fn a_long_key_makes_a_name_that_fits_a_file_system() {
        let key = "abcdefgh/".repeat(100);
        assert!(names(&[&key])[0].len() < 128);
    }
}
