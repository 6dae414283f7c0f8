//! What the head of a script says about it: its first comment, in whatever style, and its `#!` line. For
//! imports and for forms that are filled in before the author looks.

mod comment;
mod shebang;
#[cfg(test)]
mod tests;

pub use comment::{Comment, comment};
pub use shebang::{Shebang, hands_over, is_program, language};

use crate::rules::{spdx, tag_slug, tidy};

/// Characters of a description that are kept, as in `migrations/`.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Tags and dependencies that are read, at most.
const TAGS_MAX: usize = 12;
const NEEDS_MAX: usize = 40;

/// What was found; what was not is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// After `Name:`, as written.
    pub name: String,
    /// After `Title:`.
    pub title: String,
    /// After `Description:` or `Summary:`, or the first paragraph that is no legal notice; at most 200
    /// characters.
    pub description: String,
    /// After `SPDX-License-Identifier:` or `License:`, as an SPDX expression.
    pub license: String,
    /// After `Tags:` or `Keywords:`.
    pub tags: Vec<String>,
    /// After `Depends:` or `Requires:`: kind, what, versions.
    pub needs: Vec<(String, String, String)>,
    /// After `Homepage:` or `URL:`.
    pub homepage: String,
    /// After `Version:`.
    pub version: String,
}

/// Reads the head of a script.
///
/// ```
/// let text = "#!/bin/sh\n# Shows what fills a disk.\n#\n# License: MIT\n# Tags: disk, space\n";
/// let header = glsr::header::read(text);
/// assert_eq!(header.description, "Shows what fills a disk.");
/// assert_eq!((header.license.as_str(), header.tags.len()), ("MIT", 2));
/// ```
pub fn read(text: &str) -> Header {
    let comment = comment(text);
    let mut header = Header::default();
    let lines = &comment.lines;
    for (at, line) in lines.iter().enumerate() {
        let Some((key, value)) = field(line) else {
            continue;
        };
        let first = |known: &mut String, value: String| {
            if known.is_empty() {
                *known = value;
            }
        };
        match key.as_str() {
            "name" => first(&mut header.name, tidy(value)),
            "title" => first(&mut header.title, tidy(value)),
            "version" => first(&mut header.version, tidy(value)),
            "homepage" | "url" => first(&mut header.homepage, tidy(value)),
            "spdx-license-identifier" => header.license = spdx(value).unwrap_or(header.license),
            "license" | "licence" => first(&mut header.license, licence(value)),
            "tags" | "keywords" if header.tags.is_empty() => header.tags = tags(value),
            "depends" | "requires" | "dependencies" if header.needs.is_empty() => {
                header.needs = needs(&continued(value, &lines[at + 1..]));
            }
            _ => {}
        }
    }
    header.description = description(&comment);
    if header.description.is_empty() {
        header.description = name_of_pod(text);
    }
    header
}

/// `Key: value` of a head, the key in lower case.
fn field(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start_matches(['@', '\\', '.']);
    let (key, value) = line.split_once(':').or_else(|| {
        let (key, value) = line.split_once(char::is_whitespace)?;
        // The style of JavaDoc: `@license MIT`.
        ["license", "description", "name", "version"]
            .contains(&key)
            .then_some((key, value))
    })?;
    let key = key.trim().to_ascii_lowercase();
    let is_word = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (is_word && !key.is_empty()).then_some((key, value.trim()))
}

/// A field's value with the lines that go on with it.
fn continued(value: &str, behind: &[String]) -> String {
    let mut whole = value.to_owned();
    for line in behind
        .iter()
        .take_while(|line| !line.is_empty() && field(line).is_none())
    {
        whole.push(' ');
        whole.push_str(line);
    }
    whole.trim().to_owned()
}

/// What a head says of its script: after `Description:` and the like, else its first paragraph that is
/// neither a field nor a legal notice.
pub fn description(comment: &Comment) -> String {
    let lines = &comment.lines;
    for known in [
        "description",
        "summary",
        "synopsis",
        "short-description",
        "purpose",
        "brief",
    ] {
        for (at, line) in lines.iter().enumerate() {
            if let Some((key, value)) = field(line)
                && key == known
            {
                let value = continued(value, &lines[at + 1..]);
                if !value.is_empty() {
                    return cut(&value);
                }
            }
        }
    }
    let said = lines.split(|line| line.is_empty()).find_map(|paragraph| {
        let heading = |line: &str| {
            line.starts_with("=head")
                || matches!(line, "NAME" | "DESCRIPTION" | ".SYNOPSIS" | ".DESCRIPTION")
        };
        let mut whole = String::new();
        for line in paragraph.iter().filter(|line| !heading(line)) {
            if is_other(line) {
                if whole.is_empty() {
                    continue;
                }
                break;
            }
            whole.push_str(line);
            whole.push(' ');
        }
        let whole = without_name(whole.trim()).to_owned();
        {
            let letters = whole.chars().filter(|c| c.is_alphabetic()).count();
            (letters > 3 && whole.contains(' ') && !is_legal(&whole)).then_some(whole)
        }
    });
    said.map(|said| cut(&said)).unwrap_or_default()
}

