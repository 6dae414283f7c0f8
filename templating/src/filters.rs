//! The filters that templates have beside the engine's own.
//!
//! Of the engine: `pluralize`, `truncate`, `default` and many more. Ours: `json`, `date`, `ago`,
//! `bytes`, `slug`, `markdown`, `diff`, `highlight`. Their messages begin with the filter's name in back quotes
//! and hold no value.

mod diff;
mod highlight;
mod json;
mod markdown;
mod text;
mod time;

use tera::{Error, ErrorKind, Kwargs, Tera, TeraResult, Value};

use crate::escape::{self, Kind};

/// The names of our own filters: a message may show them.
pub(crate) const NAMES: [&str; 8] = [
    "json",
    "date",
    "ago",
    "bytes",
    "slug",
    "markdown",
    "diff",
    "highlight",
];

/// What our own filters expect: a message may show it.
pub(crate) const EXPECTED: [&str; 3] = ["a value", "a time", "a number of bytes"];

/// Arguments of our own filters and functions: a message may show them.
pub(crate) const ARGUMENTS: [&str; 12] = [
    "context", "decimal", "format", "headings", "id", "images", "key", "language", "lines", "new",
    "path", "split",
];

/// Tells the engine; it must know them before it compiles.
pub(crate) fn register(engine: &mut Tera, kind: Kind) {
    json::register(engine, kind);
    time::register(engine);
    text::register(engine);
    markdown::register(engine, kind);
    diff::register(engine, kind);
    highlight::register(engine, kind);
}

/// The engine points such an error at the value, not at the filter.
fn wrong_kind(expected: &str, value: &Value) -> Error {
    let actual_type = value.name().to_owned();
    Error::new(ErrorKind::InvalidArgument {
        expected_type: expected.to_owned(),
        actual_type,
    })
}

/// Refuses arguments that the filter does not have: a slip would be without effect.
fn only(filter: &str, arguments: &Kwargs, known: &[&str]) -> TeraResult<()> {
    for (name, _) in arguments.iter() {
        let name = name.to_string();
        if !known.contains(&name.as_str()) {
            let known = known.join(", ");
            let message = format!("`{filter}` has no argument `{name}`: there are {known}");
            return Err(Error::message(message));
        }
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    let mut into = Vec::with_capacity(text.len());
    // Writing to memory cannot fail, and what is escaped is UTF-8 still.
    let _ = escape::html(text, &mut into);
    String::from_utf8(into).unwrap_or_default()
}
