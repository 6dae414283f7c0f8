//! `highlight`: source text with classes for colours.

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::{only, wrong_kind};
use crate::escape::Kind;
use crate::highlight::{HighlightOptions, highlight};

/// `{{ code | highlight(language="bash") }}`; without a language that of the first line (`#!`);
/// `lines=true` makes each line a target, `#L12`; `id="a-"` makes it `#a-L12`. In `.html` it is
/// markup with classes, in files of other types the text.
pub(super) fn register(engine: &mut Tera, kind: Kind) {
    engine.register_filter(
        "highlight",
        move |code: &Value, arguments: Kwargs, _: &State<'_>| {
            only("highlight", &arguments, &["language", "lines", "id"])?;
            let text = code.as_str().ok_or_else(|| wrong_kind("string", code))?;
            let language = arguments.get::<&str>("language")?.unwrap_or("auto");
            let options = options(&arguments)?;
            Ok::<_, Error>(if kind == Kind::Html {
                Value::safe_string(&highlight(text, language, &options))
            } else {
                text.into()
            })
        },
    );
}

fn options(arguments: &Kwargs) -> TeraResult<HighlightOptions> {
    let lines = arguments.get::<bool>("lines")?.unwrap_or(false);
    let id = arguments.get::<&str>("id")?.unwrap_or("");
    let options = HighlightOptions::with_lines(id).ok_or_else(|| {
        Error::message(
            "`highlight` was given an id of other characters than letters, digits, - and _",
        )
    })?;
    Ok(HighlightOptions { lines, ..options })
}
