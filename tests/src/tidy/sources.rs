//! Rules on single Rust files: head, length, `unsafe`, words that promise work.

use super::{finding, has_word, lexer, numbered};
use crate::repo::File;

/// The two files that may hold unsafe code, one on each side of the ABI.
const UNSAFE_FILES: [&str; 2] = ["dispatcher/src/ffi.rs", "dispatcher/sdk/src/ffi.rs"];

/// The roots of the two crates that these files belong to: they cannot forbid it.
const UNSAFE_ROOTS: [&str; 2] = ["dispatcher/src/lib.rs", "dispatcher/sdk/src/lib.rs"];

/// Longer files say why.
const LINES_MAX: usize = 500;

/// What the reason in the head comment starts with.
const REASON: &str = "Why it is long:";

/// What no source may hold, in pieces so that this file holds none of them.
const PROMISES: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("for ", "now"),
];

/// What no code may call.
const PROMISED_CODE: &str = concat!("to", "do!");

/// All rules on all Rust files.
pub fn check(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| file.path.ends_with(".rs"));
    sources
        .flat_map(|file| {
            let parts = lexer::split(&file.text);
            [
                check_head(file),
                check_length(file),
                check_unsafe(file, &parts.code),
            ]
            .into_iter()
            .flatten()
            .chain(check_promises(file, &parts))
        })
        .collect()
}

fn check_head(file: &File) -> Vec<String> {
    if file.text.starts_with("//!") {
        return vec![];
    }
    vec![finding(
        &file.path,
        1,
        "open the file with a `//!` line that says its one job",
    )]
}

fn check_length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let mut head = file.text.lines().take_while(|line| line.starts_with("//!"));
    if lines <= LINES_MAX || head.any(|line| line.contains(REASON)) {
        return vec![];
    }
    let text = format!(
        "{lines} lines are more than {LINES_MAX}: look for the natural cut, \
         or give the reason in the head comment, after \"{REASON}\""
    );
    vec![finding(&file.path, LINES_MAX + 1, text)]
}

fn check_unsafe(file: &File, code: &str) -> Vec<String> {
    if UNSAFE_FILES.contains(&file.path.as_str()) {
        return vec![];
    }
    let mut findings: Vec<String> = numbered(code)
        .filter(|(_, line)| has_word(line, "unsafe"))
        .map(|(line, _)| {
            let text = format!("write it without unsafe code, which lives in {UNSAFE_FILES:?}");
            finding(&file.path, line, text)
        })
        .collect();
    let is_root = file.path.ends_with("/lib.rs") || file.path.ends_with("/main.rs");
    let exempt = UNSAFE_ROOTS.contains(&file.path.as_str());
    if is_root && !exempt && !code.contains("#![forbid(unsafe_code)]") {
        findings.push(finding(
            &file.path,
            1,
            "add `#![forbid(unsafe_code)]` below the head",
        ));
    }
    findings
}

fn check_promises(file: &File, parts: &lexer::Parts) -> Vec<String> {
    let prose = numbered(&parts.comments).chain(numbered(&parts.strings));
    let promised = prose.flat_map(|(line, text)| {
        PROMISES
            .into_iter()
            .filter(|word| has_word(text, word))
            .map(move |word| (line, word))
    });
    let called = numbered(&parts.code)
        .filter(|(_, text)| has_word(text, PROMISED_CODE))
        .map(|(line, _)| (line, PROMISED_CODE));
    promised
        .chain(called)
        .map(|(line, word)| {
            let text = format!("\"{word}\": do it, or say what is and why, or open an issue");
            finding(&file.path, line, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, expected: &[&str]) {
        let findings = check(&[File::new(path, text)]);
        assert_eq!(findings.len(), expected.len(), "{findings:#?}");
        for (found, start) in findings.iter().zip(expected) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn a_file_opens_with_its_job() {
        check_one("a.rs", "//! Job.\n", &[]);
        check_one("a.rs", "// Job.\n", &["a.rs:1: open the file"]);
        check_one("a.rs", "", &["a.rs:1: open the file"]);
        check_one("a.md", "", &[]);
    }

    #[test]
    fn a_long_file_gives_its_reason() {
        let long = "x();\n".repeat(LINES_MAX);
        check_one(
            "a.rs",
            &format!("//! Job.\n{long}"),
            &["a.rs:501: 501 lines"],
        );
        check_one(
            "a.rs",
            &format!("//! Job.\n//! Why it is long: table.\n{long}"),
            &[],
        );
        check_one(
            "a.rs",
            &format!("//! Job.\n\n// Why it is long: no.\n{long}"),
            &["a.rs:501:"],
        );
    }

    #[test]
    fn unsafe_code_has_its_two_places() {
        let source = "//! On unsafe.\nfn f() { unsafe { g() } }\n";
        check_one("db/src/a.rs", source, &["db/src/a.rs:2: write it without"]);
        check_one("dispatcher/src/ffi.rs", source, &[]);
        check_one("a.rs", "//! A.\n// unsafe\nlet s = \"unsafe\";\n", &[]);
        check_one("a.rs", "//! A.\n#![allow(unsafe_code)]\n", &[]);
    }

    #[test]
    fn roots_forbid_unsafe_code() {
        check_one(
            "db/src/lib.rs",
            "//! A.\n",
            &["db/src/lib.rs:1: add `#![forbid"],
        );
        check_one(
            "x/src/main.rs",
            "//! A.\n// #![forbid(unsafe_code)]\n",
            &["x/src/main.rs:1:"],
        );
        check_one("db/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n", &[]);
        check_one("dispatcher/sdk/src/lib.rs", "//! A.\n", &[]);
    }

    #[test]
    fn promises_are_not_kept_in_sources() {
        let [work, mend, later] = PROMISES;
        check_one("a.rs", &format!("//! A.\n// {work}: x\n"), &["a.rs:2:"]);
        check_one("a.rs", &format!("//! A.\nf(\"{mend}\");\n"), &["a.rs:2:"]);
        check_one("a.rs", &format!("//! Enough {later}.\n"), &["a.rs:1:"]);
        check_one(
            "a.rs",
            &format!("//! A.\n{PROMISED_CODE}()\n"),
            &["a.rs:2:"],
        );
        check_one(
            "a.rs",
            &format!("//! A.\n{later} in times {{}}\n// {later}here\n"),
            &[],
        );
    }
}
