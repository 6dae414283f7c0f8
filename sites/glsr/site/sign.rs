//! Signatures of authors: those of minisign, over the exact bytes of a version.
//!
//! A signature names its key by eight bytes, which are no secret and prove nothing: they choose the key, and
//! the key decides. The format: <https://jedisct1.github.io/minisign/>.

use base64ct::{Base64, Encoding};
use minisign_verify::{Error, PublicKey, Signature};

use crate::{
    model::Wrong,
    rules::{visible, wrong},
};

/// Bytes of a file `.minisig` or `.pub` at most; minisign's own limit for its comments is 8 KiB.
const FILE_BYTES_MAX: usize = 20 * 1024;
/// The public key behind its algorithm (2 bytes) and its id (8).
const PUBLIC_KEY_BYTES: usize = 2 + 8 + 32;
/// The signature behind the same.
const SIGNATURE_BYTES: usize = 2 + 8 + 64;

/// Whether `minisig`, the text of a file `.minisig`, is a signature of `bytes` by the key `public`, which is
/// the text of a file `.pub` or its second line alone. Signatures of the old kind (over the bytes
/// themselves, not over their hash) are taken.
///
/// # Errors
///
/// `key_malformed` (field `public_key`); with the field `signature`: `signature_malformed`,
/// `signature_algorithm` (another one than Ed25519), `signature_key` (made by another key),
/// `signature_file` (of other bytes, or its trusted comment was changed).
///
/// ```
/// let wrong = glsr::sign::verify("RWx", "untrusted comment: x", b"").unwrap_err();
/// assert_eq!((wrong.field, wrong.key), ("public_key", "key_malformed"));
/// ```
pub fn verify(public: &str, minisig: &str, bytes: &[u8]) -> Result<(), Wrong> {
    let key = PublicKey::from_base64(key_line(public)?).map_err(|_| key_malformed())?;
    let signature = read(minisig)?;
    key.verify(bytes, &signature, true).map_err(refusal)
}

/// Which of several keys made the signature: its place in `publics`.
///
/// # Errors
///
/// As [`verify`]; `signature_key` if none of them did. Keys that cannot be read are passed over.
pub fn verify_any(publics: &[&str], minisig: &str, bytes: &[u8]) -> Result<usize, Wrong> {
    let id = signer(minisig)?;
    let mut last = wrong("signature", "signature_key", 0);
    for (at, public) in publics.iter().enumerate() {
        if key_id(public).is_ok_and(|key| key == id) {
            match verify(public, minisig, bytes) {
                Ok(()) => return Ok(at),
                Err(why) => last = why,
            }
        }
    }
    Err(last)
}

/// The id of a public key as minisign prints it: 16 hexadecimal digits in upper case.
///
/// # Errors
///
/// `key_malformed`, with the field `public_key`.
///
/// ```
/// let id = glsr::sign::key_id("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3");
/// assert_eq!(id.unwrap(), "E7620F1842B4E81F");
/// ```
pub fn key_id(public: &str) -> Result<String, Wrong> {
    let line = key_line(public)?;
    PublicKey::from_base64(line).map_err(|_| key_malformed())?;
    id_in(line, PUBLIC_KEY_BYTES).ok_or_else(key_malformed)
}

/// The line of a public key that is kept: without its comment.
///
/// # Errors
///
/// `key_malformed`, with the field `public_key`.
pub fn public_key(typed: &str) -> Result<String, Wrong> {
    key_id(typed)?;
    key_line(typed).map(str::to_owned)
}

/// The id of the key that a signature says it was made by.
///
/// # Errors
///
/// `signature_malformed` and `signature_algorithm`.
pub fn signer(minisig: &str) -> Result<String, Wrong> {
    read(minisig)?;
    minisig
        .lines()
        .nth(1)
        .and_then(|line| id_in(line, SIGNATURE_BYTES))
        .ok_or_else(|| wrong("signature", "signature_malformed", 0))
}

/// The comment that the signature covers, with marks for characters that a page would not show.
///
/// # Errors
///
/// `signature_malformed` and `signature_algorithm`.
pub fn trusted_comment(minisig: &str) -> Result<String, Wrong> {
    Ok(visible(read(minisig)?.trusted_comment()))
}

fn read(minisig: &str) -> Result<Signature, Wrong> {
    if minisig.len() > FILE_BYTES_MAX {
        return Err(wrong("signature", "signature_malformed", 0));
    }
    let lines = minisig
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count();
    let odd = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    if lines != 4 || minisig.contains(odd) || !minisig.starts_with("untrusted comment:") {
        return Err(wrong("signature", "signature_malformed", 0));
    }
    Signature::decode(minisig).map_err(refusal)
}

fn refusal(error: Error) -> Wrong {
    let key = match error {
        Error::InvalidSignature => "signature_file",
        Error::UnexpectedKeyId => "signature_key",
        Error::UnexpectedAlgorithm | Error::UnsupportedAlgorithm | Error::UnsupportedLegacyMode => {
            "signature_algorithm"
        }
        _ => "signature_malformed",
    };
    wrong("signature", key, 0)
}

/// The line of the key in what was typed: all of it, or what follows the comment.
fn key_line(public: &str) -> Result<&str, Wrong> {
    if public.len() > FILE_BYTES_MAX {
        return Err(key_malformed());
    }
    let mut lines = public
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next().ok_or_else(key_malformed)?;
    let line = if first.starts_with("untrusted comment:") {
        lines.next()
    } else {
        Some(first)
    };
    match (line, lines.next()) {
        (Some(line), None) => Ok(line),
        _ => Err(key_malformed()),
    }
}

