//! What a module says of itself, read from its source without building it: functions with our attributes,
//! and its `module!`.

use std::time::Duration;

use harmonious_abi::{kind, method};
use proc_macro2::{Delimiter, TokenStream};
use syn::Lit;

use super::config::{TASK_EVERY_MAX, TASK_EVERY_MIN};
use super::lint::Uses;
use super::model::{Broken, Declared, DeclaredEntry, Inherits, Literal, Task};
use super::names::nearest;
use super::tokens::{Item, ItemKind, Kind, Token, flatten, is_cfg_test, item, path};
use super::units::{byte_size, duration};
use crate::loader::config::PANICS_PER_MINUTE_MAX;

/// Attributes for functions: what they make, and for which methods.
const ATTRIBUTES: [(&str, u32, u32); 14] = [
    ("get", kind::HANDLER, method::GET),
    ("post", kind::HANDLER, method::POST),
    ("put", kind::HANDLER, method::PUT),
    ("patch", kind::HANDLER, method::PATCH),
    ("delete", kind::HANDLER, method::DELETE),
    ("head", kind::HANDLER, method::HEAD),
    ("options", kind::HANDLER, method::OPTIONS),
    ("handle", kind::HANDLER, 0),
    ("guard", kind::GUARD, 0),
    ("before", kind::BEFORE, 0),
    ("after", kind::AFTER, 0),
    ("export", kind::EXPORT, 0),
    ("error_page", kind::ERROR_PAGE, 0),
    ("task", kind::TASK, 0),
];

/// Something wrong in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) advice: String,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Reads a source into tokens.
///
/// # Errors
/// Where it cannot be read as Rust at all.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    match source.parse::<TokenStream>() {
        Ok(stream) => Ok(flatten(stream)),
        Err(error) => {
            let at = error.span().start();
            Err(Fault {
                what: "this is not Rust: a bracket, a quote or a character is out of place".into(),
                advice: "mend it here; the compiler says more".into(),
                line: u32::try_from(at.line).unwrap_or(0),
                column: u32::try_from(at.column + 1).unwrap_or(0),
            })
        }
    }
}

/// Reads what a module declares. All faults at once.
pub(super) fn declared(tokens: &[Token], uses: &Uses) -> (Declared, Vec<Fault>) {
    let mut reader = Reader {
        tokens,
        uses,
        declared: Declared::default(),
        faults: Vec::new(),
        module_line: None,
    };
    reader.level(0, tokens.len(), None);
    reader.doubles();
    (reader.declared, reader.faults)
}

impl Fault {
    fn new(token: &Token, what: impl Into<String>, advice: impl Into<String>) -> Fault {
        let column = token.span.start().column + 1;
        Fault {
            what: what.into(),
            advice: advice.into(),
            line: token.line(),
            column: u32::try_from(column).unwrap_or(0),
        }
    }
}

impl From<&Fault> for Broken {
    fn from(fault: &Fault) -> Broken {
        Broken {
            message: format!("{}: {}", fault.what, fault.advice),
            line: fault.line,
            column: fault.column,
        }
    }
}

struct Reader<'t> {
    tokens: &'t [Token],
    uses: &'t Uses,
    declared: Declared,
    faults: Vec<Fault>,
    /// Where `module!` stands.
    module_line: Option<u32>,
}

