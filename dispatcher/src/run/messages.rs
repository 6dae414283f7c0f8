//! The message lane from the host's side: reading and writing its messages, and the services that need
//! nothing but what the site is.

use serde::{Deserialize, Serialize};

use crate::config::REPLY_BYTES;
use crate::dispatcher::SiteFacts;
use crate::services::ServiceError;
use http::StatusCode;

#[derive(Deserialize)]
struct Key<'a> {
    key: &'a str,
}

#[derive(Serialize)]
struct SiteReply<'a> {
    name: &'a str,
    host: &'a str,
    dir: &'a str,
    data: &'a str,
}

/// The answer of `config`, `secret` and `site`; none for any other service. `asked_host` is the one that the
/// site's addresses have if it is not configured.
pub(super) fn of_the_site(
    facts: &SiteFacts,
    asked_host: &str,
    service: &str,
    message: &[u8],
) -> Option<Result<Vec<u8>, ServiceError>> {
    let key = || read(service, message).map(|Key { key }| key);
    match service {
        "config" => Some(key().and_then(|key| encode(&facts.config_at(key)))),
        "secret" => Some(key().and_then(|key| encode(&facts.secrets.get(key)))),
        "site" => Some(encode(&SiteReply {
            name: &facts.name,
            host: match facts.host.as_str() {
                "" => asked_host,
                host => host,
            },
            dir: &facts.dir.to_string_lossy(),
            data: &facts.data.to_string_lossy(),
        })),
        _ => None,
    }
}

pub(super) fn read<'m, T: Deserialize<'m>>(
    service: &str,
    message: &'m [u8],
) -> Result<T, ServiceError> {
    rmp_serde::from_slice(message).map_err(|error| {
        let detail = format!("the message for {service:?} cannot be read: {error}");
        ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ServiceError> {
    let mut reply = Vec::with_capacity(REPLY_BYTES);
    let written = rmp_serde::encode::write_named(&mut reply, value);
    written.map(|()| reply).map_err(|error| {
        let detail = format!("a reply cannot be written: {error}");
        ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}