/// What the documentation of a Perl script says behind its name, wherever it stands in the text.
fn name_of_pod(text: &str) -> String {
    const HEAD: &str = "\n=head1 NAME\n";
    const POD_LINES_MAX: usize = 10;
    let behind = text.find(HEAD).map_or("", |at| &text[at + HEAD.len()..]);
    let paragraph = behind
        .trim_start()
        .lines()
        .take_while(|line| !line.trim().is_empty());
    let whole = paragraph.take(POD_LINES_MAX).collect::<Vec<_>>().join(" ");
    if whole.starts_with('=') {
        String::new()
    } else {
        cut(without_name(&whole))
    }
}

/// A paragraph that speaks of rights and nothing else, wherever in it that is said.
fn is_legal(paragraph: &str) -> bool {
    let lower = paragraph.to_ascii_lowercase();
    [
        "general public license",
        "dual licensed",
        "it and/or modify",
        "rights reserved",
        "licensed to",
        "the terms of the",
        "published under",
        "is free software",
        "without warranty",
        "distributed in the hope",
        "public domain",
    ]
    .iter()
    .any(|phrase| lower.contains(phrase))
}

/// A line of a head that describes nothing: a field, a legal notice, a mark of an editor.
fn is_other(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let notices = [
        "copyright",
        "(c) ",
        "©",
        "spdx-",
        "all rights reserved",
        "licensed under",
        "this program is free",
        "this file is part of",
        "this is free software",
        "permission is hereby",
        "redistribution and use",
        "this software is",
        "this library is free",
        "released under",
        "distributed under",
        "this script is free",
        "$id",
        "shellcheck ",
        "eslint",
        "vim:",
        "ex:",
        "-*-",
        "usage:",
        "author",
        "by ",
        "written by",
        "http://",
        "https://",
        "this file is free",
        "you may ",
        "you can redistribute",
        "without any warranty",
        "see the file",
    ];
    notices.iter().any(|notice| lower.starts_with(notice))
        || (lower.ends_with('>') && lower.contains('@'))
        || field(line).is_some_and(|(key, _)| {
            !["note", "warning", "todo"].contains(&key.as_str())
                && key.len() < 30
                && !lower.contains(". ")
        })
}

/// `name - what it does` is what it does.
fn without_name(text: &str) -> &str {
    for dash in [" - ", " -- ", " --- ", " \u{2013} ", " \u{2014} "] {
        if let Some((name, rest)) = text.split_once(dash)
            && !name.contains(' ')
        {
            return rest.trim();
        }
    }
    text
}

/// At most 200 characters, up to a sentence or a word.
fn cut(text: &str) -> String {
    let text = tidy(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() && !crate::rules::is_bidi(*c))
        .collect();
    if text.chars().count() <= DESCRIPTION_CHARS_MAX {
        return text;
    }
    let short: String = text.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
    if let Some(end) = short.rfind(". ").filter(|end| *end >= 40) {
        return short[..=end].to_owned();
    }
    let end = short.rfind(' ').unwrap_or(short.len());
    format!("{}\u{2026}", &short[..end])
}

fn tags(value: &str) -> Vec<String> {
    let separator = |c: char| {
        if value.contains([',', ';']) {
            ",;".contains(c)
        } else {
            c == ' '
        }
    };
    let tags = value
        .split(separator)
        .map(tidy)
        .filter(|tag| tag_slug(tag).is_some());
    tags.take(TAGS_MAX).collect()
}

/// `bash (>= 4), jq` and `bash >= 4, jq`.
fn needs(value: &str) -> Vec<(String, String, String)> {
    let separator = |c: char| {
        if value.contains([',', ';']) {
            ",;".contains(c)
        } else {
            c == ' '
        }
    };
    let one = |need: &str| {
        let need = tidy(need.trim_end_matches('.'));
        let at = need.find(['(', '<', '>', '=']).unwrap_or(need.len());
        let (what, versions) = need.split_at(at);
        let versions = versions.trim_matches(['(', ')', ' ']);
        (!what.trim().is_empty()).then(|| {
            (
                "needs".to_owned(),
                what.trim().to_owned(),
                versions.to_owned(),
            )
        })
    };
    value
        .split(separator)
        .filter_map(one)
        .take(NEEDS_MAX)
        .collect()
}

/// What authors write for common licences. Only what can mean one alone.
fn licence(value: &str) -> String {
    let value = value.trim().trim_end_matches(['.', ',']);
    if let Ok(known) = spdx(value) {
        return known;
    }
    let lower = value.to_ascii_lowercase().replace(['v', ','], " ");
    let words: Vec<&str> = lower
        .split_whitespace()
        .filter(|w| *w != "license" && *w != "the")
        .collect();
    let known = match words.join(" ").replace(' ', "-").as_str() {
        "gpl-2" | "gpl2" | "gnu-gpl-2" => "GPL-2.0-only",
        "gpl-2+" | "gpl2+" | "gpl-2.0+" => "GPL-2.0-or-later",
        "gpl-3" | "gpl3" | "gnu-gpl-3" => "GPL-3.0-only",
        "gpl-3+" | "gpl3+" | "gpl-3.0+" => "GPL-3.0-or-later",
        "lgpl-2.1+" => "LGPL-2.1-or-later",
        "lgpl-3+" => "LGPL-3.0-or-later",
        "apache-2" | "apache-2.0" | "apache-ersion-2.0" => "Apache-2.0",
        "expat" | "mit" | "mit/x11" => "MIT",
        "mpl-2" | "mpl-2.0" => "MPL-2.0",
        "cc0" => "CC0-1.0",
        _ => "",
    };
    known.to_owned()
}
