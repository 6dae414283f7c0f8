//! The services `instance.*` of a test: which session has which value. The values are where a server has
//! them, in the module; see [`crate::Instance`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use harmonious_abi::returned;
use serde::{Deserialize, Serialize};

use super::ask::{Parts, run};
use super::database::Statement;
use super::draft::Draft;
use super::limits::NAME_BYTES_MAX;
use super::services::{Running, encode};
use super::site::Site;
use crate::error::{Error, Result};
use crate::ffi::DISPOSE;
use crate::instance;

/// Counts the values of all sites: the tests of a module run at the same time, and keep them in one place.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The values of a site's sessions: numbers by the session's handle and the name.
#[derive(Debug, Default)]
pub struct Instances {
    numbers: BTreeMap<(String, String), u64>,
}

/// What one request has, by number: whose it is, and whether it was there before.
pub type Leases = BTreeMap<u64, ((String, String), bool)>;

#[derive(Deserialize)]
struct Lease<'a> {
    name: &'a str,
    make: bool,
}

#[derive(Serialize)]
struct LeaseReply {
    number: u64,
}

#[derive(Deserialize)]
struct End {
    number: u64,
    bytes: Option<u64>,
    gone: bool,
}

#[derive(Serialize)]
struct Dispose<'a> {
    why: &'a str,
    numbers: &'a [u64],
}

impl Instances {
    /// Those go of whose sessions there are no more.
    pub fn take_orphans(&mut self, is_alive: impl Fn(&str) -> bool) -> Vec<u64> {
        let gone = self
            .numbers
            .extract_if(.., |(handle, _), _| !is_alive(handle));
        gone.map(|(_, number)| number).collect()
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        // Unsaved: the test is over, and nobody is there to answer for its database.
        self.numbers
            .values()
            .for_each(|number| instance::forget(*number));
    }
}

/// Answers a message. Nobody is ever busy: requests of a test come one after the other.
pub fn answer(running: &Running<'_>, service: &str, message: &[u8]) -> Result<Vec<u8>> {
    match service {
        "instance.lease" => {
            let number = lease(running, &rmp_serde::from_slice(message)?)?;
            encode(&LeaseReply { number })
        }
        "instance.end" => {
            let End {
                number,
                bytes,
                gone,
            } = rmp_serde::from_slice(message)?;
            let lease = running.leases.borrow_mut().remove(&number);
            let (key, existed) = lease.ok_or_else(|| {
                Error::internal(format!("this request does not have the instance {number}"))
            })?;
            if gone || (bytes.is_none() && !existed) {
                running
                    .site()
                    .store
                    .borrow_mut()
                    .instances
                    .numbers
                    .remove(&key);
            }
            encode(&())
        }
        _ => Err(Error::internal(format!(
            "a server has no service {service:?}"
        ))),
    }
}

fn lease(running: &Running<'_>, wanted: &Lease<'_>) -> Result<u64> {
    let name = wanted.name;
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
        return Err(Error::internal(format!(
            "{:?} is no name: it has 1 to {NAME_BYTES_MAX} bytes",
            name.chars().take(40).collect::<String>()
        )));
    }
    let handle = match (wanted.make, running.is_outside()) {
        (true, true) => return Err(nobody()),
        (true, false) => Some(running.session(Draft::owner)),
        (false, true) => None,
        (false, false) => running.session(|draft, _| draft.owned_handle().map(str::to_owned)),
    };
    let Some(handle) = handle else {
        return Ok(0);
    };
    let key = (handle, name.to_owned());
    let mut leases = running.leases.borrow_mut();
    if leases.values().any(|(leased, _)| *leased == key) {
        return Err(Error::internal(format!(
            "the module asks for the instance {name:?} while it has it: drop the first one before"
        )));
    }
    let numbers = &mut running.site().store.borrow_mut().instances.numbers;
    let existing = numbers.get(&key).copied();
    let number = match existing {
        Some(number) => number,
        None if !wanted.make => return Ok(0),
        None => {
            // Relaxed: only that no two are alike.
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            numbers.insert(key.clone(), number);
            number
        }
    };
    leases.insert(number, (key, existing.is_some()));
    Ok(number)
}

/// While values go there is no request.
pub fn nobody() -> Error {
    Error::internal("there is no session here: nobody's request is answered")
}

/// The request is over: what the module never gave back and never made is not there.
pub fn end(running: &Running<'_>) {
    let leases = std::mem::take(&mut *running.leases.borrow_mut());
    let numbers = &mut running.site().store.borrow_mut().instances.numbers;
    for (key, existed) in leases.into_values() {
        if !existed {
            numbers.remove(&key);
        }
    }
}

/// Has the module save and drop what belonged to sessions that ended. What it logged, and what it asked the
/// database.
pub fn let_go(site: &Site) -> (Vec<String>, Vec<Statement>) {
    let numbers = site.store.borrow_mut().take_orphans();
    if numbers.is_empty() {
        return Default::default();
    }
    let why = "session-ended";
    let message = rmp_serde::to_vec_named(&Dispose {
        why,
        numbers: &numbers,
    });
    let parts = Parts::new(0, "");
    let running = Running::outside(site, &parts);
    let driven = run(
        &running,
        &DISPOSE,
        &parts,
        &message.unwrap_or_default(),
        0,
        None,
    );
    if driven.code != returned::CONTINUE {
        let detail = driven.failure.unwrap_or_default().detail;
        println!("values that were to go may not be saved: {detail}");
    }
    running.into_seen()
}
