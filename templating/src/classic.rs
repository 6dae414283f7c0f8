//! The classic syntax of `.tpl` files, translated into the engine's.
//!
//! | classic | engine |
//! |---|---|
//! | `{NAME}`, `{user.name}`, `{list.0}` | `{{ NAME }}`, `{{ user.name }}`, `{{ list[0] }}` |
//! | `{IF A == "x" AND NOT b} .. {ELSE} .. {!IF}` | `{% if A == "x" and not b %} .. {% else %} .. {% endif %}` |
//! | `{LOOP ROWS} {ROWS.current} {!LOOP}` | a `for` in which `ROWS` is a map of `current`, `first`, `last`, `index` (from 1) |
//! | `{IMPORT header.tpl}` | `{% include "header.tpl" %}` |
//! | `{T cart.things n=COUNT}` | `{{ t(key="cart.things", n=COUNT) }}` |
//!
//! Every other brace is text, the engine's own tags too. In `script` and `style` elements only names
//! in capitals are variables, and `${NAME}` is JavaScript's. A backslash before a tag makes it text.

mod condition;
mod markup;
mod tags;

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use crate::config::NESTING_MAX;
use crate::error::TemplateError;
use crate::origin::{Origin, Rewrite};
use crate::source::place;
pub(crate) use tags::path_length;
use tags::{Found, Tag};

/// What is wrong with a text in the classic syntax, and at which byte.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Offset in the text.
    pub at: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Wrong {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Wrong {
        Wrong {
            at,
            message: message.into(),
        }
    }
}

/// The Tera form of a text in the classic syntax; `file` is named by the error.
///
/// ```
/// let tera = harmonious_templating::convert("page.tpl".as_ref(), "{IF A}{A}{!IF}")?;
/// assert_eq!(tera, "{% if A %}{{ A }}{% endif %}");
/// # Ok::<(), harmonious_templating::TemplateError>(())
/// ```
///
/// # Errors
/// [`TemplateError::Syntax`]: a tag that is not closed, or that is no tag.
pub fn convert(file: &Path, text: &str) -> Result<String, TemplateError> {
    let wrong = |wrong: Wrong| TemplateError::Syntax {
        place: place(file, text, wrong.at),
        message: wrong.message,
    };
    classic(text).map(|(text, _)| text).map_err(wrong)
}

/// The engine's form of a file, or nothing if the file is in that form already.
pub(crate) fn translate(name: &str, text: &str) -> Result<Option<(String, Origin)>, Wrong> {
    if name.ends_with(".tpl") {
        classic(text).map(Some)
    } else {
        Ok(None)
    }
}

fn classic(text: &str) -> Result<(String, Origin), Wrong> {
    let mut translation = Translation {
        text,
        out: Rewrite::new(text),
        open: Vec::new(),
        loops: 0,
    };
    let mut done = 0;
    for found in tags::find(text)? {
        translation.literal(done..found.at.start, true);
        done = found.at.end;
        translation.tag(found)?;
    }
    translation.literal(done..text.len(), false);
    match translation.open.pop() {
        None => Ok(translation.out.finish()),
        Some(open) => Err(Wrong::new(open.at, open.unclosed())),
    }
}

struct Translation<'t> {
    text: &'t str,
    out: Rewrite<'t>,
    open: Vec<Open<'t>>,
    loops: usize,
}

/// A tag that is not closed yet.
struct Open<'t> {
    at: usize,
    kind: Kind<'t>,
}

enum Kind<'t> {
    If { has_else: bool },
    Loop(Loop<'t>),
}

/// An open loop, for the names in it.
struct Loop<'t> {
    /// What is iterated, as it is written.
    name: &'t str,
    /// The variable that holds `current` and so on: the name itself, or, since a dotted name cannot
    /// be set, one of ours.
    variable: Cow<'t, str>,
}

impl Open<'_> {
    fn unclosed(&self) -> String {
        match &self.kind {
            Kind::If { .. } => "this {IF} is not closed: add {!IF}".to_owned(),
            Kind::Loop(open) => {
                format!("this {{LOOP {}}} is not closed: add {{!LOOP}}", open.name)
            }
        }
    }
}

impl<'t> Translation<'t> {
    /// Text between tags; the engine's openings are shielded from it. If a tag follows, a brace at
    /// the end would join it.
    fn literal(&mut self, range: Range<usize>, tag_follows: bool) {
        let bytes = self.text.as_bytes();
        let (mut kept, mut at) = (range.start, range.start);
        while at < range.end {
            let length = match bytes[at..range.end] {
                [b'{', b'{' | b'%' | b'#', ..] => 2,
                [b'{'] if tag_follows => 1,
                _ => 0,
            };
            if length > 0 {
                self.out.keep(kept..at);
                self.out.put(at, "{% raw %}");
                self.out.keep(at..at + length);
                self.out.put(at + length, "{% endraw %}");
                kept = at + length;
            }
            at += length.max(1);
        }
        self.out.keep(kept..range.end);
    }

