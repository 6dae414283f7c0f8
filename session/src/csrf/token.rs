//! Tokens: the session's secret, masked anew for each page.
//!
//! A page is compressed. Were the token the same each time, an attacker who can put text into a page and
//! see the length of answers could guess it piece by piece (BREACH). So each page gets a random mask and
//! the secret under it; all of them stand for the same secret.

use base64ct::{Base64UrlUnpadded, Encoding};
use subtle::ConstantTimeEq;

use crate::error::Result;
use crate::id::random;

const SECRET_BYTES: usize = 32;
const TOKEN_BYTES: usize = 2 * SECRET_BYTES;

/// A token for the secret: the mask, and the secret under it.
pub fn mask(secret: &[u8; SECRET_BYTES]) -> Result<String> {
    let mask: [u8; SECRET_BYTES] = random()?;
    let mut token = [0; TOKEN_BYTES];
    for (at, byte) in secret.iter().enumerate() {
        token[at] = mask[at];
        token[SECRET_BYTES + at] = mask[at] ^ byte;
    }
    Ok(Base64UrlUnpadded::encode_string(&token))
}

/// Whether a token stands for the secret. The time says nothing of the secret.
pub fn is_of(secret: &[u8; SECRET_BYTES], token: &[u8]) -> bool {
    let mut bytes = [0; TOKEN_BYTES];
    if token.len() != Base64UrlUnpadded::encoded_len(&bytes)
        || Base64UrlUnpadded::decode(token, &mut bytes).is_err()
    {
        return false;
    }
    let (mask, masked) = bytes.split_at(SECRET_BYTES);
    let mut found = [0; SECRET_BYTES];
    for (at, byte) in found.iter_mut().enumerate() {
        *byte = mask[at] ^ masked[at];
    }
    found.ct_eq(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_stand_for_one_secret() {
        let secret = [7; SECRET_BYTES];
        let (one, two) = (mask(&secret).unwrap(), mask(&secret).unwrap());
        assert_ne!(one, two);
        assert!(is_of(&secret, one.as_bytes()) && is_of(&secret, two.as_bytes()));
        assert!(!is_of(&[8; SECRET_BYTES], one.as_bytes()));
        for bad in [
            "",
            "a",
            &one[1..],
            &format!("{one}A"),
            &"A".repeat(86),
            &one.repeat(99),
        ] {
            assert!(!is_of(&secret, bad.as_bytes()), "{bad:.20}");
        }
    }
}
