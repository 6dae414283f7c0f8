//! The services of a test: those that the dispatcher has, out of what the test gave, and the test's own.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use harmonious_abi::kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::{Parts, run};
use super::site::{Site, entries};
use crate::error::{Error, Result};
use crate::ffi::Services;

/// While a request of a test runs.
pub(super) struct Running<'s> {
    site: &'s Site,
    parts: &'s Parts,
    log: RefCell<Vec<String>>,
}

/// The message of `call`.
#[derive(Deserialize)]
struct Call {
    target: String,
    path: String,
    name: String,
    #[serde(deserialize_with = "bin")]
    args: Vec<u8>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct UrlFor {
    path: String,
    values: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Render {
    name: String,
    context: Value,
}

#[derive(Serialize)]
struct Refusal<'a> {
    status: u16,
    title: &'a str,
    detail: &'a str,
}

impl<'s> Running<'s> {
    pub fn new(site: &'s Site, parts: &'s Parts) -> Running<'s> {
        Running {
            site,
            parts,
            log: RefCell::default(),
        }
    }

    pub fn into_log(self) -> Vec<String> {
        self.log.into_inner()
    }

    fn answer(&self, service: &str, message: &[u8]) -> Result<Vec<u8>> {
        let site = self.site;
        let value = match service {
            "call" => return self.call(rmp_serde::from_slice(message)?),
            "render" => {
                let Render { name, context } = rmp_serde::from_slice(message)?;
                Value::from((site.template)(&name, &context))
            }
            "config" => {
                let Key { key } = rmp_serde::from_slice(message)?;
                site.config.get(&key).cloned().unwrap_or_default()
            }
            "secret" => {
                let Key { key } = rmp_serde::from_slice(message)?;
                site.secrets
                    .get(&key)
                    .map_or(Value::Null, |text| Value::from(text.as_str()))
            }
            "site" => serde_json::json!({
                "name": "test", "host": "localhost", "dir": ".", "data": site.data,
            }),
            // In a test nothing is kept: every fragment is made.
            "fragment.begin" => serde_json::json!({ "lease": 1 }),
            "fragment.end" | "fragment.forget" | "provide" => Value::Null,
            "url_for" if !site.services.contains_key("url_for") => {
                let UrlFor { path, values } = rmp_serde::from_slice(message)?;
                Value::from(filled(&path, values))
            }
            other => match site.services.get(other) {
                Some(answer) => answer(rmp_serde::from_slice(message)?)?,
                None => return Err(missing(format!("service `{other}`: Site::service"))),
            },
        };
        Ok(rmp_serde::to_vec_named(&value)?)
    }

    fn call(&self, call: Call) -> Result<Vec<u8>> {
        let whose = if call.target == "path" {
            call.path
        } else {
            call.target
        };
        if let Some(answer) = self.site.exports.get(&(whose.clone(), call.name.clone())) {
            return Ok(rmp_serde::to_vec_named(&answer(rmp_serde::from_slice(
                &call.args,
            )?)?)?);
        }
        if whose == "page" {
            return own_export(self, &call.name, &call.args);
        }
        Err(missing(format!(
            "export `{}` of `{whose}`: Site::export",
            call.name
        )))
    }
}

impl Services for Running<'_> {
    fn call(&self, service: &str, message: &[u8]) -> std::result::Result<Vec<u8>, Vec<u8>> {
        // A closure of the test may panic, and here that would end the process.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(service, message)));
        let answer = answer.unwrap_or_else(|_| {
            Err(Error::internal(format!(
                "the test's own `{service}` panicked"
            )))
        });
        answer.map_err(|error| {
            let (status, title, detail) = (error.status(), error.title(), error.detail());
            rmp_serde::to_vec_named(&Refusal {
                status,
                title,
                detail,
            })
            .unwrap_or_default()
        })
    }

    fn log(&self, _level: u32, message: &str) {
        println!("{message}");
        self.log.borrow_mut().push(message.to_owned());
    }
}

/// Calls an export of the module outside of a request.
pub(super) fn export(site: &Site, parts: &Parts, name: &str, args: &[u8]) -> Result<Vec<u8>> {
    own_export(&Running::new(site, parts), name, args)
}

fn own_export(running: &Running<'_>, name: &str, args: &[u8]) -> Result<Vec<u8>> {
    let Some(entry) = entries(kind::EXPORT)
        .into_iter()
        .find(|entry| entry.name() == name)
    else {
        return Err(missing(format!("export `{name}` of the module")));
    };
    let driven = run(running, entry, running.parts, args, 0, None);
    match (driven.reply, driven.failure) {
        (Some(reply), _) => Ok(reply),
        (None, Some(failure)) => {
            Err(Error::new(failure.status, failure.title).with_detail(failure.detail))
        }
        (None, None) => Err(Error::internal(format!("export `{name}` returned nothing"))),
    }
}

/// The path with its brackets filled, as the server does for pages that exist.
fn filled(path: &str, mut values: serde_json::Map<String, Value>) -> String {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let part = |part: &str| {
        let name = part.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        let name = name.map(|name| name.trim_start_matches("...").split('=').next());
        match name.flatten().and_then(|name| values.remove(name)) {
            Some(value) => text(value),
            None => part.to_owned(),
        }
    };
    let path: Vec<String> = path.split('/').map(part).collect();
    let values = values.into_iter().filter(|(_, value)| !value.is_null());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values.map(|(name, value)| (name, text(value))));
    match query.finish() {
        query if query.is_empty() => path.join("/"),
        query => format!("{}?{query}", path.join("/")),
    }
}

fn missing(what: String) -> Error {
    Error::internal(format!("the test has no {what}"))
}

/// Bytes that came as bytes.
fn bin<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl serde::de::Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    from.deserialize_bytes(Bytes)
}
