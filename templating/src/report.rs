//! The engine's errors as ours: the author's own place, the nearest name, and no value of the
//! context, which the engine's messages can hold.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tera::{Error, ErrorKind, ReportError};

use crate::classic::path_length;
use crate::error::TemplateError;
use crate::filters;
use crate::nearest::nearest;
use crate::source::Source;

type Sources = HashMap<String, Arc<Source>>;

/// What the engine says that it found instead of a value.
const KINDS: [&str; 24] = [
    "undefined",
    "none",
    "bool",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "array",
    "bytes",
    "string",
    "map/struct",
    "&str",
    "Map",
    "Number",
];

/// How messages begin that hold no value, only names and types. Those of our own filters begin with
/// the filter's name in back quotes. What begins otherwise is not shown.
const SAYINGS: [&str; 32] = [
    "Argument `",
    "Array index must",
    "Cannot compare",
    "Cannot divide by 0",
    "Cannot index",
    "Cannot slice",
    "Cannot sort",
    "Component argument",
    "Errored while",
    "Implicit argument",
    "Index expression",
    "Invalid type for",
    "Iteration not possible",
    "Key/value iteration",
    "Map keys must",
    "Math operations",
    "Missing keyword argument",
    "Not a valid key type",
    "Only numbers",
    "Slice ",
    "Slicing ",
    "Spread operator",
    "String index must",
    "The `indentation`",
    "This filter can only",
    "Tried to render",
    "Tried to use super",
    "Unknown argument",
    "Value of type",
    "Variable `",
    "pluralize filter",
    "super()",
];

/// Errors of compiling: the engine tells one of the parser, or several of the names in a text.
pub(crate) fn compiling(error: &Error, entry: &Source, sources: &Sources) -> Vec<TemplateError> {
    match error.kind() {
        ErrorKind::SyntaxError(report) => {
            let source = sources.get(report.filename()).map_or(entry, Arc::as_ref);
            vec![syntax(source, place_of(report), report.message())]
        }
        ErrorKind::Msg(message) => {
            let wrong: Vec<TemplateError> = message
                .split("error: ")
                .filter_map(|text| reported(text, sources))
                .collect();
            if wrong.is_empty() {
                vec![syntax(entry, (1, 1), message)]
            } else {
                wrong
            }
        }
        other => vec![syntax(entry, (1, 1), &other.to_string())],
    }
}

/// The error of rendering.
pub(crate) fn rendering(
    error: &Error,
    entry: &Source,
    sources: &Sources,
    context: &Map<String, Value>,
) -> TemplateError {
    let ErrorKind::RenderingError(report) = error.kind() else {
        let message = match error.kind() {
            // Only the engine's own: an error of a filter comes with its place.
            ErrorKind::Msg(message) => first_lower(message),
            _ => "the engine failed".to_owned(),
        };
        return TemplateError::Render {
            place: entry.place(0),
            message,
            via: Vec::new(),
        };
    };
    let source = sources.get(report.filename()).map_or(entry, Arc::as_ref);
    let via = called_from(&error.to_string(), sources);
    match undefined(report, source, context) {
        Some((name, nearest)) => {
            let start = report.span().range.start;
            TemplateError::Undefined {
                name,
                nearest,
                place: source.place(start),
                via,
            }
        }
        None => TemplateError::Render {
            place: source.place(report.span().range.start),
            message: without_values(report, source),
            via,
        },
    }
}

fn place_of(report: &ReportError) -> (usize, usize) {
    (report.span().start_line, report.span().start_col + 1)
}

fn syntax(source: &Source, (line, column): (usize, usize), message: &str) -> TemplateError {
    TemplateError::Syntax {
        place: source.place_at(line, column),
        message: first_lower(message),
    }
}

/// `message`, and below it ` --> file:line:column`, as the engine draws it.
fn reported(text: &str, sources: &Sources) -> Option<TemplateError> {
    let (message, rest) = text.split_once('\n')?;
    let (file, line, column) = arrow(rest.lines().next()?)?;
    Some(syntax(sources.get(file)?, (line, column), message))
}

fn arrow(line: &str) -> Option<(&str, usize, usize)> {
    at(line.trim_start().strip_prefix("--> ")?)
}

fn at(place: &str) -> Option<(&str, usize, usize)> {
    let mut parts = place.trim().rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some((parts.next()?, line, column))
}

/// The notes that the engine draws for each include and component on the way.
fn called_from(drawn: &str, sources: &Sources) -> Vec<String> {
    let notes = drawn
        .lines()
        .filter_map(|line| line.strip_prefix("note: called from "));
    notes
        .filter_map(|note| {
            let (file, line, column) = at(note)?;
            let place = sources.get(file)?.place_at(line, column);
            Some(format!(
                "{}:{}:{}",
                place.file.display(),
                place.line,
                place.column
            ))
        })
        .collect()
}