    fn tag(&mut self, Found { at, tag }: Found) -> Result<(), Wrong> {
        match tag {
            Tag::Value(path) => self.around(at.start, "{{ ", path, " }}"),
            Tag::Text(range) => self.literal(range, false),
            Tag::Import(name) => {
                self.out.put(at.start, "{% include ");
                self.out.put(name.start, "\"");
                self.out.keep(name.clone());
                self.out.put(name.end, "\" %}");
            }
            Tag::Say(key, values) => {
                self.out.put(at.start, "{{ t(key=\"");
                self.out.keep(key.clone());
                self.out.put(key.end, "\"");
                for (name, value) in values {
                    self.out.put(name.start, ", ");
                    self.out.keep(name.clone());
                    self.out.put(name.end, "=");
                    self.path(value);
                }
                self.out.put(at.end, ") }}");
            }
            Tag::If(range) => {
                self.out.put(at.start, "{% if ");
                self.condition(range.clone())?;
                self.out.put(range.end, " %}");
                self.open(at.start, Kind::If { has_else: false })?;
            }
            Tag::Else => self.else_(at.start)?,
            Tag::EndIf => self.end_if(at.start)?,
            Tag::Loop(name) => self.begin_loop(at.start, name)?,
            Tag::EndLoop => self.end_loop(at.start)?,
        }
        Ok(())
    }

    fn open(&mut self, at: usize, kind: Kind<'t>) -> Result<(), Wrong> {
        if self.open.len() == NESTING_MAX {
            let message = format!("{{IF}} and {{LOOP}} nest more than {NESTING_MAX} deep");
            return Err(Wrong::new(at, message));
        }
        self.open.push(Open { at, kind });
        Ok(())
    }

    fn around(&mut self, at: usize, before: &str, path: Range<usize>, after: &str) {
        self.out.put(at, before);
        self.path(path.clone());
        self.out.put(path.end, after);
    }

    fn condition(&mut self, range: Range<usize>) -> Result<(), Wrong> {
        for (index, token) in condition::tokens(self.text, range)?.into_iter().enumerate() {
            if index > 0 {
                self.out.put(token.at.start, " ");
            }
            match token.put {
                _ if token.is_path => self.path(token.at),
                Some(put) => self.out.put(token.at.start, &put),
                None => self.out.keep(token.at),
            }
        }
        Ok(())
    }

    /// A dotted name: that of an open loop is its variable, a number is an index.
    fn path(&mut self, range: Range<usize>) {
        let written = &self.text[range.clone()];
        let renamed = self.loops().rev().find_map(|open| {
            let rest = written.strip_prefix(open.name)?.strip_prefix('.')?;
            let part = rest.split('.').next()?;
            let is_part = ["current", "first", "last", "index"].contains(&part);
            is_part.then(|| (open.variable.clone(), rest))
        });
        match renamed {
            Some((variable, rest)) if variable.starts_with("__") => {
                let path = format!("{variable}.{rest}");
                self.out.put(range.start, &indexed(&path));
            }
            _ if indexed(written) != written => self.out.put(range.start, &indexed(written)),
            _ => self.out.keep(range),
        }
    }

    fn loops(&self) -> impl DoubleEndedIterator<Item = &Loop<'t>> {
        self.open.iter().filter_map(|open| match &open.kind {
            Kind::Loop(open) => Some(open),
            Kind::If { .. } => None,
        })
    }

    fn else_(&mut self, at: usize) -> Result<(), Wrong> {
        match self.open.last_mut() {
            Some(Open {
                kind: Kind::If { has_else },
                ..
            }) if !*has_else => {
                *has_else = true;
                self.out.put(at, "{% else %}");
                Ok(())
            }
            Some(Open {
                kind: Kind::If { .. },
                ..
            }) => Err(Wrong::new(at, "a second {ELSE} in one {IF}")),
            _ => Err(Wrong::new(at, "an {ELSE} that is in no {IF}")),
        }
    }

    fn end_if(&mut self, at: usize) -> Result<(), Wrong> {
        match self.open.pop() {
            Some(Open {
                kind: Kind::If { .. },
                ..
            }) => {
                self.out.put(at, "{% endif %}");
                Ok(())
            }
            Some(open) => Err(Wrong::new(open.at, open.unclosed())),
            None => Err(Wrong::new(at, "an {!IF} that closes no {IF}")),
        }
    }

    fn begin_loop(&mut self, at: usize, name: Range<usize>) -> Result<(), Wrong> {
        let written = &self.text[name.clone()];
        if self.loops().any(|open| open.name == written) {
            return Err(Wrong::new(
                at,
                format!(
                    "a {{LOOP {written}}} within a {{LOOP {written}}}: its parts could not be told apart"
                ),
            ));
        }
        self.loops += 1;
        let number = self.loops;
        let variable = match written.contains('.') {
            true => Cow::Owned(format!("__loop{number}")),
            false => Cow::Borrowed(written),
        };
        self.around(
            at,
            &format!("{{% for __item{number} in "),
            name.clone(),
            " %}",
        );
        self.out.put(
            at,
            &format!(
                "{{% set {variable} = {{\"current\": __item{number}, \"first\": loop.first, \
                 \"last\": loop.last, \"index\": loop.index}} %}}"
            ),
        );
        let name = written;
        self.open(at, Kind::Loop(Loop { name, variable }))
    }

    fn end_loop(&mut self, at: usize) -> Result<(), Wrong> {
        match self.open.pop() {
            Some(Open {
                kind: Kind::Loop(_),
                ..
            }) => {
                self.out.put(at, "{% endfor %}");
                Ok(())
            }
            Some(open) => Err(Wrong::new(open.at, open.unclosed())),
            None => Err(Wrong::new(at, "a {!LOOP} that closes no {LOOP}")),
        }
    }
}

/// `a.0.b` is `a[0].b`.
fn indexed(path: &str) -> Cow<'_, str> {
    let is_number = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    if !path.split('.').any(is_number) {
        return Cow::Borrowed(path);
    }
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or("").to_owned();
    Cow::Owned(parts.fold(first, |path, part| match is_number(part) {
        true => format!("{path}[{part}]"),
        false => format!("{path}.{part}"),
    }))
}
