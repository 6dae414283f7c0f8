//! The first comment of a script, in whatever style its language has.

use super::description;

/// Bytes and lines of a script that are looked at: a head is short.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEAD_LINES_MAX: usize = 200;
/// Comments behind the first one that are looked at if it says nothing.
const BLOCKS_BEHIND_MAX: usize = 3;

/// The first comment of a script, or the text at the beginning that stands for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comment {
    /// Its lines without what makes them a comment, and without lines that only decorate.
    pub lines: Vec<String>,
    /// How many lines of the script it and what comes before take.
    pub lines_end: usize,
}

/// How a block of comment begins and ends.
const BLOCKS: [(&str, &str); 13] = [
    ("/*", "*/"),
    ("<#", "#>"),
    ("<!--", "-->"),
    ("--[==[", "]==]"),
    ("--[=[", "]=]"),
    ("--[[", "]]"),
    ("{-", "-}"),
    ("(*", "*)"),
    ("#|", "|#"),
    ("\"\"\"", "\"\"\""),
    ("'''", "'''"),
    ("=begin", "=end"),
    ("=pod", "=cut"),
];

/// What begins each line of a comment, longer ones first.
const LINE_MARKS: [&str; 13] = [
    "///", "//", "@rem", "REM", "rem", "dnl", "--", ";", "%", "#", "::", "\"", "'",
];

/// The first comment.
pub fn comment(text: &str) -> Comment {
    let mut end = text.len().min(HEAD_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text[..end].strip_prefix('\u{feff}').unwrap_or(&text[..end]);
    let lines: Vec<&str> = text.lines().take(HEAD_LINES_MAX).collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim();
        if line.is_empty() || is_preamble(line, at) {
            at += 1;
            continue;
        }
        let (comment, next) = match block_of(line) {
            Some((begin, close)) => read_block(&lines, at, begin, close),
            None => match mark_of(line) {
                Some(mark) => read_lines(&lines, at, mark),
                None => {
                    return Comment {
                        lines: Vec::new(),
                        lines_end: at,
                    };
                }
            },
        };
        let comment: Vec<String> = comment.iter().map(|line| undecorated(line)).collect();
        let mut said = Comment {
            lines: comment,
            lines_end: next,
        };
        // A mode line or a licence alone is no head: what it is about may follow.
        for _ in 0..BLOCKS_BEHIND_MAX {
            let Some(more) = comment_behind(&lines, said.lines_end) else {
                break;
            };
            if !description(&said).is_empty() {
                break;
            }
            said.lines.push(String::new());
            said.lines.extend(more.lines);
            said.lines_end = more.lines_end;
        }
        return said;
    }
    Comment {
        lines: Vec::new(),
        lines_end: at,
    }
}

/// The comment that follows one that said nothing, with nothing but blank lines and settings between them.
fn comment_behind(lines: &[&str], from: usize) -> Option<Comment> {
    let mut at = from;
    while at < lines.len() && (lines[at].trim().is_empty() || is_preamble(lines[at].trim(), at)) {
        at += 1;
    }
    let line = lines.get(at)?.trim();
    let (comment, next) = match block_of(line) {
        Some((begin, close)) => read_block(lines, at, begin, close),
        None => read_lines(lines, at, mark_of(line)?),
    };
    let lines = comment.iter().map(|line| undecorated(line)).collect();
    Some(Comment {
        lines,
        lines_end: next,
    })
}

/// Lines in front of a head: `#!`, and settings that many scripts begin with.
fn is_preamble(line: &str, at: usize) -> bool {
    (at == 0 && line.starts_with("#!"))
        || line == "<?php"
        || line.eq_ignore_ascii_case("@echo off")
        || line == "'use strict';"
        || line == "\"use strict\";"
        || line.starts_with("from __future__ import")
        || (at < 3
            && line.starts_with('#')
            && (line.contains("coding:") || line.contains("coding=")))
        || line.contains("-*-")
        || line.contains("vim:")
}

fn block_of(line: &str) -> Option<(&'static str, &'static str)> {
    if line.starts_with("=head") {
        return Some(("", "=cut"));
    }
    // A string of Python may say how it is to be read.
    let bare = match line.as_bytes() {
        [b'r' | b'R' | b'u' | b'U', b'"' | b'\'', ..] => &line[1..],
        _ => line,
    };
    BLOCKS
        .into_iter()
        .find(|(begin, _)| bare.starts_with(begin))
}

fn mark_of(line: &str) -> Option<&'static str> {
    LINE_MARKS.into_iter().find(|mark| {
        line.strip_prefix(mark).is_some_and(|rest| {
            let is_word = mark.ends_with(|c: char| c.is_ascii_alphabetic());
            let is_quote = matches!(*mark, "\"" | "'");
            // `rem` and quotes begin other things too; a blank behind them makes a comment.
            !(is_word || is_quote) || rest.is_empty() || rest.starts_with(char::is_whitespace)
        })
    })
}

fn read_block(lines: &[&str], from: usize, begin: &str, close: &str) -> (Vec<String>, usize) {
    let mut read = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(from) {
        let mut line = line.trim();
        if at == from {
            line = line.trim_start_matches(['r', 'R', 'u', 'U']);
            line = line.strip_prefix(begin).unwrap_or(line);
            // Comments for tools begin with two asterisks, or with an exclamation mark.
            if begin == "/*" {
                line = line.trim_start_matches(['*', '!']);
            }
        }
        let closed = line.find(close);
        let line = closed.map_or(line, |end| &line[..end]).trim();
        read.push(if begin == "/*" { unstarred(line) } else { line }.to_owned());
        if closed.is_some() {
            return (read, at + 1);
        }
    }
    (read, lines.len())
}

/// Without the asterisk that the lines of a block often begin with.
fn unstarred(line: &str) -> &str {
    match line.strip_prefix('*') {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => line,
    }
}

fn read_lines(lines: &[&str], from: usize, mark: &str) -> (Vec<String>, usize) {
    let mut read = Vec::new();
    let mut at = from;
    while let Some(rest) = lines
        .get(at)
        .and_then(|line| line.trim().strip_prefix(mark))
    {
        let doubled = mark.chars().last().unwrap_or('#');
        if !is_preamble(lines[at].trim(), at) {
            read.push(rest.trim_start_matches(doubled).trim().to_owned());
        }
        at += 1;
    }
    (read, at)
}

/// A line that is drawn says nothing; frames around a text go.
fn undecorated(line: &str) -> String {
    let drawn = |c: char| "#*=-_~+/;%|<>.".contains(c);
    if !line.is_empty() && line.chars().all(|c| drawn(c) || c.is_whitespace()) {
        return String::new();
    }
    let frame = |c: char| "#*=-~".contains(c);
    let bare = line.trim_start_matches(frame);
    // A single hyphen or equals sign is a list's, or that of `=head1`.
    let line = if line.len() - bare.len() > 1 {
        bare
    } else {
        line
    };
    line.trim_end_matches(frame).trim().to_owned()
}
