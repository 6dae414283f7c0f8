//! The condition of an `{IF ..}`, token by token.

use std::ops::Range;

use super::Wrong;
use super::tags::path_length;

/// One token.
#[derive(Debug)]
pub(super) struct Token {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// It is a dotted name.
    pub is_path: bool,
    /// The engine's form, where it is another.
    pub put: Option<String>,
}

/// The tokens of `text[range]`; the engine says whether they make sense together.
pub(super) fn tokens(text: &str, range: Range<usize>) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let (length, is_path, put) = token(rest).map_err(|message| Wrong::new(at, message))?;
        tokens.push(Token {
            at: at..at + length,
            is_path,
            put,
        });
        at += length;
    }
    if tokens.is_empty() {
        return Err(Wrong::new(
            range.start,
            "an {IF} needs a condition: {IF NAME == \"value\"}",
        ));
    }
    Ok(tokens)
}

fn token(rest: &str) -> Result<(usize, bool, Option<String>), String> {
    for operator in ["==", "!=", "<=", ">=", "<", ">", "(", ")"] {
        if rest.starts_with(operator) {
            return Ok((operator.len(), false, None));
        }
    }
    match rest.as_bytes()[0] {
        quote @ (b'"' | b'\'') => string(rest, quote),
        b'0'..=b'9' | b'-' => number(rest),
        _ => match path_length(rest) {
            0 => {
                let odd = rest.chars().next().unwrap_or(' ');
                Err(format!(
                    "a condition cannot hold `{odd}`: it has names, \"text\", numbers, \
                     == != < > <= >= AND OR NOT and parentheses"
                ))
            }
            length => Ok(match &rest[..length] {
                "AND" => (length, false, Some("and".to_owned())),
                "OR" => (length, false, Some("or".to_owned())),
                "NOT" => (length, false, Some("not".to_owned())),
                _ => (length, true, None),
            }),
        },
    }
}

/// A backslash is a backslash here; in the engine it is an escape.
fn string(rest: &str, quote: u8) -> Result<(usize, bool, Option<String>), String> {
    let inside = rest[1..].bytes().position(|c| c == quote);
    let Some(length) = inside else {
        return Err("this text has no closing quote".to_owned());
    };
    let text = &rest[1..=length];
    let put = text.contains('\\').then(|| {
        let quote = char::from(quote);
        format!("{quote}{}{quote}", text.replace('\\', "\\\\"))
    });
    Ok((length + 2, false, put))
}

fn number(rest: &str) -> Result<(usize, bool, Option<String>), String> {
    let digits = rest[1..]
        .bytes()
        .take_while(|c| c.is_ascii_digit() || *c == b'.')
        .count();
    let number = &rest[..=digits];
    match number.parse::<f64>() {
        Ok(_) if !number.ends_with('.') => Ok((number.len(), false, None)),
        _ => Err(format!("`{number}` is no number")),
    }
}
