//! Passwords: long enough, not the name, not what everybody takes.

use super::{number, wrong};
use crate::model::Wrong;

/// Characters of a password.
const CHARS: std::ops::RangeInclusive<usize> = 10..=200;
/// The ones that are tried first, one a line, in lower case; shorter ones are refused anyway.
const COMMON: &str = include_str!("../passwords.txt");

/// Whether an account with this alias may have this password.
///
/// # Errors
///
/// With the field `password`: `password_short`, `password_long` (`n` is the limit), `password_alias`,
/// `password_common`, `password_same` (fewer than four different characters).
///
/// ```
/// use glsr::rules::password;
/// assert!(password("correct horse battery", "ada").is_ok());
/// assert_eq!(password("password123", "ada").unwrap_err().key, "password_common");
/// ```
pub fn password(password: &str, alias: &str) -> Result<(), Wrong> {
    let refuse = |key, n| Err(wrong("password", key, n));
    let count = password.chars().count();
    if count < *CHARS.start() {
        return refuse("password_short", number(*CHARS.start()));
    }
    if count > *CHARS.end() {
        return refuse("password_long", number(*CHARS.end()));
    }
    let lower = password.trim().to_lowercase();
    if lower == alias.to_lowercase() {
        return refuse("password_alias", 0);
    }
    if COMMON.lines().any(|common| common == lower) {
        return refuse("password_common", 0);
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 4 {
        return refuse("password_same", 4);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_ones() {
        for (typed, key) in [
            ("", "password_short"),
            ("ninechars", "password_short"),
            (&"ab1 ".repeat(51), "password_long"),
            ("Ada-Lovelace", "password_alias"),
            ("QWERTYUIOP", "password_common"),
            ("1234567890", "password_common"),
            (" password123 ", "password_common"),
            ("aaaaaaaaaaaa", "password_same"),
            ("ababababcabc", "password_same"),
        ] {
            assert_eq!(
                password(typed, "ada-lovelace").map_err(|w| w.key),
                Err(key),
                "{typed}"
            );
        }
        for typed in ["tr0ub4dor&3", "пароль-длинный", &"abcd".repeat(50)] {
            assert_eq!(password(typed, "ada"), Ok(()), "{typed}");
        }
    }

    #[test]
    fn the_list_holds_what_only_it_refuses() {
        let mut seen = std::collections::HashSet::new();
        for line in COMMON.lines() {
            assert!(
                CHARS.contains(&line.chars().count()),
                "{line:?} is refused by its length"
            );
            assert_eq!(
                line,
                line.trim().to_lowercase(),
                "{line:?} could never be met"
            );
            assert!(seen.insert(line), "{line} is there twice");
        }
        assert!(seen.len() >= 300, "{}", seen.len());
    }
}
