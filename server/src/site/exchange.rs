//! What the server keeps for one request: the services that its modules reach by messages, and what its
//! templates are told.

use harmonious_dispatcher::http::StatusCode;
use harmonious_dispatcher::manifest::Module;
use harmonious_dispatcher::{Caller, Exchange, Outgoing, ServiceError};
use harmonious_templating::Site;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::around::Around;
use super::fragments::Leases;

/// One request of a site.
pub struct SiteExchange<'r> {
    around: &'r Around,
    leases: Leases,
}

#[derive(Deserialize)]
struct UrlFor<'a> {
    path: &'a str,
    values: Map<String, Value>,
}

impl<'r> SiteExchange<'r> {
    /// Of a request to that site.
    pub fn begin(around: &'r Around) -> SiteExchange<'r> {
        SiteExchange {
            around,
            leases: Leases::default(),
        }
    }

    fn url_for(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let UrlFor { path, values } = read(service, message)?;
        let url = self.around.url_for(path, &values);
        encode(&url.map_err(|detail| failed(format!("url_for: {detail}")))?)
    }
}

impl Exchange for SiteExchange<'_> {
    fn admit(&self, _module: &Module) -> Result<(), ServiceError> {
        Ok(())
    }

    fn call(
        &self,
        caller: &Caller<'_>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let fragments = self.around.fragments();
        let answer = self
            .leases
            .answer(fragments, caller.module, service, message);
        if let Some(answer) = answer {
            return answer;
        }
        match service {
            "url_for" => self.url_for(service, message),
            _ => Err(failed(format!(
                "{} asks for the service {service:?}, which this server does not have",
                caller.module
            ))),
        }
    }

    fn tell(&self, name: &str) -> Result<Option<Value>, ServiceError> {
        Ok(Some(match name {
            "csrf_field" | "csrf_token" => json!(""),
            "flash" => json!([]),
            _ => Value::Null,
        }))
    }

    fn finish(&self, _outgoing: &mut Outgoing) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// A failure that is nobody's but the site's.
pub(super) fn failed(detail: impl Into<String>) -> ServiceError {
    ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

/// Reads a message of a module.
pub(super) fn read<'m, T: Deserialize<'m>>(
    service: &str,
    message: &'m [u8],
) -> Result<T, ServiceError> {
    rmp_serde::from_slice(message).map_err(|error| {
        failed(format!(
            "the message for {service:?} cannot be read: {error}"
        ))
    })
}

/// Writes the answer to a module.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ServiceError> {
    rmp_serde::to_vec_named(value)
        .map_err(|error| failed(format!("a reply cannot be written: {error}")))
}
