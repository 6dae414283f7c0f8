//! What the names of files and folders mean.

use std::fmt;

use super::path;

/// How a dynamic segment decides what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// `[x]`: anything.
    Any,
    /// `[x=u64]`: decimal digits that fit.
    U64,
    /// `[x=i64]`: the same, perhaps with a minus.
    I64,
    /// `[x=uuid]`: 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// `[x=slug]`: a to z, digits, hyphens.
    Slug,
    /// `[x=hex]`: hexadecimal digits.
    Hex,
}

/// How specific a name is. Smaller ones are tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Literal,
    Typed,
    Plain,
}

/// What one segment of the URL space is called on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    Dynamic { name: String, matcher: Matcher },
    Rest,
}

/// A file by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// The name without `.rs`.
    Module(String),
    /// The name without its extension, and the extension.
    Template(String, &'static str),
    /// `domain.toml`.
    Settings,
    /// None of ours.
    Unknown,
}

/// Extensions of templates. The first two are left out of URLs.
pub(super) const TEMPLATES: [&str; 5] = ["html", "tpl", "txt", "xml", "json"];
/// The names that matchers have.
pub(super) const MATCHERS: [(&str, Matcher); 5] = [
    ("u64", Matcher::U64),
    ("i64", Matcher::I64),
    ("uuid", Matcher::Uuid),
    ("slug", Matcher::Slug),
    ("hex", Matcher::Hex),
];

impl Matcher {
    /// Whether it takes a decoded segment.
    #[must_use]
    pub fn accepts(self, segment: &str) -> bool {
        let bytes = segment.as_bytes();
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        match self {
            Matcher::Any => true,
            Matcher::U64 => digits(segment) && segment.parse::<u64>().is_ok(),
            Matcher::I64 => {
                digits(segment.strip_prefix('-').unwrap_or(segment))
                    && segment.parse::<i64>().is_ok()
            }
            Matcher::Uuid => {
                bytes.len() == 36
                    && bytes.iter().enumerate().all(|(at, b)| match at {
                        8 | 13 | 18 | 23 => *b == b'-',
                        _ => b.is_ascii_hexdigit(),
                    })
            }
            Matcher::Slug => bytes
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-'),
            Matcher::Hex => bytes.iter().all(u8::is_ascii_hexdigit),
        }
    }

    pub(super) fn rank(self) -> Rank {
        match self {
            Matcher::Any => Rank::Plain,
            _ => Rank::Typed,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = MATCHERS.iter().find(|(_, matcher)| matcher == self);
        f.write_str(named.map_or("any", |(name, _)| name))
    }
}

/// Whether a segment can only be reached where `allow_dot` names it.
pub(super) fn is_hidden(segment: &str) -> bool {
    matches!(segment.as_bytes().first(), Some(b'_' | b'.'))
}

/// What a file is.
pub(super) fn file_kind(name: &str) -> FileKind {
    if name == "domain.toml" {
        return FileKind::Settings;
    }
    match name.rsplit_once('.') {
        Some(("", _)) | None => FileKind::Unknown,
        Some((stem, "rs")) => FileKind::Module(stem.to_owned()),
        Some((stem, extension)) => match TEMPLATES.iter().find(|known| **known == extension) {
            Some(known) => FileKind::Template(stem.to_owned(), known),
            None => FileKind::Unknown,
        },
    }
}

/// Which URL segment a template is, if it is a page: `.html` and `.tpl` are left out.
pub(super) fn template_segment(stem: &str, extension: &str) -> String {
    match extension {
        "html" | "tpl" => stem.to_owned(),
        _ => format!("{stem}.{extension}"),
    }
}

/// Reads the name of a folder, or of a file without its extension.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn segment(name: &str) -> Result<Segment, (String, String)> {
    let Some(inner) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) else {
        return literal(name);
    };
    if let Some(rest) = inner.strip_prefix("...") {
        return if is_param_name(rest) {
            Ok(Segment::Rest)
        } else {
            Err(bad_param(name, rest))
        };
    }
    let (param, matcher) = match inner.split_once('=') {
        None => (inner, Matcher::Any),
        Some((param, wanted)) => (param, matcher(name, wanted)?),
    };
    if !is_param_name(param) {
        return Err(bad_param(name, param));
    }
    Ok(Segment::Dynamic {
        name: param.to_owned(),
        matcher,
    })
}

fn literal(name: &str) -> Result<Segment, (String, String)> {
    if name.contains(['[', ']']) {
        return Err((
            format!("`{name}` is dynamic only in part"),
            "write the brackets around the whole name, such as `[slug]`".into(),
        ));
    }
    if name.contains(|c: char| c == '\\' || c.is_control()) {
        return Err((
            format!("no URL can name `{}`", name.escape_debug()),
            "rename it without backslashes and control characters".into(),
        ));
    }
    Ok(Segment::Literal(path::normalise(name.into()).into_owned()))
}

fn matcher(name: &str, wanted: &str) -> Result<Matcher, (String, String)> {
    let known = MATCHERS.iter().find(|(known, _)| *known == wanted);
    known.map(|(_, matcher)| *matcher).ok_or_else(|| {
        let names = MATCHERS.map(|(known, _)| known);
        (
            format!("`{name}` has the unknown type `{wanted}`"),
            format!(
                "did you mean `{}`? there are {}",
                nearest(wanted, &names),
                names.join(", ")
            ),
        )
    })
}

fn is_param_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first)
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn bad_param(name: &str, param: &str) -> (String, String) {
    (
        format!("`{name}` has no usable name: `{param}`"),
        "name it with letters, digits, `_` or `-`, a letter first, such as `[slug]` or `[...rest]`"
            .into(),
    )
}

/// The known name that is most like the one that was written.
pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> &'a str {
    let nearer = |a: &&&str, b: &&&str| {
        strsim::jaro_winkler(written, a).total_cmp(&strsim::jaro_winkler(written, b))
    };
    known.iter().max_by(nearer).copied().unwrap_or_default()
}
