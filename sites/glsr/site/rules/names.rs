//! Names: of scripts, of accounts, of tags; when two of them look alike.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{number, wrong};
use crate::model::Wrong;

/// Characters of the name of a script at most.
const NAME_CHARS_MAX: usize = 64;
/// Characters of an alias.
const ALIAS_CHARS: std::ops::RangeInclusive<usize> = 2..=32;
/// Characters of the slug of a tag at most.
const TAG_CHARS_MAX: usize = 30;
/// From this length on, names with a distance of one letter are worth a warning; most short ones have it.
const NEAR_CHARS_MIN: usize = 4;

/// Endings that `/s/NAME.ENDING` and the feeds need for themselves.
const NAME_ENDINGS: [&str; 4] = [".sha256", ".minisig", ".json", ".atom"];
/// Aliases that speak for the site, and those that are an address of it.
const ALIASES_RESERVED: [&str; 8] = [
    "admin",
    "root",
    "system",
    "glsr",
    "staff",
    "moderator",
    "anonymous",
    "api",
];

/// Whether a script may have this name: it is a segment of URLs, and never changes.
///
/// # Errors
///
/// With the field `name`: `name_empty`, `name_long`, `name_letters` (`n` is the place of the first character
/// that cannot be there, from 1), `name_dots`, `name_ending`, `name_digits`, `name_index`.
///
/// ```
/// assert!(glsr::rules::name("disk-usage.sh").is_ok());
/// assert_eq!(glsr::rules::name("2024").unwrap_err().key, "name_digits");
/// ```
pub fn name(name: &str) -> Result<(), Wrong> {
    let refuse = |key, n| Err(wrong("name", key, n));
    if name.is_empty() {
        return refuse("name_empty", 0);
    }
    let count = name.chars().count();
    if count > NAME_CHARS_MAX {
        return refuse("name_long", number(NAME_CHARS_MAX));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    for (at, c) in name.chars().enumerate() {
        let inside = at > 0 && at + 1 < count && "._+-".contains(c);
        if !plain(c) && !inside {
            return refuse("name_letters", number(at + 1));
        }
    }
    if name.contains("..") {
        return refuse("name_dots", 0);
    }
    if NAME_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return refuse("name_ending", 0);
    }
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return refuse("name_digits", 0);
    }
    if name == "index" {
        return refuse("name_index", 0);
    }
    Ok(())
}

/// Whether an account may have this alias.
///
/// # Errors
///
/// With the field `alias`: `alias_length`, `alias_letters` (`n` is the place), `alias_reserved`.
///
/// ```
/// assert!(glsr::rules::alias("ada_l").is_ok());
/// assert_eq!(glsr::rules::alias("root").unwrap_err().key, "alias_reserved");
/// ```
pub fn alias(alias: &str) -> Result<(), Wrong> {
    for (at, c) in alias.chars().enumerate() {
        let plain = c.is_ascii_lowercase() || c.is_ascii_digit();
        if !plain && (at == 0 || !"_-".contains(c)) {
            return Err(wrong("alias", "alias_letters", number(at + 1)));
        }
    }
    if !ALIAS_CHARS.contains(&alias.len()) {
        return Err(wrong("alias", "alias_length", number(*ALIAS_CHARS.end())));
    }
    if ALIASES_RESERVED.contains(&alias) {
        return Err(wrong("alias", "alias_reserved", 0));
    }
    Ok(())
}

/// What is left of a name when all is dropped that a hasty eye does not see.
///
/// ```
/// use glsr::rules::skeleton;
/// assert_eq!(skeleton("disk-usage"), skeleton("d1sk_u5age"));
/// ```
pub fn skeleton(name: &str) -> String {
    name.chars()
        .filter(|c| !"-_.+".contains(*c))
        .map(|c| match c.to_ascii_lowercase() {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            other => other,
        })
        .collect()
}

/// Whether two skeletons are equal, or differ by one letter: changed, left out, put in, or swapped with
/// the next one. Of short ones only equality counts.
///
/// ```
/// use glsr::rules::near;
/// assert!(near("diskusage", "diskusag") && near("diskusage", "dikssage") == false);
/// assert!(!near("du", "df"));
/// ```
pub fn near(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if a.len().min(b.len()) < NEAR_CHARS_MIN || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Less => a == &b[1..],
        std::cmp::Ordering::Greater => &a[1..] == b,
        std::cmp::Ordering::Equal => {
            a[1..] == b[1..] || (a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..])
        }
    }
}

