//! The message lane: services of the server, each asked with a message and answered with a value. The
//! server's settings, secrets and templates are such services, and so is what later versions add.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::MESSAGE_BYTES;
use crate::error::{Error, Result};
use crate::request::Request;

/// The site, as [`Request::site`] tells it.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn inbox(req: &Request) -> Result<std::path::PathBuf> {
///     Ok(req.site()?.data.join("inbox"))
/// }
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Site {
    /// Its name in the server's log.
    pub name: String,
    /// The host name that its addresses are built with: the first in `hosts` of its `site.toml`. Without
    /// one, what the visitor asked for: then build nothing with it that another person gets, such as a
    /// link in a mail.
    pub host: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The folder for what it keeps.
    pub data: PathBuf,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
}

#[derive(Serialize)]
struct Nothing {}

/// How a service says that it could not.
#[derive(Deserialize)]
#[serde(default)]
struct Refusal {
    status: u16,
    title: String,
    detail: String,
    kind: String,
    retry_after_s: u64,
}

impl Default for Refusal {
    fn default() -> Refusal {
        Refusal {
            status: 500,
            title: String::new(),
            detail: String::new(),
            kind: String::new(),
            retry_after_s: 0,
        }
    }
}

impl Request {
    /// A setting of the site, from `[config]` of its `site.toml`; dots go into tables. A setting that
    /// may be missing is an `Option`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn page_size(req: &Request) -> Result<usize> {
    ///     Ok(req.config::<Option<usize>>("scripts.page-size")?.unwrap_or(50))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if it is missing or of another type; the log says which.
    #[track_caller]
    pub fn config<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let reply = self.ask("config", &Key { key })?;
        let hint = if is_nil(&reply) {
            "it is not set"
        } else {
            "it has another type"
        };
        read(&reply, || {
            format!("setting `{key}` in [config] of site.toml: {hint}")
        })
    }

    /// A secret of the site, from its `secrets.toml`. Never log it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn token(req: &Request) -> Result<String> {
    ///     req.secret("mirror-token")
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if there is none of that name.
    #[track_caller]
    pub fn secret(&self, key: &str) -> Result<String> {
        let reply = self.ask("secret", &Key { key })?;
        read(&reply, || {
            format!("secret `{key}`: put it into secrets.toml")
        })
    }

    /// The site's name, host and folders.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn address(req: &Request) -> Result<String> {
    ///     Ok(format!("https://{}{}", req.site()?.host, req.path()))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if the server cannot say.
    #[track_caller]
    pub fn site(&self) -> Result<Site> {
        self.service("site", &Nothing {})
    }

    /// Asks any service of the server by name: the message and the reply are values that serde knows.
    /// What the sdk has methods for is asked through those.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[derive(Serialize)]
    /// struct Enqueue<'a> {
    ///     job: &'a str,
    /// }
    ///
    /// fn rebuild_index(req: &Request) -> Result<u64> {
    ///     req.service("jobs.enqueue", &Enqueue { job: "index" })
    /// }
    /// ```
    ///
    /// # Errors
    /// What the service answers; 500 if there is no such service, or the reply is of another type.
    #[track_caller]
    pub fn service<T: DeserializeOwned>(&self, name: &str, message: &impl Serialize) -> Result<T> {
        let reply = self.ask(name, message)?;
        read(&reply, || {
            format!("the reply of service `{name}` cannot be read")
        })
    }

    /// The bytes of the reply.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, message: &impl Serialize) -> Result<Cow<'_, [u8]>> {
        let mut bytes = Vec::with_capacity(MESSAGE_BYTES);
        if let Err(error) = rmp_serde::encode::write_named(&mut bytes, message) {
            let tried = format!("the message to service `{name}` cannot be written");
            return Err(Error::internal(tried).with_source(&error));
        }
        match self.link().call(name, &bytes) {
            Ok(reply) => Ok(reply),
            Err(refusal) => {
                let refusal: Refusal = rmp_serde::from_slice(&refusal).unwrap_or_default();
                let error = Error::new(refusal.status, refusal.title)
                    .with_detail(refusal.detail)
                    .with_kind(refusal.kind);
                Err(match refusal.retry_after_s {
                    0 => error,
                    seconds => error.with_header("retry-after", &seconds.to_string()),
                })
            }
        }
    }
}

/// The value of a reply; `what` says in the log what it was.
#[track_caller]
pub(crate) fn read<T: DeserializeOwned>(reply: &[u8], what: impl FnOnce() -> String) -> Result<T> {
    match rmp_serde::from_slice(reply) {
        Ok(value) => Ok(value),
        Err(error) => Err(Error::internal(what()).with_source(&error)),
    }
}

fn is_nil(reply: &[u8]) -> bool {
    const NIL: u8 = 0xc0;
    reply == [NIL]
}
