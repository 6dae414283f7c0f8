//! `domain.toml`: what a folder says of itself.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declare::Fault;
use super::model::{DomainLimits, HostKey, HostTable};
use super::names::nearest;
use super::units::{byte_size, duration};

const KEYS: [&str; 3] = ["allow_dot", "database", "limits"];
const LIMITS: [&str; 2] = ["time-limit", "max-body"];

/// What a `domain.toml` sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) allow_dot: Vec<String>,
    pub(super) limits: DomainLimits,
    /// `[database]`: of no meaning here, see [`HostTable`].
    pub(super) database: Option<HostTable>,
}

/// Reads it. All faults at once.
pub(super) fn read(text: &str) -> (Settings, Vec<Fault>) {
    let mut reader = Reader {
        text,
        settings: Settings::default(),
        faults: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => reader.table(table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().to_owned();
            reader.fault(at, what, "write it as TOML");
        }
    }
    (reader.settings, reader.faults)
}

struct Reader<'t> {
    text: &'t str,
    settings: Settings,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("allow_dot", DeValue::Array(names)) => {
                    names.iter().for_each(|name| self.allow_dot(name));
                }
                ("allow_dot", _) => self.fault(
                    value.span().start,
                    "`allow_dot` is not a list",
                    "write names in brackets, such as [\".well-known\"]",
                ),
                ("limits", DeValue::Table(limits)) => self.limits(limits),
                ("limits", _) => self.fault(
                    value.span().start,
                    "`limits` is not a table",
                    "write `[limits]` and under it `time-limit` and `max-body`",
                ),
                ("database", DeValue::Table(keys)) => {
                    self.settings.database = Some(self.host_table(key.span().start, keys));
                }
                ("database", _) => self.fault(
                    value.span().start,
                    "`database` is not a table",
                    "write `[database]`, and its keys under it",
                ),
                (other, _) => self.unknown(key.span().start, other, &KEYS),
            }
        }
    }

    fn allow_dot(&mut self, name: &Spanned<DeValue<'_>>) {
        match name.get_ref().as_str() {
            Some(text) if text.starts_with('.') && text != "." && text != ".." && !text.contains('/') => {
                self.settings.allow_dot.push(text.to_owned());
            }
            _ => self.fault(
                name.span().start,
                "`allow_dot` has something that is not a name with a dot in front",
                "write names of this folder, such as [\".well-known\"]; names with `_` are never URLs",
            ),
        }
    }

    fn limits(&mut self, limits: &DeTable<'_>) {
        for (key, value) in limits {
            let at = value.span().start;
            match key.get_ref().as_ref() {
                "time-limit" => match time_limit(value.get_ref()) {
                    Some(limit) => self.settings.limits.time_limit = Some(limit),
                    None => self.fault(
                        at,
                        "`time-limit` is not a duration",
                        "write one such as \"5s\" or \"1m 30s\"",
                    ),
                },
                "max-body" => match max_body(value.get_ref()) {
                    Some(bytes) => self.settings.limits.max_body = Some(bytes),
                    None => self.fault(
                        at,
                        "`max-body` is not a size",
                        "write one such as \"1MiB\", or a number of bytes",
                    ),
                },
                other => self.unknown(key.span().start, other, &LIMITS),
            }
        }
    }

    /// A table as it stands there; the server around us says what it means.
    fn host_table(&self, at: usize, table: &DeTable<'_>) -> HostTable {
        let key = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| HostKey {
            name: AsRef::<str>::as_ref(name.get_ref()).to_owned(),
            value: json(value.get_ref()),
            line: self.place(name.span().start).0,
        };
        HostTable {
            line: self.place(at).0,
            keys: table.iter().map(key).collect(),
        }
    }

    fn unknown(&mut self, at: usize, key: &str, known: &[&str]) {
        let what = format!("unknown key `{key}`");
        let advice = format!(
            "did you mean `{}`? there are {}",
            nearest(key, known),
            known.join(", ")
        );
        self.fault(at, what, &advice);
    }

    fn fault(&mut self, at: usize, what: impl Into<String>, advice: &str) {
        let (line, column) = self.place(at);
        self.faults.push(Fault {
            what: what.into(),
            advice: advice.to_owned(),
            line,
            column,
        });
    }

    /// Line and column of a byte, from 1.
    fn place(&self, at: usize) -> (u32, u32) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let line_starts = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = before.len() - line_starts + 1;
        (
            u32::try_from(line).unwrap_or(0),
            u32::try_from(column).unwrap_or(0),
        )
    }
}

/// A value as JSON has it; what JSON has not is a text.
fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => number.as_str().into(),
        },
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let name = |name: &Spanned<_>| AsRef::<str>::as_ref(name.get_ref()).to_owned();
            let items = table.iter();
            let items = items.map(|(key, value)| (name(key), json(value.get_ref())));
            serde_json::Value::Object(items.collect())
        }
        DeValue::String(text) => (**text).into(),
        DeValue::Float(number) => number.as_str().into(),
        DeValue::Datetime(moment) => moment.to_string().into(),
    }
}

fn time_limit(value: &DeValue<'_>) -> Option<Duration> {
    duration(value.as_str()?)
}

fn max_body(value: &DeValue<'_>) -> Option<u64> {
    match value {
        DeValue::Integer(bytes) => u64::from_str_radix(bytes.as_str(), bytes.radix()).ok(),
        value => byte_size(value.as_str()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_keys_names_them_all() {
        let page = include_str!("../../sdk/README.md");
        let (_, block) = page.split_once("```toml\n# domain.toml,").unwrap();
        let (_, text) = block.split_once('\n').unwrap();
        let text = text.split("\n```").next().unwrap();
        let (settings, faults) = read(text);
        assert!(faults.is_empty(), "{text}");
        let table: toml::Table = text.parse().unwrap();
        for key in KEYS {
            assert!(table.contains_key(key), "{key}");
        }
        for key in LIMITS {
            assert!(
                table["limits"].as_table().unwrap().contains_key(key),
                "{key}"
            );
        }
        assert!(settings.database.is_some());
    }
}
