//! Sessions of visitors and users, and what belongs to them: CSRF tokens, passwords, sealed cookies,
//! connections under the user's own credentials, values that live in modules.
//!
//! [`Sessions`] opens the [`Session`] of a request from its headers and writes what changed before the
//! answer goes out; a [`Store`] keeps them. [`CsrfPolicy`] judges unsafe requests. [`Passwords`] and
//! [`Throttle`] are for logins, [`Limits`] for whatever else visitors may do too often. [`KeyRing`] seals small cookies. [`UserConnections`] and
//! [`Instances`] know what a session has in memory, and what is to go when it ends.
//!
//! It knows neither connections of HTTP nor sites nor modules: bytes, header maps and addresses come in,
//! and the time from a [`Clock`].

#![forbid(unsafe_code)]

mod clock;
pub mod config;
mod connections;
mod cookie;
mod csrf;
mod draft;
mod error;
mod flash;
mod gcra;
mod id;
mod instances;
mod keyring;
mod limits;
mod password;
mod permits;
mod sealed;
mod session;
mod sessions;
mod settings;
mod store;
mod throttle;
mod timed;

pub use clock::Clock;
pub use connections::{Close, UserConnections};
pub use csrf::{
    CsrfPolicy, CsrfRefusal, CsrfRequest, CsrfVerdict, Origin, TOKEN_FIELD, TOKEN_HEADER,
};
pub use error::{Cause, Result, SessionError};
pub use flash::Flash;
pub use id::{Handle, SessionId, SessionKey};
pub use instances::{DropReason, Dropped, InstanceKey, InstanceStats, Instances, Lease, Wait};
pub use keyring::KeyRing;
pub use limits::Limits;
pub use password::{Cost, Passwords, Verdict};
pub use session::Session;
pub use sessions::{Client, EndReason, SessionInfo, Sessions};
pub use settings::Settings;
pub use store::database::DatabaseStore;
pub use store::memory::MemoryStore;
pub use store::{Change, Record, Store, Stored, Updated};
pub use throttle::{Attempt, Throttle};
