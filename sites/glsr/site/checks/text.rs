//! Checks that read the text alone: size, encoding, the `#!` line, the header, long lines, the licence.

use super::{Given, bounded, secrets::secrets, told};
use crate::{
    header::{self, Shebang},
    model::{Finding, Level},
    rules::{noticed, spdx},
};

/// Lines above which nobody reads all of a script with care.
const LINES_MANY: usize = 2_000;
/// Characters of a line above which it is worth a note.
const LINE_CHARS_LONG: usize = 200;
/// Characters without a blank that look like data rather than code.
const DATA_CHARS_MIN: usize = 300;
/// Lines of code from which on some comment is expected beside the header.
const LINES_UNCOMMENTED: usize = 80;
/// Characters of a description that says something.
const DESCRIPTION_CHARS_MIN: usize = 15;

/// All checks of the text, with those for [`secrets`].
///
/// ```
/// use glsr::checks::{Given, pure};
/// let given = Given { language: "python", shebangs: "python3", license: "MIT", text: "#!/bin/bash\nls\n" };
/// let found = pure(&given);
/// assert!(found.iter().any(|f| f.checker == "shebang" && f.line == 1));
/// ```
pub fn pure(given: &Given<'_>) -> Vec<Finding> {
    let mut all = noticed(given.text);
    all.extend(size(given.text));
    all.extend(shebang(given));
    all.extend(described(given.text));
    all.extend(long_lines(given.text));
    all.extend(license(given));
    all.extend(secrets(given.text));
    all
}

fn size(text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LINES_MANY).then(|| {
        let n = lines.to_string();
        told("size", Level::Warn, 0, "lines", &[("n", &n)])
    })
}

/// The first line against the language.
fn shebang(given: &Given<'_>) -> Vec<Finding> {
    let known: Vec<&str> = given.shebangs.split_whitespace().collect();
    if known.is_empty() {
        return Vec::new();
    }
    let note =
        |level, key: &str, about: &[(&str, &str)]| vec![told("shebang", level, 1, key, about)];
    let Some(line) = Shebang::of(given.text) else {
        let like = known[0];
        return note(Level::Note, "shebang-none", &[("program", like)]);
    };
    if line.program.is_empty() {
        return note(Level::Error, "shebang-empty", &[]);
    }
    if !line.path.starts_with('/') {
        return note(Level::Error, "shebang-path", &[("program", line.path)]);
    }
    if line.is_env && line.words_beside > 0 && !line.is_split {
        return note(Level::Error, "shebang-env", &[("program", line.program)]);
    }
    if !known
        .iter()
        .any(|name| header::is_program(line.program, name))
    {
        let other = header::hands_over(given.text);
        if other.is_some_and(|other| known.iter().any(|name| header::is_program(other, name))) {
            return Vec::new();
        }
        let about = [("program", line.program), ("known", &known.join(", "))];
        return note(Level::Warn, "shebang-other", &about);
    }
    Vec::new()
}

/// Whether it says what it does.
fn described(text: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    let head = header::comment(text);
    let said = header::description(&head).chars().count();
    if said < DESCRIPTION_CHARS_MIN {
        all.push(told("header", Level::Warn, 1, "header", &[]));
    }
    let code = text.lines().filter(|line| !line.trim().is_empty()).count();
    let behind = text
        .lines()
        .skip(head.lines_end)
        .filter(|line| has_comment(line))
        .count();
    if code >= LINES_UNCOMMENTED && behind == 0 {
        let n = code.to_string();
        all.push(told("header", Level::Note, 0, "uncommented", &[("n", &n)]));
    }
    all
}

/// Whether a comment of any language begins in that line. Takes some code for one, which does no harm here.
fn has_comment(line: &str) -> bool {
    let line = line.trim_start();
    [
        "#", "//", "--", ";", "%", "/*", "\"", "'", "REM ", "rem ", "::", "=", "dnl ",
    ]
    .iter()
    .any(|begin| line.starts_with(begin))
        || [" # ", " // ", " -- ", "\t# "]
            .iter()
            .any(|inside| line.contains(inside))
}

fn long_lines(text: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut long = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let run = line
            .split(|c: char| c.is_whitespace() || "\"'`,;".contains(c))
            .map(str::len)
            .max()
            .unwrap_or(0);
        if run >= DATA_CHARS_MIN {
            let n = run.to_string();
            all.push(told("long-line", Level::Warn, at + 1, "data", &[("n", &n)]));
        } else if line.chars().count() > LINE_CHARS_LONG {
            long.push(at + 1);
        }
    }
    if let Some(first) = long.first() {
        let (n, max) = (long.len().to_string(), LINE_CHARS_LONG.to_string());
        let about = [("n", &*n), ("max", &max)];
        all.push(told("long-line", Level::Note, *first, "long", &about));
    }
    bounded(all)
}

