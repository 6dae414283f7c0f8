//! The services `t` and `language`: texts of the catalogues in the language of the visitor.

use harmonious_dispatcher::{Caller, ServiceError};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exchange::{SiteExchange, encode, failed, read};
use super::locales::FOLDER;

#[derive(Deserialize)]
struct Say<'a> {
    key: &'a str,
    values: Map<String, Value>,
}

/// Answers a message for texts. What cannot be said is told in the log: a page with a key in it is better than
/// none.
pub fn answer(
    exchange: &SiteExchange<'_>,
    caller: &Caller<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    let speech = exchange.speech();
    match service {
        "language" => encode(speech.code()),
        "t" => {
            let Say { key, values } = read(service, message)?;
            let (module, id) = (caller.module, caller.request);
            let Some(said) = speech.say_json(key, &values) else {
                tracing::error!(
                    target: "site", module, id,
                    "the text `{key}` is in no catalogue of {FOLDER}/: its key stands in its place"
                );
                return encode(key);
            };
            if !said.missing.is_empty() {
                let missing = said.missing.join(", ");
                tracing::error!(
                    target: "site", module, id,
                    "the text `{key}` needs {missing}, as text or number (n as a number)"
                );
            }
            encode(&said.text)
        }
        _ => Err(failed(format!("this server has no service {service:?}"))),
    }
}
