//! The services of limits: how often something may be done, and who asks.

use std::time::Duration;

use serde::Deserialize;

use super::exchange::{Refusal, SiteExchange, encode, failed, read};
use super::logins::address;

/// What programs know it by.
const LIMITED: &str = "limited";

#[derive(Deserialize)]
struct Limit<'a> {
    name: &'a str,
    key: &'a str,
    count: u32,
    per_ms: u64,
}

/// Answers a message.
pub fn answer(
    exchange: &SiteExchange<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let reply = match service {
        "limit" => {
            let Limit {
                name,
                key,
                count,
                per_ms,
            } = read(service, message)?;
            let limits = &exchange.keeping.limits;
            let taken = limits.take(name, key, count, Duration::from_millis(per_ms));
            taken.map_err(|error| {
                let mut refusal = Refusal::from(error);
                if refusal.0.retry_after_s > 0 {
                    LIMITED.clone_into(&mut refusal.0.kind);
                }
                refusal
            })?;
            encode(&())
        }
        "client.address" => encode(&address(exchange)),
        _ => Err(failed(format!("this server has no service {service:?}"))),
    };
    Ok(reply?)
}
