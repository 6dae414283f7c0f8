//! Reading one catalogue: a file of TOML whose tables are the parts of keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::CATALOGUE_BYTES_MAX;
use crate::error::LocaleError;
use crate::plural::{Plural, Rules};
use crate::text::{Forms, Pattern, Text};

/// The texts of a catalogue by key, in the order of keys.
pub(crate) type Texts = BTreeMap<String, Text>;

/// The text of the file.
pub(crate) fn load(file: &Path) -> Result<String, LocaleError> {
    let failed = |error: io::Error| LocaleError::File {
        file: file.to_owned(),
        what: format!("cannot be read: {error}"),
        advice: "make it a readable file of UTF-8 text, or remove it".to_owned(),
    };
    let mut text = String::new();
    let opened = File::open(file).map_err(failed)?;
    let read = opened
        .take(CATALOGUE_BYTES_MAX + 1)
        .read_to_string(&mut text);
    read.map_err(failed)?;
    if text.len() as u64 > CATALOGUE_BYTES_MAX {
        let mib = CATALOGUE_BYTES_MAX / (1024 * 1024);
        return Err(failed(io::Error::other(format!(
            "it is longer than {mib} MiB"
        ))));
    }
    Ok(text)
}

/// Its texts, for a language with these rules.
pub(crate) fn texts(file: &Path, text: &str, rules: Rules) -> Result<Texts, Vec<LocaleError>> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let what = error.message().lines().next().unwrap_or_default();
        vec![LocaleError::Line {
            file: file.to_owned(),
            line: lines.of_offset(at),
            what: format!("this is no TOML: {what}"),
            advice: "write key = \"text\", or [table] above keys".to_owned(),
        }]
    })?;
    let mut reading = Reading {
        file: file.to_owned(),
        lines,
        rules,
        texts: Texts::new(),
        wrong: Vec::new(),
    };
    reading.table("", table.get_ref());
    match reading.wrong.is_empty() {
        true => Ok(reading.texts),
        false => Err(reading.wrong),
    }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, c)| *c == b'\n');
        Lines(ends.map(|(at, _)| at).collect())
    }

    fn of_offset(&self, offset: usize) -> u32 {
        let before = self.0.partition_point(|end| *end < offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

struct Reading {
    file: PathBuf,
    lines: Lines,
    rules: Rules,
    texts: Texts,
    wrong: Vec<LocaleError>,
}

impl Reading {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let (at, part) = (name.span().start, name.get_ref());
            let is_part = !part.is_empty() && !part.contains(|c: char| c == '.' || c.is_control());
            if !is_part {
                let what =
                    format!("the key {part:?} is empty, or has a dot or a control character");
                self.wrong(
                    at,
                    what,
                    "a dot separates tables: write [a] above b, or a.b without quotes",
                );
                continue;
            }
            let key = match prefix {
                "" => part.clone().into_owned(),
                prefix => format!("{prefix}.{part}"),
            };
            self.value(key, at, value);
        }
    }

    fn value(&mut self, key: String, at: usize, value: &Spanned<DeValue<'_>>) {
        let forms = match value.get_ref() {
            DeValue::String(text) => self.pattern(&key, at, text).map(Forms::Always),
            DeValue::Table(table) if has_forms(table) => self
                .forms(&key, at, table)
                .map(|forms| Forms::ByCount(Box::new(forms))),
            DeValue::Table(table) => return self.table(&key, table),
            other => {
                let what = format!("`{key}` is of the type {}, not a text", other.type_str());
                self.wrong(at, what, "write it in quotes");
                None
            }
        };
        if let Some(forms) = forms {
            let line = self.lines.of_offset(at);
            self.texts.insert(key, Text { forms, line });
        }
    }

    fn pattern(&mut self, key: &str, at: usize, text: &str) -> Option<Pattern> {
        match Pattern::parse(text) {
            Ok(pattern) => Some(pattern),
            Err((what, advice)) => {
                self.wrong(at, format!("`{key}`: {what}"), advice);
                None
            }
        }
    }

    fn forms(
        &mut self,
        key: &str,
        at: usize,
        table: &DeTable<'_>,
    ) -> Option<[Option<Pattern>; Plural::ALL.len()]> {
        let before = self.wrong.len();
        let (allowed, needed) = (self.rules.allowed(), self.rules.needed());
        let mut forms = [const { None }; Plural::ALL.len()];
        let mut others = Vec::new();
        for (name, value) in table {
            let form = Plural::named(name.get_ref()).filter(|form| allowed.contains(form));
            match (form, value.get_ref()) {
                (Some(form), DeValue::String(text)) => {
                    forms[form as usize] = self.pattern(key, name.span().start, text);
                }
                (Some(form), _) => {
                    let what = format!("`{key}.{}` is not a text", form.name());
                    self.wrong(name.span().start, what, "write it in quotes");
                }
                (None, _) => others.push((name.span().start, name.get_ref().as_ref())),
            }
        }
        if let Some((at, _)) = others.iter().min() {
            let names_of: Vec<&str> = others.iter().map(|(_, name)| *name).collect();
            let what = format!(
                "`{key}` is a text with plural forms, since it has `one` or `other`, and `{}` is no plural form \
                 of this language",
                names_of.join("`, `")
            );
            let advice = format!(
                "its forms are {}; if it is a table of texts, call those that are named as forms otherwise",
                names(allowed)
            );
            self.wrong(*at, what, &advice);
        }
        let has = |form: &&Plural| table.keys().any(|name| name.get_ref() == form.name());
        let missing: Vec<Plural> = needed.iter().filter(|form| !has(form)).copied().collect();
        if !missing.is_empty() {
            let what = format!("`{key}` lacks the plural form {}", names(&missing));
            self.wrong(at, what, &format!("write {} of it", names(needed)));
        }
        (self.wrong.len() == before).then_some(forms)
    }

    fn wrong(&mut self, at: usize, what: String, advice: &str) {
        self.wrong.push(LocaleError::Line {
            file: self.file.clone(),
            line: self.lines.of_offset(at),
            what,
            advice: advice.to_owned(),
        });
    }
}

