//! The services `t` and `language` of a test: the site's own catalogues, read as a server reads them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use harmonious_locales::{Catalogues, Speech};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::services::{Running, encode};
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Say {
    key: String,
    values: Map<String, Value>,
}

/// The catalogues of that folder; the default is what the `site.toml` beside it says.
pub(super) fn read(dir: &Path) -> std::result::Result<Catalogues, String> {
    if !dir.is_dir() {
        let place = std::env::current_dir().unwrap_or_default();
        return Err(format!(
            "there is no folder {} in {}: name the folder of catalogues of the site",
            dir.display(),
            place.display()
        ));
    }
    let toml = fs::read_to_string(dir.join("../site.toml")).unwrap_or_default();
    let table: toml::Table = toml.parse().unwrap_or_default();
    let default = table
        .get("locales")
        .and_then(|locales| locales.get("default"));
    Catalogues::read(dir, default.and_then(toml::Value::as_str)).map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        wrong.join("\n")
    })
}

/// Answers a message. A text that is not there is an error, unlike on a server: the test should hear of it.
pub(super) fn answer(running: &Running<'_>, service: &str, message: &[u8]) -> Result<Vec<u8>> {
    let speech = speech(running);
    if service == "language" {
        return encode(speech.code());
    }
    let Say { key, values } = rmp_serde::from_slice(message)?;
    match speech.say_json(&key, &values) {
        Some(said) if said.missing.is_empty() => encode(&said.text),
        Some(said) => {
            running.say(&format!(
                "the text `{key}` needs {}",
                said.missing.join(", ")
            ));
            encode(&said.text)
        }
        None => Err(Error::internal(format!(
            "the test has no text `{key}`: Site::locales"
        ))),
    }
}

/// The language of whoever asks.
pub(super) fn speech(running: &Running<'_>) -> Speech {
    let none = || Arc::new(Catalogues::empty(None));
    let catalogues = running.site().locales.clone().unwrap_or_else(none);
    let cookies = running.headers("cookie");
    let chosen = cookies
        .iter()
        .flat_map(|line| cookie::Cookie::split_parse(*line));
    let chosen = chosen.flatten().find(|cookie| cookie.name() == "lang");
    let accepted = running.headers("accept-language").join(",");
    let chosen = chosen.as_ref().map(|cookie| cookie.value_trimmed());
    catalogues.choose(chosen, Some(&accepted))
}