/// The id in the base64 of a key or a signature of so many bytes: it stands least significant byte first.
fn id_in(line: &str, bytes: usize) -> Option<String> {
    let raw = Base64::decode_vec(line.trim())
        .ok()
        .filter(|raw| raw.len() == bytes)?;
    Some(
        raw[2..10]
            .iter()
            .rev()
            .map(|byte| format!("{byte:02X}"))
            .collect(),
    )
}

fn key_malformed() -> Wrong {
    wrong("public_key", "key_malformed", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made once with minisign 0.11; nobody has the secret keys.
    const SCRIPT: &[u8] = include_bytes!("fixtures/sign/script.sh");
    const ONE: &str = include_str!("fixtures/sign/one.pub");
    const TWO: &str = include_str!("fixtures/sign/two.pub");
    const GOOD: &str = include_str!("fixtures/sign/good.minisig");
    const LEGACY: &str = include_str!("fixtures/sign/legacy.minisig");
    const OTHER_KEY: &str = include_str!("fixtures/sign/other-key.minisig");
    const OTHER_FILE: &str = include_str!("fixtures/sign/other-file.minisig");
    const OTHER_COMMENT: &str = include_str!("fixtures/sign/other-comment.minisig");
    const CUT: &str = include_str!("fixtures/sign/cut.minisig");

    fn why(public: &str, minisig: &str, bytes: &[u8]) -> &'static str {
        verify(public, minisig, bytes).map_or_else(|wrong| wrong.key, |()| "good")
    }

    #[test]
    fn signatures_and_why_not() {
        assert_eq!(why(ONE, GOOD, SCRIPT), "good");
        assert_eq!(why(ONE, LEGACY, SCRIPT), "good");
        assert_eq!(why(TWO, OTHER_KEY, SCRIPT), "good");
        assert_eq!(why(ONE, OTHER_KEY, SCRIPT), "signature_key");
        assert_eq!(why(ONE, OTHER_FILE, SCRIPT), "signature_file");
        assert_eq!(why(ONE, OTHER_COMMENT, SCRIPT), "signature_file");
        assert_eq!(why(ONE, LEGACY, &SCRIPT[1..]), "signature_file");
        assert_eq!(why(ONE, GOOD, b""), "signature_file");
        assert_eq!(why(ONE, CUT, SCRIPT), "signature_malformed");
        assert_eq!(why(ONE, "", SCRIPT), "signature_malformed");
        assert_eq!(why(ONE, "a\nb\nc\nd\n", SCRIPT), "signature_malformed");
        assert_eq!(
            why(ONE, &"x".repeat(FILE_BYTES_MAX + 1), SCRIPT),
            "signature_malformed"
        );
        assert_eq!(why("", GOOD, SCRIPT), "key_malformed");
        assert_eq!(why("RWQ=", GOOD, SCRIPT), "key_malformed");
        // The first two bytes are the algorithm: "Ed" and "ED" are Ed25519, "XX" is nothing.
        let line = GOOD.lines().nth(1).unwrap();
        let other = Base64::encode_string(&{
            let mut raw = Base64::decode_vec(line).unwrap();
            raw[..2].copy_from_slice(b"XX");
            raw
        });
        assert_eq!(
            why(ONE, &GOOD.replace(line, &other), SCRIPT),
            "signature_algorithm"
        );
    }

    #[test]
    fn any_cut_is_malformed_or_refused() {
        for end in (0..GOOD.len() - 1).filter(|end| GOOD.is_char_boundary(*end)) {
            assert_ne!(why(ONE, &GOOD[..end], SCRIPT), "good", "{end}");
        }
    }

    #[test]
    fn line_ends_of_browsers() {
        assert_eq!(why(ONE, &GOOD.replace('\n', "\r\n"), SCRIPT), "good");
        assert_eq!(why(&ONE.replace('\n', "\r\n"), GOOD, SCRIPT), "good");
        assert_eq!(
            why(
                &format!("  {}  ", ONE.lines().nth(1).unwrap()),
                GOOD,
                SCRIPT
            ),
            "good"
        );
    }

    #[test]
    fn which_key() {
        assert_eq!(verify_any(&[TWO, "?", ONE], GOOD, SCRIPT), Ok(2));
        assert_eq!(
            verify_any(&[TWO], GOOD, SCRIPT).unwrap_err().key,
            "signature_key"
        );
        assert_eq!(
            verify_any(&[], GOOD, SCRIPT).unwrap_err().key,
            "signature_key"
        );
        assert_eq!(
            verify_any(&[ONE], OTHER_FILE, SCRIPT).unwrap_err().key,
            "signature_file"
        );
    }

    #[test]
    fn ids_are_those_that_minisign_prints() {
        let printed = ONE.lines().next().unwrap().rsplit(' ').next().unwrap();
        assert_eq!(key_id(ONE).unwrap(), printed);
        assert_eq!(signer(GOOD).unwrap(), printed);
        assert_eq!(public_key(ONE).unwrap(), ONE.lines().nth(1).unwrap());
        assert_eq!(trusted_comment(GOOD).unwrap(), "version 3 of script.sh");
    }
}
