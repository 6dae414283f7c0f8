//! What is said about a script: names, texts, licence, tags, dependencies.

use spdx::{
    Expression, ParseMode,
    identifiers::{EXCEPTIONS, LICENSES},
};
use unicode_normalization::UnicodeNormalization;

use super::{Kind, free_text, name, number, tag_slug, tidy, wrong};
use crate::model::{Meta, Wrong};

/// How much may be said about one script; lengths of single texts are those of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tags at most.
    pub tags: usize,
    /// Dependencies at most.
    pub needs: usize,
    /// Entries of "applies to" at most.
    pub applies: usize,
    /// Characters of the README at most.
    pub readme: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tags: 12,
            needs: 40,
            applies: 20,
            readme: 64 * 1024,
        }
    }
}

/// Characters of these at most, as in `migrations/`.
const TITLE_CHARS_MAX: usize = 120;
const SUMMARY_CHARS_MAX: usize = 200;
const LICENSE_CHARS_MAX: usize = 120;
const HOMEPAGE_CHARS_MAX: usize = 200;
const CATEGORY_CHARS_MAX: usize = 130;
const LANGUAGE_CHARS_MAX: usize = 30;
const TAG_NAME_CHARS_MAX: usize = 40;
const NEED_CHARS_MAX: usize = 120;
const NEED_VERSIONS_CHARS_MAX: usize = 60;
const APPLIES_CHARS_MAX: usize = 80;
/// Kinds of dependencies.
const NEED_KINDS: [&str; 3] = ["needs", "optional", "test"];
/// Names that the list of SPDX once had, and `+` behind those of GNU, are understood.
const OLD_SPELLINGS: ParseMode = ParseMode {
    allow_deprecated: true,
    allow_postfix_plus_on_gpl: true,
    ..ParseMode::STRICT
};
/// What stands where nobody gave a licence.
pub const NO_LICENSE: &str = "NOASSERTION";

/// The same with its texts in the form in which they are kept: tidy, without empty entries and without
/// tags of the same slug, the licence in its present spelling.
///
/// ```
/// use glsr::{model::Meta, rules::tidied};
/// let tags = ["A", "a ", ""].map(str::to_owned).to_vec();
/// let meta = tidied(Meta { title: " Disk ".into(), tags, ..Meta::default() });
/// assert_eq!((meta.title.as_str(), meta.tags), ("Disk", vec!["A".to_owned()]));
/// ```
#[must_use]
pub fn tidied(meta: Meta) -> Meta {
    let mut seen = Vec::new();
    let mut tags = Vec::new();
    for tag in meta.tags {
        let tag = tidy(&tag);
        // One without a slug stays, so that `meta` can say so; equal ones would not even be looked at.
        let slug = tag_slug(&tag).unwrap_or_else(|| tag.clone());
        if !tag.is_empty() && !seen.contains(&slug) {
            // A flood of them is refused by number: looking for doubles among these would be slow.
            if seen.len() < Limits::default().tags {
                seen.push(slug);
            }
            tags.push(tag);
        }
    }
    let license = tidy(&meta.license);
    Meta {
        name: meta.name.trim().to_owned(),
        title: tidy(&meta.title),
        summary: tidy(&meta.summary),
        // Blanks in front of the first line can be code.
        readme: meta
            .readme
            .replace("\r\n", "\n")
            .nfc()
            .collect::<String>()
            .trim_end()
            .to_owned(),
        category: meta.category.trim().trim_matches('/').to_owned(),
        language: meta.language.trim().to_owned(),
        license: spdx(&license).unwrap_or(license),
        homepage: meta.homepage.trim().to_owned(),
        tags,
        needs: meta
            .needs
            .into_iter()
            .map(|(kind, what, versions)| (tidy(&kind), tidy(&what), tidy(&versions)))
            .filter(|(_, what, versions)| !what.is_empty() || !versions.is_empty())
            .collect(),
        applies: meta
            .applies
            .iter()
            .map(|what| tidy(what))
            .filter(|w| !w.is_empty())
            .collect(),
    }
}

