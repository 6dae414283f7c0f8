//! A visitor's language: texts in it, filled in.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::catalogues::{Catalogue, Catalogues, OWN_NAME};
use crate::plural::Count;
use crate::text::{COUNT, Piece};

/// The catalogues, and which language of them a visitor gets. Cheap to clone.
#[derive(Clone)]
pub struct Speech {
    catalogues: Arc<Catalogues>,
    language: usize,
}

/// A language, as it is offered to visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language<'s> {
    /// `fr`
    pub code: &'s str,
    /// What it calls itself, the text `language.name` of its catalogue; its code if there is none.
    pub name: &'s str,
    /// Whether it is the visitor's.
    pub current: bool,
}

/// A text, filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// Values that it needs and was not given; their places are left as they are written.
    pub missing: Vec<String>,
}

/// Whether the text of a key is HTML: only what is put into its places is escaped.
///
/// ```
/// assert!(harmonious_locales::is_html("help.intro_html"));
/// ```
pub fn is_html(key: &str) -> bool {
    key.ends_with("_html")
}

impl Speech {
    pub(crate) fn new(catalogues: Arc<Catalogues>, language: usize) -> Speech {
        Speech {
            catalogues,
            language,
        }
    }

    /// The language of that code, or the default.
    pub fn of(catalogues: &Arc<Catalogues>, code: &str) -> Speech {
        let found = catalogues.all.iter().position(|one| one.code == code);
        Speech::new(Arc::clone(catalogues), found.unwrap_or(catalogues.default))
    }

    /// The code of the language, such as `fr` or `pt-BR`.
    pub fn code(&self) -> &str {
        let code = self.catalogue().map(|one| one.code.as_str());
        code.unwrap_or(self.catalogues.default_code())
    }

    /// All languages, in the order of their codes.
    pub fn languages(&self) -> impl Iterator<Item = Language<'_>> {
        let numbered = self.catalogues.all.iter().enumerate();
        numbered.map(|(index, one)| Language {
            code: &one.code,
            name: own_name(one).unwrap_or(&one.code),
            current: index == self.language,
        })
    }

    /// The catalogues.
    pub fn catalogues(&self) -> &Arc<Catalogues> {
        &self.catalogues
    }

    /// The text of a key, in the default language where this one has none; none if neither has. `count` decides
    /// on plural forms, `put` writes the value of a place and says whether there is one.
    pub fn say(
        &self,
        key: &str,
        count: Option<Count>,
        mut put: impl FnMut(&str, &mut String) -> bool,
    ) -> Option<Said> {
        let by_default = self.catalogues.all.get(self.catalogues.default);
        let candidates = self.catalogue().into_iter().chain(by_default);
        let (rules, text) = candidates
            .filter_map(|one| Some((one.rules, one.texts.get(key)?)))
            .next()?;
        let (pattern, lacks_count) = text.pattern(rules, count);
        let mut said = Said::default();
        if lacks_count {
            said.missing.push(COUNT.to_owned());
        }
        for piece in &pattern.0 {
            match piece {
                Piece::Words(words) => said.text.push_str(words),
                Piece::Place(name) if put(name, &mut said.text) => {}
                Piece::Place(name) => {
                    said.text.push_str(&format!("{{{name}}}"));
                    if !said.missing.iter().any(|missing| **missing == **name) {
                        said.missing.push(name.to_string());
                    }
                }
            }
        }
        Some(said)
    }

    /// As [`say`](Speech::say), with texts, numbers and truth values by name; `n` is the number that decides on
    /// plural forms. In the text of a key that ends with `_html` they are escaped as HTML.
    pub fn say_json(&self, key: &str, values: &Map<String, Value>) -> Option<Said> {
        let count = match values.get(COUNT) {
            Some(Value::Number(number)) => Some(Count::json(number)),
            _ => None,
        };
        self.say(key, count, |name, into| match values.get(name) {
            Some(Value::String(text)) if is_html(key) => {
                escape(text, into);
                true
            }
            Some(Value::String(text)) => {
                into.push_str(text);
                true
            }
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                into.push_str(&value.to_string());
                true
            }
            _ => false,
        })
    }

    fn catalogue(&self) -> Option<&Catalogue> {
        self.catalogues.all.get(self.language)
    }
}

/// Its language only: the texts are many.
impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Speech").field(&self.code()).finish()
    }
}

fn own_name(one: &Catalogue) -> Option<&str> {
    match one
        .texts
        .get(OWN_NAME)?
        .pattern(one.rules, None)
        .0
        .0
        .first()
    {
        Some(Piece::Words(name)) => Some(name),
        _ => None,
    }
}

/// The five characters that can end text or an attribute in HTML.
fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            c => into.push(c),
        }
    }
}