/// A free text as the name of a script, or `None` if nothing of it is left.
///
/// ```
/// use glsr::rules::slugged;
/// assert_eq!(slugged("My Script (v2).SH").as_deref(), Some("my-script-v2-.sh"));
/// assert_eq!(slugged("README.json").as_deref(), Some("readme"));
/// assert_eq!(slugged("???"), None);
/// ```
pub fn slugged(text: &str) -> Option<String> {
    let mut made = String::new();
    for c in plain_letters(text) {
        let c = if c.is_ascii_alphanumeric() || "._+-".contains(c) {
            c
        } else {
            '-'
        };
        let doubled = (c == '-' && made.ends_with('-')) || (c == '.' && made.ends_with('.'));
        if !doubled && made.len() < NAME_CHARS_MAX {
            made.push(c);
        }
    }
    loop {
        let mut cut = made.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        for ending in NAME_ENDINGS {
            cut = cut.strip_suffix(ending).unwrap_or(cut);
        }
        if cut.len() == made.len() {
            break;
        }
        made = cut.to_owned();
    }
    if name(&made).is_err() && !made.is_empty() {
        made = format!("script-{}", &made[..made.len().min(NAME_CHARS_MAX - 7)]);
    }
    name(&made).is_ok().then_some(made)
}

/// The slug of a tag: lower case, without accents, words joined by `-`; `None` if nothing is left of it or
/// it is longer than 30 characters.
///
/// ```
/// use glsr::rules::tag_slug;
/// assert_eq!(tag_slug(" Système de  fichiers ").as_deref(), Some("systeme-de-fichiers"));
/// assert_eq!(tag_slug("C++").as_deref(), Some("c++"));
/// assert_eq!(tag_slug("..."), None);
/// ```
pub fn tag_slug(tag: &str) -> Option<String> {
    let mut made = String::new();
    for c in plain_letters(tag) {
        let c = if c.is_alphanumeric() || "+.".contains(c) {
            c
        } else {
            '-'
        };
        if !(c == '-' && made.ends_with('-')) {
            made.push(c);
        }
    }
    let made = made.trim_matches(|c| c == '-' || c == '.');
    let fits = made.chars().count() <= TAG_CHARS_MAX && made.chars().any(char::is_alphanumeric);
    fits.then(|| made.to_owned())
}

/// Lower case without accents.
fn plain_letters(text: &str) -> impl Iterator<Item = char> {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scripts() {
        for good in [
            "a",
            "a1",
            "0a",
            "a.b",
            "g++-x_y.sh",
            "json",
            &"a".repeat(64),
            "atom.x",
        ] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for (bad, key, n) in [
            ("", "name_empty", 0),
            ("A", "name_letters", 1),
            ("a b", "name_letters", 2),
            ("a/b", "name_letters", 2),
            ("é", "name_letters", 1),
            (".a", "name_letters", 1),
            ("a-", "name_letters", 2),
            ("-", "name_letters", 1),
            ("a..b", "name_dots", 0),
            ("a.sha256", "name_ending", 0),
            ("a.minisig", "name_ending", 0),
            ("a.json", "name_ending", 0),
            ("a.atom", "name_ending", 0),
            ("123", "name_digits", 0),
            ("index", "name_index", 0),
            (&"a".repeat(65), "name_long", 64),
        ] {
            assert_eq!(name(bad), Err(wrong("name", key, n)), "{bad}");
        }
    }

    #[test]
    fn aliases() {
        for good in ["ab", "a_", "0-x", &"a".repeat(32)] {
            assert_eq!(alias(good), Ok(()), "{good}");
        }
        for (bad, key) in [
            ("", "alias_length"),
            ("a", "alias_length"),
            ("_a", "alias_letters"),
            ("Ab", "alias_letters"),
            ("a.b", "alias_letters"),
            ("admin", "alias_reserved"),
            ("api", "alias_reserved"),
            (&"a".repeat(33), "alias_length"),
        ] {
            assert_eq!(alias(bad).map_err(|w| w.key), Err(key), "{bad}");
        }
    }

    #[test]
    fn what_looks_alike() {
        let alike = |a: &str, b: &str| near(&skeleton(a), &skeleton(b));
        for (a, b) in [
            ("disk-usage", "diskusage"),
            ("disk-usage", "d1sk.u5age"),
            ("backup", "backups"),
            ("backup", "bakcup"),
            ("backup", "nackup"),
            ("backup", "ackup"),
        ] {
            assert!(alike(a, b) && alike(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("backup", "restore"),
            ("backup", "bckpu"),
            ("ls", "ps"),
            ("abc", "abcd"),
        ] {
            assert!(!alike(a, b) && !alike(b, a), "{a} {b}");
        }
    }

    #[test]
    fn slugs_are_names() {
        for (text, made) in [
            ("Zs_Oise.PL", Some("zs_oise.pl")),
            ("x.sha256.json", Some("x")),
            ("123", Some("script-123")),
            ("index", Some("script-index")),
            ("a...b", Some("a.b")),
            ("Größe", Some("gro-e")),
            ("", None),
            ("---", None),
        ] {
            assert_eq!(slugged(text).as_deref(), made, "{text}");
        }
        assert_eq!(slugged(&"9".repeat(300)).map(|s| s.len()), Some(64));
    }

    #[test]
    fn slugs_of_tags() {
        for (tag, made) in [
            ("Shell", Some("shell")),
            ("日本語", Some("日本語")),
            ("a/b", Some("a-b")),
            ("-x-", Some("x")),
            ("  ", None),
            ("++", None),
            (&"a".repeat(31), None),
        ] {
            assert_eq!(tag_slug(tag).as_deref(), made, "{tag}");
        }
    }
}
