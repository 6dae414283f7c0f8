//! What a site may set of its sessions.

use std::time::Duration;

use crate::config::{ABSOLUTE_DEFAULT, COOKIE_NAME_BYTES_MAX, IDLE_DEFAULT};
use crate::error::{Result, SessionError};

/// What a site may set of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cookie's name without TLS; with TLS `__Host-` stands before it.
    pub cookie: String,
    /// How long a session lives that is not used.
    pub idle: Duration,
    /// How long a session lives, used or not, since it began or since its user logged in.
    pub absolute: Duration,
    /// Whether the cookie outlives the browser; the server decides all the same.
    pub lasting: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cookie: "session".to_owned(),
            idle: IDLE_DEFAULT,
            absolute: ABSOLUTE_DEFAULT,
            lasting: true,
        }
    }
}

impl Settings {
    /// Whether they can be meant so: a cookie's name is a token (RFC 6265, section 4.1.1), and has its
    /// prefix from us.
    ///
    /// ```
    /// use harmonious_session::Settings;
    ///
    /// let mut settings = Settings::default();
    /// assert!(settings.check().is_ok());
    /// settings.cookie = "a b;c".to_owned();
    /// assert!(settings.check().is_err());
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Cookie`].
    pub fn check(&self) -> Result<()> {
        let name = &self.cookie;
        let is_token = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if (1..=COOKIE_NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(is_token)
            && !name.starts_with("__")
        {
            return Ok(());
        }
        let name = crate::error::beginning(name);
        Err(SessionError::Cookie { name })
    }
}
