//! The services `fragment.*`: a module makes a part of a page once, and others wait for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use harmonious_dispatcher::ServiceError;
use harmonious_dispatcher::http::StatusCode;
use harmonious_templating::{Begun, FRAGMENT_KEY_BYTES_MAX, FragmentKey, Fragments, Lease};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::services::{encode, read};

/// Who makes a fragment at this moment, by the number that the module was told.
#[derive(Debug, Default)]
pub struct Leases {
    last: AtomicU64,
    open: Mutex<HashMap<u64, Lease>>,
}

#[derive(Deserialize)]
struct Key<'a> {
    key: &'a str,
}

/// One of the two.
#[derive(Serialize)]
struct BegunReply<'a> {
    found: Option<&'a str>,
    lease: Option<u64>,
}

#[derive(Deserialize)]
struct End<'a> {
    lease: u64,
    /// None: it could not be made.
    text: Option<&'a str>,
    life_ms: u64,
}

impl Leases {
    /// Answers a message, if it is for fragments.
    pub fn answer(
        &self,
        fragments: &Arc<Fragments>,
        service: &str,
        message: &[u8],
    ) -> Option<Result<Vec<u8>, ServiceError>> {
        Some(match service {
            "fragment.begin" => self.begin(fragments, service, message),
            "fragment.end" => self.end(service, message),
            "fragment.forget" => read(service, message).and_then(|Key { key }| {
                fragments.forget(key);
                encode(&())
            }),
            _ => return None,
        })
    }

    fn begin(
        &self,
        fragments: &Arc<Fragments>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let Key { key } = read(service, message)?;
        if key.len() > FRAGMENT_KEY_BYTES_MAX {
            let detail = format!(
                "the key of a fragment has {} bytes: allowed are {FRAGMENT_KEY_BYTES_MAX}",
                key.len()
            );
            return Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
        match fragments.begin(&FragmentKey::of_modules(key)) {
            Begun::Found(text) => encode(&BegunReply {
                found: Some(&text),
                lease: None,
            }),
            Begun::Make(lease) => {
                let number = self.last.fetch_add(1, Ordering::Relaxed);
                self.open.lock().insert(number, lease);
                encode(&BegunReply {
                    found: None,
                    lease: Some(number),
                })
            }
        }
    }

    fn end(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let End {
            lease,
            text,
            life_ms,
        } = read(service, message)?;
        let lease = self.open.lock().remove(&lease);
        if let (Some(lease), Some(text)) = (lease, text) {
            lease.finish(text, Duration::from_millis(life_ms));
        }
        encode(&())
    }
}