/// Whether a table is one text with its plural forms, not a table of texts: every text with forms has `other`,
/// and `one` is looked for because a slip in `other` is told then.
fn has_forms(table: &DeTable<'_>) -> bool {
    let mut names = table.keys().map(|name| name.get_ref().as_ref());
    names.any(|name| name == Plural::One.name() || name == Plural::Other.name())
}

fn names(forms: &[Plural]) -> String {
    let names: Vec<&str> = forms.iter().map(|form| form.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str, text: &str) -> Result<Texts, String> {
        let texts = texts(Path::new("locales/x.toml"), text, Rules::of(code));
        texts.map_err(|wrong| wrong.iter().map(|wrong| format!("{wrong}\n")).collect())
    }

    #[test]
    fn tables_and_dots_make_keys() {
        let texts = read(
            "en",
            "a = \"A\"\nb.c = '''\nB'''\n[d.e]\n\"f/g\" = \"{x}\"\nn = { one = \"1\", other = \"{n} {y}\" }\n\
             [d.h]\none = \"h\"\nother = \"h\"\n",
        )
        .unwrap();
        let keys: Vec<(&str, u32)> = texts
            .iter()
            .map(|(key, text)| (&**key, text.line))
            .collect();
        assert_eq!(
            keys,
            [
                ("a", 1),
                ("b.c", 2),
                ("d.e.f/g", 5),
                ("d.e.n", 6),
                ("d.h", 7)
            ]
        );
        assert_eq!(Vec::from_iter(texts["d.e.n"].places()), ["n", "y"]);
        assert_eq!(Vec::from_iter(texts["d.h"].places()), ["n"]);
        assert!(texts["a"].places().is_empty());
    }

    #[track_caller]
    fn refused(code: &str, text: &str, expected: &str) {
        let wrong = read(code, text).unwrap_err();
        assert!(wrong.contains(expected), "{wrong}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        refused("en", "\na = \"", "locales/x.toml:2: this is no TOML");
        refused("en", "a = 1\na = 2", "locales/x.toml:2: this is no TOML");
        refused(
            "en",
            "\n\na = 1",
            "locales/x.toml:3: `a` is of the type integer, not a text: write it in quotes",
        );
        refused("en", "a = [\"x\"]", "of the type array");
        refused("en", "\"a.b\" = \"x\"", "x.toml:1: the key \"a.b\"");
        refused("en", "\n[t]\na = \"{\"", "x.toml:3: `t.a`: `{` is no place");
        refused(
            "en",
            "a = { one = \"x\" }",
            "x.toml:1: `a` lacks the plural form other: write one, other of it",
        );
        refused(
            "pl",
            "a = { one = \"x\", other = \"x\" }",
            "lacks the plural form few, many",
        );
        refused(
            "en",
            "a = { one = \"x\", few = \"x\", other = \"x\" }",
            "and `few` is no plural form",
        );
        refused(
            "en",
            "a = { one = \"x\", othr = \"x\" }",
            "and `othr` is no plural form of this language",
        );
        refused(
            "en",
            "a = { one = \"x\", other = { x = \"x\" } }",
            "`a.other` is not a text",
        );
        refused(
            "ja",
            "a = { one = \"x\", other = \"x\" }",
            "its forms are other;",
        );
        // A table of texts may have keys that are called so.
        assert_eq!(
            read("en", "[a]\nfew = \"x\"\nmany = \"x\"\nb = \"x\"")
                .unwrap()
                .len(),
            3
        );
        assert!(read("fr", "a = { one = \"x\", many = \"x\", other = \"x\" }").is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = read("en", "a = 1\nb = \"}\"\nc = \"\"\n").unwrap_err();
        assert_eq!(wrong.lines().count(), 2, "{wrong}");
    }
}