/// The name that is not defined, if that is what is wrong, and the nearest that is.
fn undefined(
    report: &ReportError,
    source: &Source,
    context: &Map<String, Value>,
) -> Option<(String, Option<String>)> {
    let message = report.message();
    let written = source
        .text
        .get(report.span().range.clone())
        .unwrap_or("")
        .trim();
    if let Some(rest) = message.strip_prefix("Variable `") {
        let name = rest.split('`').next()?;
        return Some((
            name.to_owned(),
            nearest(name, available(message, "variables")),
        ));
    }
    if let Some(rest) = message.strip_prefix("Field `") {
        let field = rest.split('`').next()?;
        let nearest = nearest(field, available(message, "fields"));
        let start = report.span().range.start;
        // When the owner itself is missing, the engine shows the owner.
        if written != field {
            return Some((written.to_owned(), nearest_in(context, written)));
        }
        let owner = match owner(&source.text, start) {
            // A name of ours in a translated template: what the author wrote ends with the field.
            ours if ours.starts_with("__") => source
                .written(start - ours.len())
                .strip_suffix(field)
                .unwrap_or(""),
            owner => owner,
        };
        return Some((
            format!("{owner}{field}"),
            nearest.map(|nearest| format!("{owner}{nearest}")),
        ));
    }
    if !message.contains("undefined") || !is_path(written) {
        return None;
    }
    // The engine points at the first part of a dotted name.
    let rest = &source.text[report.span().range.start..];
    let mut path = &rest[..path_length(rest).max(written.len())];
    let is_cut = path.contains('[') && !path.ends_with(']');
    if is_cut && rest[path.len()..].starts_with(']') {
        path = &rest[..path.len() + 1];
    }
    let name = match source.full.ends_with(".tpl") {
        true => source.written(report.span().range.start),
        false => path,
    };
    Some((name.to_owned(), nearest_in(context, path)))
}

/// The nearest to the part of a dotted name where it leads out of the context.
fn nearest_in(mut known: &Map<String, Value>, path: &str) -> Option<String> {
    let mut right = String::new();
    for part in path.split('.').map(|part| part.trim_end_matches('?')) {
        match known.get(part) {
            Some(Value::Object(inside)) => known = inside,
            Some(_) => return None,
            None => {
                let found = nearest(part, known.keys().map(String::as_str))?;
                return Some(format!("{right}{found}"));
            }
        }
        right.push_str(part);
        right.push('.');
    }
    None
}

/// `a.b.` before a field, as it is written.
fn owner(text: &str, field: usize) -> &str {
    let before = &text[..field];
    let path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '?');
    let start = before.rfind(|c| !path(c)).map_or(0, |at| at + 1);
    // What ends there may be a character of several bytes.
    let start = (start..=field)
        .find(|&at| before.is_char_boundary(at))
        .unwrap_or(field);
    if before.ends_with('.') {
        &before[start..]
    } else {
        ""
    }
}

fn is_path(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '?' | '[' | ']');
    !text.is_empty() && text.chars().all(part)
}

fn available<'m>(message: &'m str, what: &str) -> impl Iterator<Item = &'m str> {
    let list = message
        .split_once(&format!("Available {what}: "))
        .map_or("", |(_, list)| list);
    list.split(", ").filter(|name| !name.is_empty())
}

/// A message of the engine without values. Of a message that should hold none, what it quotes is
/// shown if the template's own line has it or it names a type; of others, the call that failed.
fn without_values(report: &ReportError, source: &Source) -> String {
    let message = report.message();
    let line = source
        .text
        .lines()
        .nth(report.span().start_line.saturating_sub(1))
        .unwrap_or("");
    if let Some(said) = thrown(report, source) {
        let author = line.contains(said);
        return if author {
            said
        } else {
            "the template gave up with `throw`"
        }
        .to_owned();
    }
    if !message.starts_with('`') && !SAYINGS.iter().any(|start| message.starts_with(start)) {
        let written = source.text.get(report.span().range.clone()).unwrap_or("");
        return match written.lines().next() {
            Some(call) => format!("`{call}` failed on what it was given"),
            None => "the engine failed".to_owned(),
        };
    }
    let pieces = message.split('`').enumerate().map(|(index, piece)| {
        let quoted = index % 2 == 1;
        let known = [
            &KINDS[..],
            &filters::NAMES,
            &filters::EXPECTED,
            &filters::ARGUMENTS,
        ]
        .iter()
        .any(|known| known.contains(&piece));
        if quoted && !known && !line.contains(piece) {
            "…"
        } else {
            piece
        }
    });
    first_lower(&pieces.collect::<Vec<_>>().join("`"))
}

/// The message of `throw(message="..")`: the author's words, or a value.
fn thrown<'r>(report: &'r ReportError, source: &Source) -> Option<&'r str> {
    let written = source.text.get(report.span().range.clone())?;
    written.starts_with("throw").then(|| report.message())
}

fn first_lower(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
