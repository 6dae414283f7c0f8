//! Settings from `harmonious.toml` and `site.toml`: one key for each setting, named as its flag.

use std::fs;
use std::io;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layers::{Given, Origin, bad};
use super::names::did_you_mean;
use super::table::{SETTINGS, Setting, find};
use crate::failure::Failure;

/// The file in the folder of a site.
pub const NAME: &str = "harmonious.toml";

/// What a file says: the one that was named, or else the one in the folder, if there is one.
///
/// # Errors
/// A file that cannot be read, is no TOML, or has a key that is no setting.
pub fn from_file(named: Option<&Path>, dir: &Path) -> Result<Vec<Given>, Failure> {
    let path = named.map_or_else(|| dir.join(NAME), Path::to_owned);
    read(&path, named.is_some(), |_| false)
}

/// What the file of a site says of the server: every key that is not the site's own.
///
/// # Errors
/// As [`from_file`].
pub fn from_site(path: &Path, is_own: fn(&str) -> bool) -> Result<Vec<Given>, Failure> {
    read(path, false, is_own)
}

fn read(path: &Path, must_be: bool, is_own: fn(&str) -> bool) -> Result<Vec<Given>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text, is_own),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be => Ok(Vec::new()),
        Err(error) => Err(Failure::Usage(format!(
            "cannot read the settings in {}: {error}",
            path.display()
        ))),
    }
}

fn parse(path: &Path, text: &str, is_own: fn(&str) -> bool) -> Result<Vec<Given>, Failure> {
    let origin = |at: usize| Origin::File {
        path: path.to_owned(),
        line: 1 + text
            .as_bytes()
            .iter()
            .take(at)
            .filter(|b| **b == b'\n')
            .count(),
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = origin(error.span().map_or(0, |span| span.start));
        Failure::Usage(format!("{at}: {}", error.message().trim()))
    })?;
    let mut layer: Vec<Given> = Vec::new();
    let given = table.get_ref().iter();
    for (key, value) in given.filter(|(key, _)| !is_own(key.get_ref())) {
        let origin = origin(key.span().start);
        let name = key.get_ref();
        let setting = find(name).ok_or_else(|| unknown(name, &origin))?;
        layer.push(Given {
            setting,
            values: values(setting, value, &origin)?,
            origin,
        });
    }
    Ok(layer)
}

fn unknown(name: &str, origin: &Origin) -> Failure {
    let known = SETTINGS.iter().map(|setting| setting.name);
    Failure::Usage(format!(
        "no setting {name:?} (from {origin}): {}",
        did_you_mean(name, known)
    ))
}

fn values(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
    origin: &Origin,
) -> Result<Vec<String>, Failure> {
    let items = match value.get_ref() {
        DeValue::Array(items) if setting.is_list() => items.iter().map(word).collect(),
        _ => word(value).map(|word| vec![word]),
    };
    items.ok_or_else(|| {
        let allowed = match setting.is_list() {
            true => "a text or a list of texts",
            false => "a text or a number",
        };
        bad(setting.name, kind(value.get_ref()), origin, allowed)
    })
}

/// The value as it would stand on the command line.
fn word(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(true) => Some("on".to_owned()),
        DeValue::Boolean(false) => Some("off".to_owned()),
        _ => None,
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Float(_) => "a number with a point",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        _ => "a value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str, usize)], &str>) {
        let found = parse(Path::new("h.toml"), text, |_| false).map(|layer| {
            let line = |given: &Given| match given.origin {
                Origin::File { line, .. } => line,
                _ => 0,
            };
            let mut rows: Vec<_> = layer
                .iter()
                .map(|given| (given.setting.name, given.values.join(","), line(given)))
                .collect();
            rows.sort_by_key(|(_, _, line)| *line);
            rows
        });
        let expected = expected
            .map(|rows| {
                rows.iter()
                    .map(|(n, v, l)| (*n, (*v).to_owned(), *l))
                    .collect()
            })
            .map_err(|message| Failure::Usage(message.to_owned()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn keys_are_settings_with_their_lines() {
        check("", Ok(&[]));
        check(
            "# mine\nqueue-wait = \"1s\"\n\nstart = 6\naccess-log = false\nlisten = [\"a\", \"b\"]",
            Ok(&[
                ("queue-wait", "1s", 2),
                ("start", "6", 4),
                ("access-log", "off", 5),
                ("listen", "a,b", 6),
            ]),
        );
    }

    #[test]
    fn whatever_is_no_setting_is_refused_with_its_line() {
        check(
            "\nqueue_wait = \"1s\"",
            Err("no setting \"queue_wait\" (from h.toml:2): did you mean queue-wait?"),
        );
        check(
            "start = 1.5",
            Err("start is \"a number with a point\" (from h.toml:1): \
                 allowed is a text or a number"),
        );
        check(
            "start = [1]",
            Err("start is \"a list\" (from h.toml:1): allowed is a text or a number"),
        );
        check("start = 4\n\nstart = 5", Err("h.toml:3: duplicate key"));
    }

    #[test]
    fn a_file_is_needed_only_if_it_was_named() {
        let nowhere = Path::new("no-such-folder");
        assert!(from_file(None, nowhere).unwrap().is_empty());
        assert!(from_file(Some(&nowhere.join("x.toml")), nowhere).is_err());
    }
}
