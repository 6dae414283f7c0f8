//! Domains: resolves a URL in nested folders, loads only the module that it names and the parents that
//! this one inherits from, and runs guards, hooks and handler.
//!
//! * [`manifest`]: the tree of domains in memory; what a URL means. Pure.
//! * [`loader`]: dynamic libraries, one for each module, loaded when they are needed.
//! * `run`: one request through its chain, error pages, calls between modules.
//! * [`ffi`]: the boundary to the modules, and the only unsafe code.
//!
//! The server around it gives [`Services`] and [`Libraries`]: the dispatcher knows no sockets, no
//! sessions, no databases and no compiler.
#![deny(unsafe_code)]

mod dispatcher;
mod message;
mod run;
mod services;

pub mod loader;
pub mod manifest;

#[allow(unsafe_code)]
pub mod ffi;

mod config;
mod error;
mod running;

pub use dispatcher::{Dispatcher, Needs, Planned, PlannedJob, SiteFacts, SiteLimits};
pub use error::{Error, TaskError};
pub use harmonious_abi::{kind, level, method};
pub use http;
pub use loader::{Libraries, LibraryError, LoadedModule};
pub use manifest::{Hosts, Manifest, Problem, Problems};
pub use message::{Fault, Incoming, IncomingBody, Outgoing, OutgoingBody};
pub use run::{refuse, wants_json};
pub use services::{
    Asked, Caller, Exchange, Leaving, LetGo, RenderError, Renderer, ServiceError, Services,
};

/// A message of the message lane as JSON, for logs and for people; "?" if it cannot be read.
///
/// ```
/// assert_eq!(harmonious_dispatcher::show_message(&[0x81, 0xa1, b'a', 1]), r#"{"a":1}"#);
/// ```
pub fn show_message(message: &[u8]) -> String {
    rmp_serde::from_slice::<serde_json::Value>(message)
        .map_or_else(|_| "?".to_owned(), |value| value.to_string())
}