impl Reader<'_> {
    /// The items of one level; `inside` is the inline module that they are in.
    fn level(&mut self, mut at: usize, end: usize, inside: Option<&str>) {
        while at < end {
            let item = item(self.tokens, at, end);
            let is_test = |place: &(usize, usize)| is_cfg_test(self.tokens, *place);
            if !item.attributes.iter().any(is_test) {
                self.item(&item, inside);
            }
            // Never stays where it is, whatever the tokens are.
            at = item.end.max(at + 1);
        }
    }

    fn item(&mut self, item: &Item, inside: Option<&str>) {
        for place in &item.attributes {
            if let Some((name, kind, methods)) = self.ours(*place) {
                self.attribute(item, *place, (name, kind, methods), inside);
            }
        }
        match item.kind {
            ItemKind::Mod { name, body } => {
                let name = self.tokens[name].ident().map(ToString::to_string);
                self.level(body.0, body.1, name.as_deref());
            }
            ItemKind::Macro { name, open } if self.is_our_macro(item, name) => {
                self.module_macro(name, open, inside);
            }
            _ => {}
        }
    }

    /// Which of our attributes it is.
    fn ours(&self, (start, end): (usize, usize)) -> Option<(&'static str, u32, u32)> {
        let (words, _) = path(self.tokens, start, end)?;
        let name = self.our_name(words)?;
        ATTRIBUTES
            .iter()
            .find(|(known, ..)| *known == name)
            .copied()
    }

    /// The last word of a path that leads to the sdk: `get`, `harmonious::get`, or what `use` made of it.
    fn our_name(&self, words: Vec<String>) -> Option<String> {
        let mut words = self.uses.full(words);
        let name = words.pop()?;
        let from_sdk = words.first().is_none_or(|first| first == "harmonious");
        from_sdk.then_some(name)
    }

    fn is_our_macro(&self, item: &Item, name: usize) -> bool {
        let words = path(self.tokens, item.start, name + 1).map(|(words, _)| words);
        words.and_then(|words| self.our_name(words)).as_deref() == Some("module")
    }

    fn attribute(
        &mut self,
        item: &Item,
        place: (usize, usize),
        (attribute, kind, methods): (&str, u32, u32),
        inside: Option<&str>,
    ) {
        let at = &self.tokens[place.0];
        let ItemKind::Function { name } = item.kind else {
            let what = format!("`#[{attribute}]` stands on something that is not a function");
            self.faults.push(Fault::new(at, what, "put it on a `fn`"));
            return;
        };
        let name = self.tokens[name].ident().map(ToString::to_string);
        let name = name.unwrap_or_default();
        if let Some(inside) = inside {
            let what = format!("`#[{attribute}] fn {name}` is inside of `mod {inside}`");
            let advice = "write it at the top of the file: only there it is seen";
            self.faults.push(Fault::new(at, what, advice));
            return;
        }
        let methods = match attribute {
            "handle" => self.handle(place),
            _ => methods,
        };
        let every = match attribute {
            "task" => self.every(place, &name),
            _ => None,
        };
        self.declared.entries.push(DeclaredEntry {
            kind,
            methods,
            name,
            line: at.line(),
            doc: self.doc(item),
            every,
        });
    }

    /// The first line of an item's documentation that is not empty.
    fn doc(&self, item: &Item) -> String {
        let text = |(start, end): &(usize, usize)| {
            let is_doc = self.tokens[*start].is_word("doc") && start + 3 == *end;
            match self.value(start + 2)? {
                (Literal::Text(text), _) if is_doc => Some(text),
                _ => None,
            }
        };
        let lines: Vec<String> = item.attributes.iter().filter_map(text).collect();
        let lines = lines.join("\n");
        let first = lines.lines().map(str::trim).find(|line| !line.is_empty());
        first.unwrap_or_default().to_owned()
    }

    /// The interval of `#[task(every = "1h")]`.
    fn every(&mut self, (start, end): (usize, usize), name: &str) -> Option<Duration> {
        let opens = |at: &usize| self.tokens[*at].closes_at(Delimiter::Parenthesis);
        let open = (start..end).find(|at| opens(at).is_some())?;
        let (first, close) = (open + 1, opens(&open)?);
        if first == close {
            return None;
        }
        let token = &self.tokens[first];
        let wrong = |what: &str| {
            let advice = "write a duration from 1 s to 366 days, such as `#[task(every = \"1h\")]`";
            Fault::new(token, format!("the task `{name}`: {what}"), advice)
        };
        let value = match token.is_word("every") && self.tokens[first + 1].is('=') {
            true => self.value(first + 2),
            false => None,
        };
        let every = match value {
            Some((Literal::Text(text), at)) if at == close || self.tokens[at].is(',') => {
                duration(&text).filter(|every| (TASK_EVERY_MIN..=TASK_EVERY_MAX).contains(every))
            }
            _ => None,
        };
        let fault = match every {
            None => wrong("its interval cannot be read"),
            Some(_) if name == Task::START => {
                let what = "the task `start` runs at each start, and has no interval";
                Fault::new(
                    token,
                    what,
                    "write `#[task]`, or give the function another name",
                )
            }
            Some(_) => return every,
        };
        self.faults.push(fault);
        None
    }

    /// The methods of `#[handle(GET, POST)]`.
    fn handle(&mut self, (start, end): (usize, usize)) -> u32 {
        let known = method::ALL.map(|(_, name)| name);
        let mut methods = 0;
        let opens = |token: &Token| token.closes_at(Delimiter::Parenthesis).is_some();
        let arguments = self.tokens[start..end]
            .iter()
            .skip_while(|token| !opens(token));
        for token in arguments {
            let name = match &token.kind {
                Kind::Ident(ident) => ident.to_string(),
                Kind::Literal(literal) => literal.to_string().trim_matches('"').to_owned(),
                _ => continue,
            };
            match method::ALL.iter().find(|(_, known)| *known == name) {
                Some((bit, _)) => methods |= bit,
                None => {
                    let what = format!("`#[handle]` names the unknown method `{name}`");
                    let advice = format!(
                        "did you mean `{}`? there are {}",
                        nearest(&name, &known),
                        known.join(", ")
                    );
                    self.faults.push(Fault::new(token, what, advice));
                    return method::GET;
                }
            }
        }
        if methods == 0 {
            let advice = "name the methods, such as `#[handle(GET, POST)]`";
            let fault = Fault::new(&self.tokens[start], "`#[handle]` names no method", advice);
            self.faults.push(fault);
        }
        methods
    }

    /// One method, one handler; one name, one export.
    fn doubles(&mut self) {
        for (at, entry) in self.declared.entries.iter().enumerate() {
            let before = &self.declared.entries[..at];
            let both = |b: &&DeclaredEntry| match entry.kind {
                kind::HANDLER => b.methods & entry.methods != 0,
                kind => b.kind == kind && b.name == entry.name,
            };
            if let Some(other) = before.iter().find(both) {
                let what = match entry.kind {
                    kind::HANDLER => format!(
                        "`{}` and `{}` (line {}) both answer {}",
                        entry.name,
                        other.name,
                        other.line,
                        super::allow(entry.methods & other.methods)
                    ),
                    _ => format!("`{}` is there twice (line {})", entry.name, other.line),
                };
                self.faults.push(Fault {
                    what,
                    advice: "keep one of them".into(),
                    line: entry.line,
                    column: 1,
                });
            }
        }
    }

    fn module_macro(&mut self, name: usize, open: usize, inside: Option<&str>) {
        let token = &self.tokens[name];
        if inside.is_some() {
            let advice = "write it at the top of the file: only there it is seen";
            let fault = Fault::new(token, "`module!` is inside of a `mod`", advice);
            return self.faults.push(fault);
        }
        if let Some(line) = self.module_line {
            let what = format!("a second `module!` (the first is in line {line})");
            let fault = Fault::new(token, what, "write all keys into one");
            return self.faults.push(fault);
        }
        self.module_line = Some(token.line());
        let Kind::Open(_, end) = self.tokens[open].kind else {
            return;
        };
        let mut at = open + 1;
        while at < end {
            match self.key_value(at, end) {
                Ok(next) => at = next,
                Err(fault) => return self.faults.push(fault),
            }
        }
    }

    /// `key = value` and a comma; where the next one begins.
    fn key_value(&mut self, at: usize, end: usize) -> Result<usize, Fault> {
        let key_token = &self.tokens[at];
        let shape = |token: &Token| {
            let advice = "write `key = value` with commas between, such as `time_limit = \"5s\"`";
            Fault::new(token, "`module!` cannot be read here", advice)
        };
        let key = key_token.ident().ok_or_else(|| shape(key_token))?;
        let key = key.to_string();
        if !self.tokens[at + 1].is('=') || at + 2 >= end {
            return Err(shape(&self.tokens[at + 1]));
        }
        let (value, next) = self.value(at + 2).ok_or_else(|| {
            let what = format!("the value of `{key}` is no literal");
            let advice = "write a text, a number, true, false or a list of them in brackets";
            Fault::new(&self.tokens[at + 2], what, advice)
        })?;
        if next < end && !self.tokens[next].is(',') {
            return Err(shape(&self.tokens[next]));
        }
        if let Err((what, advice)) = self.set(&key, value) {
            self.faults.push(Fault::new(key_token, what, advice));
        }
        Ok(next + 1)
    }

    /// A literal here, and what comes after it.
    fn value(&self, at: usize) -> Option<(Literal, usize)> {
        let token = self.tokens.get(at)?;
        match &token.kind {
            Kind::Ident(ident) if ident == "true" => Some((Literal::Bool(true), at + 1)),
            Kind::Ident(ident) if ident == "false" => Some((Literal::Bool(false), at + 1)),
            Kind::Punct('-') => {
                let (value, next) = self.value(at + 1)?;
                match value {
                    Literal::Integer(n) => Some((Literal::Integer(-n), next)),
                    Literal::Float(n) => Some((Literal::Float(-n), next)),
                    _ => None,
                }
            }
            Kind::Literal(literal) => {
                let value = match Lit::new(literal.clone()) {
                    Lit::Str(text) => Literal::Text(text.value()),
                    Lit::Int(n) => Literal::Integer(n.base10_parse().ok()?),
                    Lit::Float(n) => Literal::Float(n.base10_parse().ok()?),
                    _ => return None,
                };
                Some((value, at + 1))
            }
            Kind::Open(Delimiter::Bracket, close) => {
                let mut values = Vec::new();
                let mut at = at + 1;
                while at < *close {
                    let (value, next) = self.value(at)?;
                    values.push(value);
                    if next < *close && !self.tokens[next].is(',') {
                        return None;
                    }
                    at = next + 1;
                }
                Some((Literal::List(values), close + 1))
            }
            _ => None,
        }
    }

    fn set(&mut self, key: &str, value: Literal) -> Result<(), (String, String)> {
        let wrong = |advice: &str| Err((format!("`{key}` has an unusable value"), advice.into()));
        match (key, &value) {
            ("inherits", _) => match inherits(&value) {
                Some(inherits) => self.declared.inherits = inherits,
                None => {
                    return wrong(
                        "write the name of a parent, a list of names in brackets, or \"none\" alone",
                    );
                }
            },
            ("time_limit", _) => match time_limit(&value) {
                Some(limit) => self.declared.time_limit = Some(limit),
                None => return wrong("write a duration such as \"5s\" or \"1m 30s\""),
            },
            ("max_body", _) => match max_body(&value) {
                Some(bytes) => self.declared.max_body = Some(bytes),
                None => return wrong("write a size such as \"1MiB\", or a number of bytes"),
            },
            ("panics_per_minute", Literal::Integer(n))
                if u32::try_from(*n).is_ok_and(|n| n <= PANICS_PER_MINUTE_MAX) =>
            {
                self.declared.panics_per_minute = u32::try_from(*n).ok();
            }
            ("panics_per_minute", _) => {
                return wrong("write a number from 0 (never answer 503) to 10000");
            }
            _ => {
                self.declared.other.insert(key.to_owned(), value);
            }
        }
        Ok(())
    }
}

fn inherits(value: &Literal) -> Option<Inherits> {
    let text = |value: &Literal| match value {
        Literal::Text(name) if !name.is_empty() => Some(name.clone()),
        _ => None,
    };
    match value {
        Literal::Text(none) if none == "none" => Some(Inherits::None),
        Literal::Text(_) => Some(Inherits::Named(vec![text(value)?])),
        Literal::List(names) => {
            let names: Vec<String> = names.iter().map(text).collect::<Option<_>>()?;
            let usable = !names.is_empty() && !names.iter().any(|name| name == "none");
            usable.then_some(Inherits::Named(names))
        }
        _ => None,
    }
}

fn time_limit(value: &Literal) -> Option<Duration> {
    match value {
        Literal::Text(text) => duration(text),
        _ => None,
    }
}

fn max_body(value: &Literal) -> Option<u64> {
    match value {
        Literal::Text(text) => byte_size(text),
        Literal::Integer(bytes) => u64::try_from(*bytes).ok(),
        _ => None,
    }
}