/// All that is wrong with it; nothing if it can be kept. Takes what [`tidied`] made. Whether category and
/// language are there, and whether the name is free, is asked of the database.
///
/// ```
/// use glsr::{model::Meta, rules::{Limits, meta}};
/// let wrong = meta(&Meta { name: "a".into(), ..Meta::default() }, &Limits::default());
/// let fields: Vec<_> = wrong.iter().map(|w| w.field).collect();
/// assert_eq!(fields, ["title", "summary", "category", "language", "license"]);
/// ```
pub fn meta(meta: &Meta, limits: &Limits) -> Vec<Wrong> {
    let mut all = Vec::new();
    let mut note = |checked: Result<(), Wrong>| all.extend(checked.err());
    note(name(&meta.name));
    note(needed("title", &meta.title, TITLE_CHARS_MAX));
    note(needed("summary", &meta.summary, SUMMARY_CHARS_MAX));
    note(free_text(
        "readme",
        &meta.readme,
        limits.readme,
        Kind::Lines,
    ));
    note(category(&meta.category));
    note(language(&meta.language));
    note(spdx(&meta.license).map(drop));
    note(address("homepage", &meta.homepage));
    note(tags(&meta.tags, limits.tags));
    note(needs(&meta.needs, limits.needs));
    note(applies(&meta.applies, limits.applies));
    all
}

/// A licence as an SPDX expression, in its present spelling (`GPL-2.0+` is `GPL-2.0-or-later`).
/// `LicenseRef-` with a name of one's own is one too; `NOASSERTION` is not: only an import gives that.
///
/// # Errors
///
/// With the field `license`: `required`, `license_none`, `long`, `license_unknown` (`n` is the place from
/// which on it could not be read, from 1).
///
/// ```
/// use glsr::rules::spdx;
/// assert_eq!(spdx("mit OR GPL-2.0+").unwrap(), "MIT OR GPL-2.0-or-later");
/// assert_eq!(spdx("free").unwrap_err().key, "license_unknown");
/// ```
pub fn spdx(license: &str) -> Result<String, Wrong> {
    let refuse = |key, n| Err(wrong("license", key, n));
    if license.is_empty() {
        return refuse("required", 0);
    }
    if license == NO_LICENSE {
        return refuse("license_none", 0);
    }
    if license.chars().count() > LICENSE_CHARS_MAX {
        return refuse("long", number(LICENSE_CHARS_MAX));
    }
    if !license.is_ascii() || license.bytes().any(|b| b.is_ascii_control()) {
        return refuse("license_unknown", 1);
    }
    let spelled = spelled(license);
    // What is only like the name of a licence ("GPL") is refused: which one was meant is not ours to say.
    if let Err(error) = Expression::parse_mode(&spelled, OLD_SPELLINGS) {
        return refuse("license_unknown", number(error.span.start + 1));
    }
    let present = match Expression::canonicalize(&spelled) {
        Ok(Some(present)) => present,
        Ok(None) => spelled,
        Err(error) => return refuse("license_unknown", number(error.span.start + 1)),
    };
    match Expression::parse_mode(&present, ParseMode::STRICT) {
        Ok(_) if present.len() <= LICENSE_CHARS_MAX => Ok(present),
        Ok(_) => refuse("long", number(LICENSE_CHARS_MAX)),
        Err(error) => refuse("license_unknown", number(error.span.start + 1)),
    }
}

/// The same with capitals as the list of SPDX has them: they mean nothing there, and people forget them.
fn spelled(license: &str) -> String {
    let mut made = String::new();
    for part in license.split_inclusive(['(', ')', ' ', '+']) {
        let word = part.trim_end_matches(['(', ')', ' ', '+']);
        let known = LICENSES
            .iter()
            .map(|license| license.name)
            .chain(EXCEPTIONS.iter().map(|e| e.name));
        match known
            .chain(["AND", "OR", "WITH"])
            .find(|known| known.eq_ignore_ascii_case(word))
        {
            Some(known) => made.push_str(known),
            None => made.push_str(word),
        }
        made.push_str(&part[word.len()..]);
    }
    made
}

/// A line that must be there.
fn needed(field: &'static str, text: &str, chars_max: usize) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(wrong(field, "required", 0));
    }
    free_text(field, text, chars_max, Kind::Line)
}

fn category(path: &str) -> Result<(), Wrong> {
    let refuse = |key, n| Err(wrong("category", key, n));
    if path.is_empty() {
        return refuse("required", 0);
    }
    if path.len() > CATEGORY_CHARS_MAX {
        return refuse("long", number(CATEGORY_CHARS_MAX));
    }
    let part = |part: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    if path.split('/').all(part) {
        Ok(())
    } else {
        refuse("category_unknown", 0)
    }
}

