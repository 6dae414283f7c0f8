//! Ids of sessions, what the store keeps of them, and the handles that users see.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use subtle::ConstantTimeEq;

use crate::config::ID_BYTES;
use crate::error::{Result, SessionError};

/// What a key of the store is derived for: a hash of another purpose never equals one.
const KEY_CONTEXT: &str = "harmonious session 2026-11 key of the store";
/// What the secret of CSRF tokens is derived for.
const CSRF_CONTEXT: &str = "harmonious session 2026-11 csrf secret";

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SessionError::Random(error.into()))?;
    Ok(bytes)
}

/// The id of a session: 256 bits of the system's generator, known to the browser only. Whoever has it
/// has the session, so it is shown nowhere and stored nowhere.
#[derive(Clone)]
pub struct SessionId([u8; ID_BYTES]);

/// What a store knows of an id: its hash. 256 random bits need no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey([u8; 32]);

/// What a session is called where its user sees it, and where things in memory belong to it: 128 random
/// bits that stay when the id changes, and open nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle([u8; 16]);

impl SessionId {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn draw() -> Result<SessionId> {
        random().map(SessionId)
    }

    /// The id that a cookie's value spells: 43 characters of base64url, as they were sent out and no
    /// other way of writing the same bits.
    pub fn parse(text: &[u8]) -> Option<SessionId> {
        let mut id = [0; ID_BYTES];
        if text.len() != Base64UrlUnpadded::encoded_len(&id) {
            return None;
        }
        Base64UrlUnpadded::decode(text, &mut id).ok()?;
        Some(SessionId(id))
    }

    /// The value of its cookie.
    pub fn to_cookie_value(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// What the store knows of it.
    pub fn key(&self) -> SessionKey {
        SessionKey(blake3::derive_key(KEY_CONTEXT, &self.0))
    }

    /// The secret behind its CSRF tokens: it changes with the id, and costs no store anything.
    pub(crate) fn csrf_secret(&self) -> [u8; 32] {
        blake3::derive_key(CSRF_CONTEXT, &self.0)
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &SessionId) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl SessionKey {
    /// Its bytes, for a store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key with these bytes, from a store.
    pub fn from_bytes(bytes: [u8; 32]) -> SessionKey {
        SessionKey(bytes)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

impl Handle {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn draw() -> Result<Handle> {
        random().map(Handle)
    }

    /// The handle that a text spells, as [`Display`](fmt::Display) writes it.
    ///
    /// ```
    /// use harmonious_session::Handle;
    ///
    /// let handle = Handle::draw()?;
    /// assert_eq!(Handle::parse(&handle.to_string()), Some(handle));
    /// assert_eq!(Handle::parse("a"), None);
    /// # Ok::<(), harmonious_session::SessionError>(())
    /// ```
    pub fn parse(text: &str) -> Option<Handle> {
        let mut bytes = [0; 16];
        if text.len() != Base64UrlUnpadded::encoded_len(&bytes) {
            return None;
        }
        Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        Some(Handle(bytes))
    }

    /// Its bytes, for a store.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The handle with these bytes, from a store.
    pub fn from_bytes(bytes: [u8; 16]) -> Handle {
        Handle(bytes)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = SessionId::draw().unwrap();
        let text = id.to_cookie_value();
        assert_eq!(text.len(), 43);
        assert!(SessionId::parse(text.as_bytes()) == Some(id.clone()));
        // The last character holds four bits: the other two must be zero.
        let last = text.as_bytes()[42];
        let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let spellings = all.iter().filter(|&&c| {
            let mut other = text.clone().into_bytes();
            other[42] = c;
            SessionId::parse(&other).is_some_and(|other| other == id) && c != last
        });
        assert_eq!(spellings.count(), 0);
    }

    #[test]
    fn what_is_not_an_id_is_none() {
        let text = SessionId::draw().unwrap().to_cookie_value();
        for bad in [
            "",
            "a",
            &text[..42],
            &format!("{text}A"),
            &format!("{text}="),
            &format!("{}=", &text[..42]),
            &format!("{}+", &text[..42]),
            &format!("{} ", &text[..42]),
            &text.repeat(1000),
        ] {
            assert!(SessionId::parse(bad.as_bytes()).is_none(), "{bad:.60}");
        }
        assert!(SessionId::parse(&[0xff; 43]).is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let id = SessionId::draw().unwrap();
        assert_eq!(
            format!("{id:?} {:?}", id.key()),
            "SessionId(..) SessionKey(..)"
        );
        assert_ne!(id.key().as_bytes(), &id.csrf_secret());
    }
}
