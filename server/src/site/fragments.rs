//! The services `fragment.*`: a module makes a part of a page once, and others wait for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use harmonious_dispatcher::ServiceError;
use harmonious_templating::{Begun, FRAGMENT_KEY_BYTES_MAX, FragmentKey, Fragments, Lease};
use serde::{Deserialize, Serialize};

use super::exchange::{encode, failed, read};

/// Fragments that a request makes at this moment, by the number that the module was told. What is left
/// when the request ends others may make.
#[derive(Debug, Default)]
pub struct Leases {
    last: Cell<u64>,
    open: RefCell<HashMap<u64, Lease>>,
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
        module: &str,
        service: &str,
        message: &[u8],
    ) -> Option<Result<Vec<u8>, ServiceError>> {
        Some(match service {
            "fragment.begin" => self.begin(fragments, module, service, message),
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
        module: &str,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let Key { key } = read(service, message)?;
        if key.len() > FRAGMENT_KEY_BYTES_MAX {
            let detail = format!(
                "the key of a fragment has {} bytes: allowed are {FRAGMENT_KEY_BYTES_MAX}",
                key.len()
            );
            return Err(failed(detail));
        }
        match fragments.begin(&FragmentKey::of_module(module, key)) {
            Begun::Found(text) => encode(&BegunReply {
                found: Some(&text),
                lease: None,
            }),
            Begun::Make(lease) => {
                let number = self.last.get() + 1;
                self.last.set(number);
                self.open.borrow_mut().insert(number, lease);
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
        let lease = self.open.borrow_mut().remove(&lease);
        if let (Some(lease), Some(text)) = (lease, text) {
            lease.finish(text, Duration::from_millis(life_ms));
        }
        encode(&())
    }
}
