//! Finds the tags of the classic syntax, and leaves alone every brace that is none.

use std::ops::Range;

use super::Wrong;
use super::markup::Markup;

/// A tag and the bytes of the text that it is.
#[derive(Debug)]
pub(super) struct Found {
    pub at: Range<usize>,
    pub tag: Tag,
}

/// The ranges are bytes of the text.
#[derive(Debug)]
pub(super) enum Tag {
    /// `{name.name}`
    Value(Range<usize>),
    /// `\{..}`: the text without the backslash.
    Text(Range<usize>),
    /// `{IF condition}`
    If(Range<usize>),
    /// `{ELSE}`
    Else,
    /// `{!IF}`
    EndIf,
    /// `{LOOP name}`
    Loop(Range<usize>),
    /// `{!LOOP}`
    EndLoop,
    /// `{IMPORT file}`
    Import(Range<usize>),
    /// `{T key name=name.name}`: the key, and names with their values.
    Say(Range<usize>, Vec<(Range<usize>, Range<usize>)>),
}

/// All tags, in the order of the text.
pub(super) fn find(text: &str) -> Result<Vec<Found>, Wrong> {
    let mut found = Vec::new();
    let mut markup = Markup::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'{'
            && let Some(tag) = tag(text, at, markup.is_code())?
        {
            at = tag.at.end;
            found.push(tag);
            continue;
        }
        markup.pass(text, at);
        at += 1;
    }
    Ok(found)
}

/// The bytes of a dotted name: a letter, then letters, digits, `_`, and parts after dots.
pub(crate) fn path_length(rest: &str) -> usize {
    let part = |text: &str| {
        text.bytes()
            .take_while(|&c| c == b'_' || c.is_ascii_alphanumeric())
            .count()
    };
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    let mut length = part(rest);
    while rest[length..].starts_with('.') {
        match part(&rest[length + 1..]) {
            0 => break,
            more => length += 1 + more,
        }
    }
    length
}

/// The tag whose brace is at `open`, if it is one.
fn tag(text: &str, open: usize, in_code: bool) -> Result<Option<Found>, Wrong> {
    let start = open + 1;
    let rest = &text[start..];
    let before = text[..open].chars().next_back();
    let fixed = [
        ("ELSE}", Tag::Else),
        ("!IF}", Tag::EndIf),
        ("!LOOP}", Tag::EndLoop),
    ];
    let fixed = fixed.into_iter().find(|(word, _)| rest.starts_with(word));
    let (tag, end) = if let Some((word, tag)) = fixed {
        (tag, start + word.len())
    } else if let Some(word) = worded(rest) {
        if before == Some('\\') {
            // Only the brace is text: where such a tag would end need not be clear.
            (Tag::Else, start)
        } else {
            argument(text, open, word)?
        }
    } else {
        match path_length(rest) {
            0 => return Ok(None),
            length if !rest[length..].starts_with('}') => return Ok(None),
            length if in_code && !is_capital(&rest[..length], before) => return Ok(None),
            length => (Tag::Value(start..start + length), start + length + 1),
        }
    };
    Ok(Some(match before {
        Some('\\') => Found {
            at: open - 1..end,
            tag: Tag::Text(open..end),
        },
        _ => Found { at: open..end, tag },
    }))
}

/// In scripts and styles: a name in capitals, and no `${NAME}`.
fn is_capital(path: &str, before: Option<char>) -> bool {
    let first = path.split('.').next().unwrap_or("");
    before != Some('$') && !first.bytes().any(|c| c.is_ascii_lowercase())
}

/// The word of a tag that takes an argument.
fn worded(rest: &str) -> Option<&'static str> {
    ["IF", "LOOP", "IMPORT", "T"].into_iter().find(|word| {
        let after = rest
            .strip_prefix(word)
            .and_then(|after| after.chars().next());
        // A variable may be called `T`.
        after.is_some_and(|c| (c == '}' && *word != "T") || c.is_ascii_whitespace())
    })
}

/// The tag of this word, and where it ends.
fn argument(text: &str, open: usize, word: &str) -> Result<(Tag, usize), Wrong> {
    let start = open + 1 + word.len();
    let Some(length) = closing(&text[start..]) else {
        return Err(Wrong::new(
            open,
            format!("this {{{word}}} has no closing brace"),
        ));
    };
    let inside = &text[start..start + length];
    let end = start + length + 1;
    let trimmed = inside.trim();
    let from = start + (inside.len() - inside.trim_start().len());
    let range = from..from + trimmed.len();
    match word {
        "IF" => Ok((Tag::If(range), end)),
        "LOOP" if path_length(trimmed) == trimmed.len() && !trimmed.is_empty() => {
            Ok((Tag::Loop(range), end))
        }
        "T" => said(text, range)
            .map(|(key, values)| (Tag::Say(key, values), end))
            .ok_or_else(|| {
                let message =
                    "a {T} needs a key, then values by name: {T cart.things n=COUNT who=user.name}";
                Wrong::new(open, message)
            }),
        "LOOP" => Err(Wrong::new(open, "a {LOOP} needs one name: {LOOP ROWS}")),
        _ if is_file(unquoted(trimmed)) => {
            let quotes = usize::from(unquoted(trimmed).len() < trimmed.len());
            Ok((Tag::Import(range.start + quotes..range.end - quotes), end))
        }
        _ => Err(Wrong::new(
            open,
            "an {IMPORT} needs the name of a file: {IMPORT header.tpl}",
        )),
    }
}

/// A name and its value.
type Named = (Range<usize>, Range<usize>);

/// The key and the values of a `{T ..}`, which are names or whole numbers.
fn said(text: &str, range: Range<usize>) -> Option<(Range<usize>, Vec<Named>)> {
    let mut spans = words(text, range);
    let key = spans.next()?;
    if text[key.clone()].contains(['"', '\'', '\\', '=', '`']) {
        return None;
    }
    let named = spans.map(|span| {
        let (name, value) = text[span.clone()].split_once('=')?;
        let is_number = value.bytes().all(|c| c.is_ascii_digit());
        let is_value = !value.is_empty() && (is_number || path_length(value) == value.len());
        let is_name = path_length(name) == name.len() && !name.is_empty() && !name.contains('.');
        let equals = span.start + name.len();
        (is_name && is_value).then_some((span.start..equals, equals + 1..span.end))
    });
    Some((key, named.collect::<Option<_>>()?))
}

/// What blanks separate.
fn words(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    let spans = text[range]
        .split(|c: char| c.is_ascii_whitespace())
        .map(move |word| {
            let span = at..at + word.len();
            at = span.end + 1;
            span
        });
    spans.filter(|span| !span.is_empty())
}

/// Where the closing brace is; one between quotes is none.
fn closing(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.bytes().enumerate() {
        match (quote, c) {
            (None, b'}') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn unquoted(name: &str) -> &str {
    let quoted = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(name)
}

fn is_file(name: &str) -> bool {
    let fits = |c: char| !c.is_control() && !matches!(c, '"' | '\'' | '\\' | '`' | '{' | '}');
    !name.is_empty() && name.chars().all(fits)
}