/// `SPDX-License-Identifier:` in the text against what was said.
fn license(given: &Given<'_>) -> Vec<Finding> {
    const MARK: &str = "SPDX-License-Identifier:";
    let line = given.text.lines().enumerate().find_map(|(at, line)| {
        let (_, said) = line.split_once(MARK)?;
        // What ends a comment is no part of it.
        let said = said
            .trim()
            .trim_end_matches("*/")
            .trim_end_matches("-->")
            .trim_end_matches("#>");
        Some((at + 1, said.trim()))
    });
    let note = |level, line, key: &str, about: &[(&str, &str)]| {
        vec![told("license", level, line, key, about)]
    };
    let Some((line, said)) = line else {
        return note(
            Level::Note,
            0,
            "license-none",
            &[("license", given.license)],
        );
    };
    match spdx(said) {
        Err(_) => note(Level::Warn, line, "license-bad", &[("said", said)]),
        Ok(said) if said != given.license => {
            let about = [("said", &*said), ("license", given.license)];
            note(Level::Warn, line, "license-other", &about)
        }
        Ok(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "#!/bin/sh\n# Shows what fills a disk.\n# SPDX-License-Identifier: MIT\ndu -sh .\n";

    fn given(text: &str) -> Given<'_> {
        Given {
            language: "sh",
            shebangs: "sh dash",
            license: "MIT",
            text,
        }
    }

    fn found(text: &str) -> Vec<(String, Level, i64)> {
        pure(&given(text))
            .into_iter()
            .map(|f| (f.checker, f.level, f.line))
            .collect()
    }

    fn one(checker: &str, level: Level, line: i64) -> Vec<(String, Level, i64)> {
        vec![(checker.to_owned(), level, line)]
    }

    #[test]
    fn nothing_is_said_about_a_good_one() {
        assert_eq!(found(GOOD), []);
    }

    #[test]
    fn first_lines() {
        let with = |line: &str| found(&GOOD.replace("#!/bin/sh", line));
        assert_eq!(with("#!/usr/bin/env dash"), []);
        assert_eq!(with("#!/usr/bin/env -S sh -e"), []);
        assert_eq!(with("#! /bin/sh -eu"), []);
        assert_eq!(with("#!/bin/bash"), one("shebang", Level::Warn, 1));
        assert_eq!(with("#!sh"), one("shebang", Level::Error, 1));
        assert_eq!(with("#!"), one("shebang", Level::Error, 1));
        assert_eq!(
            with("#!/usr/bin/env sh -e"),
            one("shebang", Level::Error, 1)
        );
        assert_eq!(with("# sh"), one("shebang", Level::Note, 1));
    }

    #[test]
    fn a_shell_that_hands_over_is_the_other_language() {
        let text = "#!/bin/sh\n# A window that shows the load. \\\nexec wish \"$0\" \"$@\"\n";
        let tcl = Given {
            language: "tcl",
            shebangs: "tclsh wish",
            license: "MIT",
            text,
        };
        assert!(pure(&tcl).iter().all(|f| f.checker != "shebang"));
    }

    #[test]
    fn headers_and_comments() {
        let bare = "#!/bin/sh\n# SPDX-License-Identifier: MIT\nls\n";
        assert_eq!(found(bare), one("header", Level::Warn, 1));
        let long = format!("{GOOD}{}", "echo x\n".repeat(80));
        assert_eq!(found(&long), one("header", Level::Note, 0));
        assert_eq!(found(&format!("{long}# the end\n")), []);
    }

    #[test]
    fn long_lines_and_data() {
        let words = format!("{GOOD}echo {}\n", "word ".repeat(60));
        assert_eq!(found(&words), one("long-line", Level::Note, 5));
        let data = format!("{GOOD}x={}\n", "QUJD".repeat(100));
        assert_eq!(found(&data), one("long-line", Level::Warn, 5));
        assert_eq!(
            found(&"x\n".repeat(2001))[0],
            ("size".to_owned(), Level::Warn, 0)
        );
    }

    #[test]
    fn licences() {
        assert_eq!(
            found(&GOOD.replace("MIT", "GPL-2.0")),
            one("license", Level::Warn, 3)
        );
        assert_eq!(
            found(&GOOD.replace("MIT", "free")),
            one("license", Level::Warn, 3)
        );
        assert_eq!(
            found(&GOOD.replace("SPDX", "spd")),
            one("license", Level::Note, 0)
        );
    }
}
