//! The services of a test: those that the dispatcher and the server have, out of what the test gave, and the
//! test's own.

use std::cell::RefCell;

use harmonious_abi::{kind, returned};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::{Parts, run};
use super::database::{Ran, Statement};
use super::draft::Draft;
use super::instances::{self, Leases};
use super::limited;
use super::sessions::{self, Told};
use super::site::{Site, entries};
use super::store::Store;
use super::{locales, logins};
use crate::error::{Error, Result};
use crate::fence::fence;
use crate::ffi::Services;

/// While a request of a test runs.
pub(super) struct Running<'s> {
    site: &'s Site,
    parts: &'s Parts,
    log: RefCell<Vec<String>>,
    /// Read when it is first used, written when the answer is there.
    session: RefCell<Option<Draft>>,
    pub(super) leases: RefCell<Leases>,
    ran: Ran,
    /// What the module does belongs to no request.
    is_outside: bool,
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

/// Of the message of `db.soon`.
#[derive(Deserialize)]
struct Soon<'a> {
    sql: &'a str,
    once: Option<&'a str>,
    domain: bool,
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
    kind: &'a str,
    retry_after_s: u64,
}

impl<'s> Running<'s> {
    pub fn new(site: &'s Site, parts: &'s Parts) -> Running<'s> {
        Running {
            site,
            parts,
            log: RefCell::default(),
            session: RefCell::default(),
            leases: RefCell::default(),
            ran: Ran::default(),
            is_outside: false,
        }
    }

    /// While values of sessions go, for which there is no request.
    pub fn outside(site: &'s Site, parts: &'s Parts) -> Running<'s> {
        Running {
            is_outside: true,
            ..Running::new(site, parts)
        }
    }

    pub fn is_outside(&self) -> bool {
        self.is_outside
    }

    pub fn site(&self) -> &'s Site {
        self.site
    }

    /// The header fields of that name, which is in small letters.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.parts.headers_of(name).collect()
    }

    /// Says something in the log.
    pub fn say(&self, line: &str) {
        println!("{line}");
        self.log.borrow_mut().push(line.to_owned());
    }

    /// What was logged, and what the database was asked.
    pub fn into_seen(self) -> (Vec<String>, Vec<Statement>) {
        (self.log.into_inner(), self.ran.into_statements())
    }

    /// The session of the visitor who asks.
    pub fn session<T>(&self, act: impl FnOnce(&mut Draft, &mut Store) -> T) -> T {
        let mut store = self.site.store.borrow_mut();
        let mut session = self.session.borrow_mut();
        let open = || Draft::load(&store, self.parts.session_id());
        let draft = match &mut *session {
            Some(draft) => draft,
            none => none.insert(open()),
        };
        act(draft, &mut store)
    }

    /// Writes the session, unless the page broke; the value of `Set-Cookie`, if there is to be one.
    pub fn finish(&self, status: u16) -> Result<Option<String>> {
        instances::end(self);
        if status >= 500 || self.session.borrow().is_none() {
            return Ok(None);
        }
        let user_agent = self.parts.header("user-agent").unwrap_or_default();
        let address = self.parts.client();
        self.session(|draft, store| draft.commit(store, user_agent, address))
    }

    fn answer(&self, service: &str, message: &[u8]) -> Result<Vec<u8>> {
        let site = self.site;
        // What the test has itself goes first, but for what the dispatcher does.
        let family = service
            .split('.')
            .next()
            .filter(|_| !site.services.contains_key(service));
        match family {
            Some("call" | "render" | "provide") if self.is_outside => {
                return Err(Error::internal(format!(
                    "{service:?} needs a request: there is none here"
                )));
            }
            Some("session") if self.is_outside && !sessions::is_of_any(service) => {
                return Err(instances::nobody());
            }
            Some("instance") => return instances::answer(self, service, message),
            Some("session") => {
                return self
                    .session(|draft, store| sessions::answer(draft, store, service, message));
            }
            Some("password" | "login" | "seal" | "unseal") => {
                return logins::answer(&site.store.borrow(), service, message);
            }
            Some("limit" | "client") => {
                let mut store = site.store.borrow_mut();
                return limited::answer(&mut store, self.parts.client(), service, message);
            }
            Some("db") if service == "db.soon" && !self.is_first(message)? => return encode(&()),
            Some("db") if service == "db.backend" => return encode(&site.backend),
            Some("t" | "language") => return locales::answer(self, service, message),
            Some("db") => return self.ran.answer(site.database.as_ref(), service, message),
            _ => {}
        }
        let value = match service {
            "call" => return self.call(rmp_serde::from_slice(message)?),
            "render" => {
                let Render { name, context } = rmp_serde::from_slice(message)?;
                Value::from((site.template)(&name, &context, &Told::new(self)))
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
            "errors.recent" => return encode(&site.faults),
            "url_for" if !site.services.contains_key("url_for") => {
                let UrlFor { path, values } = rmp_serde::from_slice(message)?;
                Value::from(filled(&path, values))
            }
            other => match site.services.get(other) {
                Some(answer) => answer(rmp_serde::from_slice(message)?)?,
                None if other == "confine.run" => {
                    return Err(missing("programs: Site::run".to_owned()));
                }
                None => return Err(missing(format!("service `{other}`: Site::service"))),
            },
        };
        encode(&value)
    }

    /// Whether what is to be written soon was not, for its key, today.
    fn is_first(&self, message: &[u8]) -> Result<bool> {
        let Soon { sql, once, domain } = rmp_serde::from_slice(message)?;
        let Some(once) = once else {
            return Ok(true);
        };
        let key = encode(&(sql, once, domain))?;
        Ok(self.site.store.borrow_mut().is_first_today(key))
    }

    fn call(&self, call: Call) -> Result<Vec<u8>> {
        let whose = if call.target == "path" {
            call.path
        } else {
            call.target
        };
        if let Some(answer) = self.site.exports.get(&(whose.clone(), call.name.clone())) {
            return encode(&answer(rmp_serde::from_slice(&call.args)?)?);
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
        let answer = fence(|| self.answer(service, message));
        let answer = answer.unwrap_or_else(|panic| {
            let (message, file, line) = (&panic.message, &panic.file, panic.line);
            Err(Error::internal(format!(
                "the test's own `{service}` panicked: {message} ({file}:{line})"
            )))
        });
        answer.map_err(|error| refusal(&error))
    }

    fn log(&self, _level: u32, message: &str) {
        self.say(message);
    }
}

/// Calls an export of the module in a request of its own; what it returned, and the value of `Set-Cookie`.
pub(super) fn export(
    site: &Site,
    parts: &Parts,
    name: &str,
    args: &[u8],
) -> Result<(Vec<u8>, Option<String>)> {
    let running = Running::new(site, parts);
    let reply = own_export(&running, name, args)?;
    let cookie = running.finish(200)?;
    instances::let_go(site);
    Ok((reply, cookie))
}

/// Runs a task of the module, for which there is no request.
pub(super) fn task(site: &Site, name: &str, args: &[&str]) -> Result<()> {
    let named = |name: &str| name.replace('_', "-");
    let mut tasks = entries(kind::TASK).into_iter();
    let Some(entry) = tasks.find(|entry| named(entry.name()) == named(name)) else {
        return Err(missing(format!("task `{name}` of the module")));
    };
    let parts = Parts::new(0, "");
    let running = Running::outside(site, &parts);
    let driven = run(&running, entry, &parts, &encode(args)?, 0, None);
    if driven.code == returned::CONTINUE {
        return Ok(());
    }
    let failure = driven.failure.unwrap_or_default();
    Err(Error::new(failure.status, failure.title).with_detail(failure.detail))
}

/// As a message.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    Ok(rmp_serde::to_vec_named(value)?)
}

/// How a service says that it could not.
fn refusal(error: &Error) -> Vec<u8> {
    let retry_after = error.headers().get("retry-after");
    let refusal = Refusal {
        status: error.status(),
        title: error.title(),
        detail: error.detail(),
        kind: error.kind(),
        retry_after_s: retry_after.and_then(|text| text.parse().ok()).unwrap_or(0),
    };
    rmp_serde::to_vec_named(&refusal).unwrap_or_default()
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
