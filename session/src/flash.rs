//! Messages to be shown once, each under a key of its own, so that requests at the same time lose none.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::random;

/// Keys that begin so belong to the framework; no author can set one.
pub(crate) const RESERVED: char = '~';
/// Keys of flashes begin so.
const PREFIX: &str = "~flash/";

/// A message that is shown to the user once, on whichever page comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What sort it is: `info`, `error`, whatever the site's templates know.
    pub kind: String,
    /// What it says: text, not markup.
    pub text: String,
}

/// A key that no other flash has; keys of later ones come later in the alphabet.
pub(crate) fn key(now_ms: u64, number: u32) -> Result<String> {
    let random = u64::from_le_bytes(random()?);
    Ok(format!("{PREFIX}{now_ms:012x}{number:04x}{random:016x}"))
}

/// Whether a flash is kept under it.
pub(crate) fn is_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

pub(crate) fn write(kind: &str, text: &str) -> Vec<u8> {
    rmp_serde::to_vec(&(kind, text)).expect("two texts are MessagePack")
}

/// The flash, or none if the store holds what we did not write.
pub(crate) fn read(value: &[u8]) -> Option<Flash> {
    let (kind, text) = rmp_serde::from_slice(value).ok()?;
    Some(Flash { kind, text })
}