fn language(slug: &str) -> Result<(), Wrong> {
    let refuse = |key| Err(wrong("language", key, 0));
    if slug.is_empty() {
        return refuse("required");
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.#".contains(&b);
    if slug.len() <= LANGUAGE_CHARS_MAX && slug.bytes().all(plain) {
        Ok(())
    } else {
        refuse("language_unknown")
    }
}

/// Whether a text is an address of the web, or nothing.
///
/// # Errors
///
/// With that field: `long`, `homepage_url`, and those of [`free_text`].
///
/// ```
/// use glsr::rules::address;
/// assert!(address("website", "https://example.org/~ada").is_ok() && address("website", "").is_ok());
/// assert_eq!(address("website", "javascript:alert(1)").unwrap_err().key, "homepage_url");
/// ```
pub fn address(field: &'static str, url: &str) -> Result<(), Wrong> {
    if url.is_empty() {
        return Ok(());
    }
    if url.chars().count() > HOMEPAGE_CHARS_MAX {
        return Err(wrong(field, "long", number(HOMEPAGE_CHARS_MAX)));
    }
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or("");
    let host_is_one = host.chars().any(char::is_alphanumeric)
        // A name before an `@` reads like the host, and is none.
        && host.chars().all(|c| c.is_alphanumeric() || ".-:[]".contains(c));
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c));
    if host_is_one && url.chars().all(plain) {
        free_text(field, url, HOMEPAGE_CHARS_MAX, Kind::Line)
    } else {
        Err(wrong(field, "homepage_url", 0))
    }
}

fn tags(tags: &[String], limit: usize) -> Result<(), Wrong> {
    if tags.len() > limit {
        return Err(wrong("tags", "many", number(limit)));
    }
    for (at, tag) in tags.iter().enumerate() {
        free_text("tags", tag, TAG_NAME_CHARS_MAX, Kind::Line)?;
        if tag_slug(tag).is_none() {
            return Err(wrong("tags", "tag_empty", number(at + 1)));
        }
    }
    Ok(())
}

fn needs(needs: &[(String, String, String)], limit: usize) -> Result<(), Wrong> {
    if needs.len() > limit {
        return Err(wrong("needs", "many", number(limit)));
    }
    for (at, (kind, what, versions)) in needs.iter().enumerate() {
        if !NEED_KINDS.contains(&kind.as_str()) {
            return Err(wrong("needs", "need_kind", number(at + 1)));
        }
        needed("needs", what, NEED_CHARS_MAX)?;
        free_text("needs", versions, NEED_VERSIONS_CHARS_MAX, Kind::Line)?;
    }
    Ok(())
}

