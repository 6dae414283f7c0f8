//! The last errors of a site, for its administrators: [`Faults`], and the service `errors.recent`.

use std::collections::VecDeque;

use harmonious_dispatcher::ServiceError;
use harmonious_dispatcher::http::StatusCode;
use harmonious_http::Head;
use harmonious_session::Clock;
use parking_lot::Mutex;
use serde::Serialize;

use super::exchange::{encode, failed};

/// Errors that are remembered: what an administrator reads on a page or two.
const FAULTS_MAX: usize = 200;
/// Characters of the message of each; the log has all of it.
const MESSAGE_CHARS_MAX: usize = 1_000;
/// Characters of the path of each.
const PATH_CHARS_MAX: usize = 200;

/// The last answers with a status of 500 and more, the oldest first: within a number, each within some
/// kilobytes.
#[derive(Debug)]
pub struct Faults {
    clock: Clock,
    last: Mutex<VecDeque<Noted>>,
}

/// As the sdk's `Fault`.
#[derive(Clone, Debug, Serialize)]
struct Noted {
    at_ms: u64,
    method: String,
    /// Without the query, which may have secrets of visitors in it.
    path: String,
    status: u16,
    message: String,
    module: String,
    id: String,
}

impl Faults {
    /// None yet.
    pub fn new(clock: Clock) -> Faults {
        Faults {
            clock,
            last: Mutex::default(),
        }
    }

    /// Remembers one. It does not block: for connection tasks too.
    pub fn note(&self, head: &Head, status: StatusCode, module: &str, message: &str) {
        let noted = Noted {
            at_ms: self.clock.now_ms(),
            method: head.method.to_string(),
            path: head.path().chars().take(PATH_CHARS_MAX).collect(),
            status: status.as_u16(),
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
            module: module.to_owned(),
            id: head.id.to_string(),
        };
        let mut last = self.last.lock();
        if last.len() >= FAULTS_MAX {
            last.pop_front();
        }
        last.push_back(noted);
    }

    /// Answers a message for the service `errors`.
    pub fn answer(&self, service: &str) -> Result<Vec<u8>, ServiceError> {
        match service {
            "errors.recent" => {
                let newest_first: Vec<Noted> = self.last.lock().iter().rev().cloned().collect();
                encode(&newest_first)
            }
            _ => Err(failed(format!("this server has no service {service:?}"))),
        }
    }
}
