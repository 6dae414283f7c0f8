//! Limits of a test: they count by the clock of the test.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use super::services::encode;
use super::store::Store;
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Limit {
    name: String,
    key: String,
    count: u32,
    per_ms: u64,
}

/// Answers a message.
pub fn answer(store: &mut Store, peer: &str, service: &str, message: &[u8]) -> Result<Vec<u8>> {
    match service {
        "limit" => encode(&take(store, rmp_serde::from_slice(message)?)?),
        "client.address" => {
            let address: Option<IpAddr> = peer.parse().ok();
            encode(&address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
        }
        _ => Err(Error::internal(format!(
            "a server has no service {service:?}"
        ))),
    }
}

/// As on the server: a bucket is the one time, here in microseconds, at which it is full again.
fn take(store: &mut Store, limit: Limit) -> Result<()> {
    let Limit {
        name,
        key,
        count,
        per_ms,
    } = limit;
    if count == 0 || per_ms == 0 {
        return Err(Error::internal(format!(
            "the limit {name:?} wants a count of at least 1, and a time above 0"
        )));
    }
    let now = store.now_ms().saturating_mul(1000);
    let count = u64::from(count);
    let every = per_ms.saturating_mul(1000).div_ceil(count);
    let full_at = store.limits.entry((name, network(key))).or_insert(now);
    let after = (*full_at).max(now).saturating_add(every);
    match after.saturating_sub(now.saturating_add(count.saturating_mul(every))) {
        0 => {
            *full_at = after;
            Ok(())
        }
        wait => {
            Err(Error::too_many_requests(wait.div_ceil(1_000_000)).with_kind("limited".to_owned()))
        }
    }
}

/// Whoever has one address of IPv6 has all 2^64 of its network.
fn network(key: String) -> String {
    match key.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => format!("{:x}/64", address.to_bits() >> 64),
        Ok(address) => address.to_string(),
        Err(_) => key,
    }
}