fn applies(applies: &[String], limit: usize) -> Result<(), Wrong> {
    if applies.len() > limit {
        return Err(wrong("applies", "many", number(limit)));
    }
    applies
        .iter()
        .try_for_each(|what| needed("applies", what, APPLIES_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Meta {
        Meta {
            name: "disk-usage".into(),
            title: "Disk usage by folder".into(),
            summary: "Shows what fills a disk.".into(),
            readme: "# Use\n\n\tdisk-usage /".into(),
            category: "sysadmin/disk".into(),
            language: "bash".into(),
            license: "MIT-0".into(),
            homepage: "https://example.org/x?y=1#z".into(),
            tags: vec!["disk".into(), "Speicher".into()],
            needs: vec![("needs".into(), "coreutils".into(), ">= 8".into())],
            applies: vec!["Debian 12".into()],
        }
    }

    fn refused(change: impl Fn(&mut Meta)) -> Vec<(&'static str, &'static str, i64)> {
        let mut changed = good();
        change(&mut changed);
        meta(&tidied(changed), &Limits::default())
            .into_iter()
            .map(|w| (w.field, w.key, w.n))
            .collect()
    }

    #[test]
    fn a_good_one_stays_as_it_is() {
        assert_eq!(refused(|_| ()), []);
        assert_eq!(tidied(good()), good());
    }

    #[test]
    fn each_field_is_looked_at() {
        let long = |n: usize| "x".repeat(n);
        assert_eq!(
            refused(|m| m.name = "A".into()),
            [("name", "name_letters", 1)]
        );
        assert_eq!(
            refused(|m| m.title = " ".into()),
            [("title", "required", 0)]
        );
        assert_eq!(refused(|m| m.title = long(121)), [("title", "long", 120)]);
        assert_eq!(
            refused(|m| m.title = "a\nb".into()),
            [("title", "control", 2)]
        );
        assert_eq!(
            refused(|m| m.summary = long(201)),
            [("summary", "long", 200)]
        );
        assert_eq!(
            refused(|m| m.summary = "\u{202e}x".into()),
            [("summary", "bidi", 1)]
        );
        assert_eq!(
            refused(|m| m.readme = long(65_537)),
            [("readme", "long", 65_536)]
        );
        assert_eq!(
            refused(|m| m.readme = "a\0".into()),
            [("readme", "control", 2)]
        );
        assert_eq!(
            refused(|m| m.category = "a//b".into()),
            [("category", "category_unknown", 0)]
        );
        assert_eq!(
            refused(|m| m.category = "../x".into()),
            [("category", "category_unknown", 0)]
        );
        assert_eq!(
            refused(|m| m.language = "B'x".into()),
            [("language", "language_unknown", 0)]
        );
        assert_eq!(refused(|m| m.license.clear()), [("license", "required", 0)]);
        assert_eq!(refused(|m| m.tags = vec![long(41)]), [("tags", "long", 40)]);
        assert_eq!(
            refused(|m| m.tags = vec!["ok".into(), "?!".into()]),
            [("tags", "tag_empty", 2)]
        );
        let many = |n: usize| (0..n).map(|i| format!("t{i}")).collect::<Vec<_>>();
        assert_eq!(refused(|m| m.tags = many(10_000)), [("tags", "many", 12)]);
        assert_eq!(refused(|m| m.applies = many(21)), [("applies", "many", 20)]);
        assert_eq!(
            refused(|m| m.applies = vec![long(81)]),
            [("applies", "long", 80)]
        );
        let need = |kind: &str, what: &str| (kind.to_owned(), what.to_owned(), ">1".to_owned());
        assert_eq!(
            refused(|m| m.needs = vec![need("must", "x")]),
            [("needs", "need_kind", 1)]
        );
        assert_eq!(
            refused(|m| m.needs = vec![need("needs", " ")]),
            [("needs", "required", 0)]
        );
        assert_eq!(
            refused(|m| m.needs = vec![need("test", "x"); 41]),
            [("needs", "many", 40)]
        );
    }

    #[test]
    fn addresses() {
        for url in [
            "",
            "http://a.b",
            "https://[::1]:8080/",
            "https://müller.example/ä",
        ] {
            assert_eq!(refused(|m| m.homepage = url.into()), [], "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "https://",
            "https://a@b.example/",
            "ftp://a.b",
            "//a.b",
            "https://a b",
            "https://a.b/\"onclick=",
            "https://a.b/<x>",
        ] {
            assert_eq!(
                refused(|m| m.homepage = url.into()),
                [("homepage", "homepage_url", 0)],
                "{url}"
            );
        }
    }

    #[test]
    fn licences() {
        for (typed, kept) in [
            ("MIT", "MIT"),
            ("MIT-0", "MIT-0"),
            ("GPL-2.0", "GPL-2.0-only"),
            ("GPL-3.0+", "GPL-3.0-or-later"),
            ("apache-2.0", "Apache-2.0"),
            (
                "(MIT or Apache-2.0) and BSD-3-Clause",
                "(MIT OR Apache-2.0) AND BSD-3-Clause",
            ),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0",
                "GPL-2.0-only WITH Classpath-exception-2.0",
            ),
            ("LicenseRef-Mine", "LicenseRef-Mine"),
        ] {
            assert_eq!(spdx(typed).as_deref(), Ok(kept), "{typed}");
        }
        for (typed, key) in [
            ("NOASSERTION", "license_none"),
            ("GPL", "license_unknown"),
            ("Apache 2.0", "license_unknown"),
            ("MIT/Apache-2.0", "license_unknown"),
            ("MIT OR", "license_unknown"),
            ("((((MIT", "license_unknown"),
            ("MIT\u{202e}", "license_unknown"),
            ("<script>", "license_unknown"),
        ] {
            assert_eq!(spdx(typed).map_err(|w| w.key), Err(key), "{typed}");
        }
    }
}
