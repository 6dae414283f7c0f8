//! `json`: a whole value as JSON.

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::wrong_kind;
use crate::escape::Kind;

/// In a `.json` file `{"tags": {{ tags | json }}}` is the value, quotes included. In other files the
/// text is escaped as any other: `data-tags="{{ tags | json }}"` is what a script should read.
pub(super) fn register(engine: &mut Tera, kind: Kind) {
    if kind == Kind::Json {
        engine.register_filter("json", |value: &Value, _: Kwargs, _: &State<'_>| {
            text(value).map(|text| Value::safe_string(&text))
        });
    } else {
        engine.register_filter("json", |value: &Value, _: Kwargs, _: &State<'_>| {
            text(value)
        });
    }
}

/// `<`, `>` and `&` are written as escapes too: `| json | safe` cannot end a `script` element.
fn text(value: &Value) -> TeraResult<String> {
    if value.is_undefined() {
        return Err(wrong_kind("a value", value));
    }
    let text = serde_json::to_string(value)
        .map_err(|_| Error::message("`json` was given a value that JSON cannot express"))?;
    Ok(text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026"))
}
