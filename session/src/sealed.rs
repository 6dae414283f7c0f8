//! Small things that a browser keeps and cannot read or change.
//!
//! A sealed value is base64url of: version (1 byte), id of the key (4), nonce (24), and the ciphertext of
//! the last moment (8 bytes, milliseconds since 1970) and the bytes, with its tag (16). Name, version and
//! key's id are authenticated with it: a value under another name does not open.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::clock::{Clock, millis};
use crate::config::{SEALED_BYTES_MAX, SEALED_CHARS_MAX};
use crate::error::{Result, SessionError};
use crate::id::random;
use crate::keyring::{Key, KeyRing};

const VERSION: u8 = 1;
/// Version and the key's id.
const HEAD_BYTES: usize = 5;
/// So long that nonces may be drawn at random for ever (draft-irtf-cfrg-xchacha, section 2).
const NONCE_BYTES: usize = 24;
const TIME_BYTES: usize = 8;

impl KeyRing {
    /// Seals bytes for the cookie of that name, for that long. The result may stand in a cookie as it is.
    ///
    /// ```
    /// use std::time::Duration;
    /// use harmonious_session::{Clock, KeyRing};
    ///
    /// let (ring, clock) = (KeyRing::new()?, Clock::system());
    /// let day = Duration::from_secs(86_400);
    /// let sealed = ring.seal("theme", b"dark", day, &clock)?;
    /// assert_eq!(ring.open("theme", &sealed, &clock).as_deref(), Some(&b"dark"[..]));
    /// assert_eq!(ring.open("other", &sealed, &clock), None);
    /// # Ok::<(), harmonious_session::SessionError>(())
    /// ```
    ///
    /// # Errors
    /// If they are more than [`SEALED_BYTES_MAX`], or the system has no random bytes.
    pub fn seal(
        &self,
        name: &str,
        bytes: &[u8],
        life: std::time::Duration,
        clock: &Clock,
    ) -> Result<String> {
        let too_large = SessionError::Sealed { bytes: bytes.len() };
        if bytes.len() > SEALED_BYTES_MAX {
            return Err(too_large);
        }
        let key = self.newest();
        let nonce: [u8; NONCE_BYTES] = random()?;
        let until = clock.now_ms().saturating_add(millis(life));
        let text = [&until.to_be_bytes(), bytes].concat();
        let head = head(key);
        let payload = Payload {
            msg: &text,
            aad: &[&head, name.as_bytes()].concat(),
        };
        // It fails for more than the 256 GiB that one nonce is good for.
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| too_large)?;
        Ok(Base64UrlUnpadded::encode_string(
            &[&head, &nonce[..], &sealed].concat(),
        ))
    }

    /// What was sealed for the cookie of that name: none if it was changed, cut, sealed for another
    /// name or under a key that is gone, or if its time is over.
    pub fn open(&self, name: &str, sealed: &str, clock: &Clock) -> Option<Vec<u8>> {
        if sealed.len() > SEALED_CHARS_MAX {
            return None;
        }
        let sealed = Base64UrlUnpadded::decode_vec(sealed).ok()?;
        let (head, rest) = sealed.split_first_chunk::<HEAD_BYTES>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (version, id) = head.split_first()?;
        if *version != VERSION {
            return None;
        }
        let key = self.find(u32::from_be_bytes(id.try_into().ok()?))?;
        let payload = Payload {
            msg: rest,
            aad: &[&head[..], name.as_bytes()].concat(),
        };
        let text = cipher(key).decrypt(&XNonce::from(*nonce), payload).ok()?;
        let (until, bytes) = text.split_first_chunk::<TIME_BYTES>()?;
        (clock.now_ms() < u64::from_be_bytes(*until)).then(|| bytes.to_vec())
    }
}

fn head(key: &Key) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = key.id.to_be_bytes();
    [VERSION, a, b, c, d]
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.sealing.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn what_was_changed_does_not_open() {
        let (ring, clock) = (KeyRing::new().unwrap(), Clock::by_hand(1000));
        let sealed = ring.seal("a", b"secret", DAY, &clock).unwrap();
        assert_eq!(ring.open("a", &sealed, &clock).unwrap(), b"secret");
        assert!(!sealed.contains("secret"));
        let bytes = Base64UrlUnpadded::decode_vec(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let other = Base64UrlUnpadded::encode_string(&other);
            assert!(ring.open("a", &other, &clock).is_none(), "byte {at}");
            let cut = Base64UrlUnpadded::encode_string(&bytes[..at]);
            assert!(ring.open("a", &cut, &clock).is_none(), "{at} bytes");
        }
        for bad in ["", "a", "%", &format!("{sealed}A"), &sealed.repeat(100)] {
            assert!(ring.open("a", bad, &clock).is_none());
        }
        assert!(ring.open("b", &sealed, &clock).is_none());
        assert!(KeyRing::new().unwrap().open("a", &sealed, &clock).is_none());
    }

    #[test]
    fn its_time_and_its_size_are_bounded() {
        let (ring, clock) = (KeyRing::new().unwrap(), Clock::by_hand(1000));
        let sealed = ring.seal("a", &[0; SEALED_BYTES_MAX], DAY, &clock).unwrap();
        assert!(sealed.len() <= SEALED_CHARS_MAX);
        assert!(
            ring.seal("a", &[0; SEALED_BYTES_MAX + 1], DAY, &clock)
                .is_err()
        );
        clock.advance(DAY - Duration::from_millis(1));
        assert!(ring.open("a", &sealed, &clock).is_some());
        clock.advance(Duration::from_millis(1));
        assert!(ring.open("a", &sealed, &clock).is_none());
    }

    #[test]
    fn old_keys_open_until_they_fall_off() {
        let (mut ring, clock) = (KeyRing::new().unwrap(), Clock::by_hand(1000));
        let sealed = ring.seal("a", b"x", DAY, &clock).unwrap();
        for _ in 1..crate::config::KEYS_MAX {
            ring.add().unwrap();
            assert!(ring.open("a", &sealed, &clock).is_some());
        }
        ring.add().unwrap();
        assert!(ring.open("a", &sealed, &clock).is_none());
    }
}
