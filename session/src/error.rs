//! What can go wrong with sessions and with what they own; no message holds a secret.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{
    CONNECTIONS_RETRY_AFTER, COOKIE_NAME_BYTES_MAX, FLASH_BYTES_MAX, INSTANCE_RETRY, KEY_BYTES_MAX,
    NAME_BYTES_MAX, PASSWORD_BYTES_MAX, SEALED_BYTES_MAX, SESSION_BYTES_MAX, SESSION_KEYS_MAX,
    STORE_RETRY_AFTER, USER_BYTES_MAX, VALUE_BYTES_MAX,
};

/// The cause of an error, of whatever crate.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with sessions and with what they own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The store could not be asked or did not answer. Nothing was acknowledged.
    #[error("the session store failed to {what}: see its cause, then try again")]
    Store {
        /// What it was asked to do.
        what: &'static str,
        /// What it says.
        source: Cause,
    },
    /// The session ended, or got a new id, while this request was under way: what it wanted to write
    /// is not written.
    #[error(
        "the session ended or was renewed by another request meanwhile: send the request again"
    )]
    Gone,
    /// A key that is empty, too long, or kept for the framework.
    #[error(
        "{key:?} is no key of a session: take 1 to {KEY_BYTES_MAX} bytes without control characters, \
         the first one not `~`"
    )]
    Key {
        /// The beginning of the key.
        key: String,
    },
    /// A value that is too large.
    #[error(
        "the value of {key:?} has {bytes} bytes, more than {VALUE_BYTES_MAX}: \
         keep it in the database, and its key in the session"
    )]
    Value {
        /// Its key.
        key: String,
        /// How large it is.
        bytes: usize,
    },
    /// The session would hold too much.
    #[error(
        "the session would hold more than {SESSION_KEYS_MAX} keys or {SESSION_BYTES_MAX} bytes: \
         remove some of them, or keep them in the database"
    )]
    Full,
    /// A flash that is too long.
    #[error("the flash has {bytes} bytes, more than {FLASH_BYTES_MAX}: shorten it")]
    Flash {
        /// How long it is.
        bytes: usize,
    },
    /// A user's name that is empty or too long.
    #[error("the user has {bytes} bytes: take 1 to {USER_BYTES_MAX}, such as the key of its row")]
    User {
        /// How long it is.
        bytes: usize,
    },
    /// The body of a request could not be read while a token was looked for.
    #[error("the body could not be read while its CSRF token was looked for")]
    Body(#[source] io::Error),
    /// An origin of the settings that is none.
    #[error(
        "{origin:?} is no origin: write it as https://www.example.org, with a port if it has one"
    )]
    Origin {
        /// What it says.
        origin: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] Cause),
    /// A password that is too long to be hashed.
    #[error("the password has {bytes} bytes, more than {PASSWORD_BYTES_MAX}: take a shorter one")]
    Password {
        /// How long it is.
        bytes: usize,
    },
    /// What should be the hash of a password is none that this crate makes.
    #[error(
        "what is stored as the hash of a password is no PHC string of Argon2 within the limits"
    )]
    NotAHash,
    /// The parameters of Argon2 are none that it takes.
    #[error("Argon2 does not take these parameters: {reason}")]
    Cost {
        /// What it says of them.
        reason: String,
    },
    /// Too many others hash passwords at the moment.
    #[error("too many passwords are being checked: try again in {} s", retry_after.as_secs())]
    Busy {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// Too many logins failed.
    #[error("too many failed logins: try again in {} s", retry_after.as_secs())]
    Throttled {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// Something was done too often.
    #[error("more than the limit {name:?} allows: try again in {} s", retry_after.as_millis().div_ceil(1000))]
    Limited {
        /// The name of the limit.
        name: String,
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// A limit that cannot be.
    #[error("the limit {name:?} {reason}")]
    Limit {
        /// The beginning of its name.
        name: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A file of keys that cannot be used.
    #[error("the file of keys {} {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
        /// What the system says.
        source: Option<io::Error>,
    },
    /// More than fits into a cookie.
    #[error(
        "{bytes} bytes are to be sealed, more than {SEALED_BYTES_MAX}: a cookie is for small things"
    )]
    Sealed {
        /// How many.
        bytes: usize,
    },
    /// A name that no cookie can have.
    #[error(
        "{name:?} is no name of a cookie: take 1 to {COOKIE_NAME_BYTES_MAX} letters, digits, `-`, `_` \
         and `.`, the first two not `__`"
    )]
    Cookie {
        /// Its beginning.
        name: String,
    },
    /// The name of a connection, an instance or its module.
    #[error("{name:?} is no name: take 1 to {NAME_BYTES_MAX} bytes")]
    Name {
        /// Its beginning.
        name: String,
    },
    /// There are as many connections under users' own credentials as there may be.
    #[error(
        "{count} connections under {whose} own credentials are open, as many as there may be: \
         close one, or raise the limit"
    )]
    Connections {
        /// Whose: `this user's`, or `users'`.
        whose: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The connection could not be opened; the cause is of the database's crate.
    #[error("the connection {name:?} could not be opened")]
    Connect {
        /// Its name.
        name: String,
        /// What the database says.
        source: Cause,
    },
    /// The session ended while its connection was opened, or another request opened one of that name.
    #[error("the connection {name:?} was closed while it was opened: try again")]
    ConnectionEnded {
        /// Its name.
        name: String,
    },
    /// Another request has the instance, and did not give it back in time.
    #[error("{module} {name:?} of this session is in use by another request: try again")]
    InstanceBusy {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
    },
    /// There are as many instances as there may be, and all are in use.
    #[error(
        "{count} instances are kept, as many as there may be: drop one, or raise instances or \
         instance-memory in [sessions] of site.toml"
    )]
    InstancesFull {
        /// How many there are.
        count: usize,
    },
    /// The session ended while a request waited for its instance.
    #[error("the session of the instance ended")]
    InstanceEnded,
}

impl SessionError {
    /// The status of an answer for it: 503 where the same request may succeed later, 429 for the
    /// throttle and for limits, 400 and 422 for what the client sent, 500 for what the site did.
    pub fn status(&self) -> u16 {
        match self {
            SessionError::Store { .. }
            | SessionError::Gone
            | SessionError::Random(_)
            | SessionError::Busy { .. }
            | SessionError::Connections { .. }
            | SessionError::Connect { .. }
            | SessionError::ConnectionEnded { .. }
            | SessionError::InstanceBusy { .. }
            | SessionError::InstancesFull { .. }
            | SessionError::InstanceEnded => 503,
            SessionError::Throttled { .. } | SessionError::Limited { .. } => 429,
            SessionError::Body(_) => 400,
            SessionError::Password { .. } => 422,
            _ => 500,
        }
    }

    /// When to try again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SessionError::Busy { retry_after }
            | SessionError::Throttled { retry_after }
            | SessionError::Limited { retry_after, .. } => Some(*retry_after),
            SessionError::InstanceBusy { .. } | SessionError::InstancesFull { .. } => {
                Some(INSTANCE_RETRY)
            }
            SessionError::Store { .. } => Some(STORE_RETRY_AFTER),
            SessionError::Connections { .. } => Some(CONNECTIONS_RETRY_AFTER),
            _ => None,
        }
    }

    /// An error of a store.
    pub fn store(what: &'static str, source: impl Into<Cause>) -> SessionError {
        let source = source.into();
        SessionError::Store { what, source }
    }
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, SessionError>;

/// The beginning of a name that may be anything, to be shown in a message.
pub(crate) fn beginning(name: &str) -> String {
    name.chars().take(40).collect()
}
