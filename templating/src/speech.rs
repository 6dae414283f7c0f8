//! The function `t`: a text of the catalogues in the language of the page that is rendered.

use std::cell::RefCell;

use harmonious_locales::{Count, Speech, is_html};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::escape::{self, Kind};

thread_local! {
    /// In what language the template on this thread is rendered.
    static SPOKEN: RefCell<Option<Speech>> = const { RefCell::new(None) };
}

/// Around one rendering.
pub(crate) struct Speaking {
    before: Option<Speech>,
}

impl Speaking {
    /// In this language; in none, `t` fails.
    pub fn begin(speech: Option<&Speech>) -> Speaking {
        let before = SPOKEN.replace(speech.cloned());
        Speaking { before }
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        SPOKEN.set(self.before.take());
    }
}

/// The place of a fragment, by what it depends on beside its template: other languages, and other texts, have
/// others.
pub(crate) fn place(of_template: [u8; 32]) -> [u8; 32] {
    SPOKEN.with_borrow(|speech| match speech {
        None => of_template,
        Some(speech) => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&of_template);
            hasher.update(&speech.catalogues().stamp().to_le_bytes());
            hasher.update(speech.code().as_bytes());
            *hasher.finalize().as_bytes()
        }
    })
}

/// Tells the engine; it must know it before it compiles.
pub(crate) fn register(engine: &mut Tera, kind: Kind) {
    engine.register_function("t", move |arguments: Kwargs, _: &State<'_>| {
        SPOKEN.with_borrow(|speech| match speech {
            Some(speech) => text(speech, kind, &arguments),
            None => Err(Error::message(
                "`t`: there are no catalogues around this template",
            )),
        })
    });
}

fn text(speech: &Speech, kind: Kind, arguments: &Kwargs) -> TeraResult<Value> {
    let key = arguments.must_get::<&str>("key")?;
    let count = arguments.get::<Value>("n")?.and_then(|n| count(&n));
    let is_html = is_html(key);
    let said = speech.say(key, count, |name, into| {
        match arguments.get::<Value>(name) {
            Ok(Some(value)) => put(&value, is_html, into),
            _ => false,
        }
    });
    let said = said.ok_or_else(|| {
        Error::message(format!(
            "`t`: no catalogue of locales/ has a text for `{key}`"
        ))
    })?;
    if !said.missing.is_empty() {
        let needed: Vec<String> = said
            .missing
            .iter()
            .map(|name| format!("{name}=.."))
            .collect();
        return Err(Error::message(format!(
            "`t`: the text needs {}, as text or number (n as a number)",
            needed.join(", ")
        )));
    }
    Ok(match is_html && kind == Kind::Html {
        true => Value::safe_string(&said.text),
        false => Value::from(said.text),
    })
}

fn count(n: &Value) -> Option<Count> {
    let whole = n.as_i128().map(Count::whole);
    whole.or_else(|| n.as_f64().map(Count::any))
}

/// Writes a text, a number or a truth value; says whether it is one.
fn put(value: &Value, is_html: bool, into: &mut String) -> bool {
    match value.as_str() {
        Some(text) if is_html && !value.is_safe() => {
            let mut escaped = Vec::with_capacity(text.len());
            // Writing to memory cannot fail, and what is escaped is UTF-8 still.
            let _ = escape::html(text, &mut escaped);
            into.push_str(&String::from_utf8(escaped).unwrap_or_default());
        }
        Some(text) => into.push_str(text),
        None if value.is_number() || value.is_bool() => into.push_str(&value.to_string()),
        None => return false,
    }
    true
}
