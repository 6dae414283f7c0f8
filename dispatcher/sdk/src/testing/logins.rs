//! Passwords and sealed texts of a test. Nothing here is cryptography: it gives the same each time, costs
//! nothing, and is refused by a server.

use serde::{Deserialize, Serialize};

use super::limits::{PASSWORD_BYTES_MAX, SEALED_BYTES_MAX};
use super::services::encode;
use super::store::Store;
use crate::error::{Error, Result};

/// What hashes of tests begin with; a server says that these are none.
const CURRENT: &str = "$harmonious-testing$v=2$";
const OUTDATED: &str = "$harmonious-testing$v=1$";
/// What sealed texts of tests begin with.
const SEALED: &str = "test-sealed-";

#[derive(Deserialize)]
struct Password<'a> {
    password: &'a str,
}

#[derive(Deserialize)]
struct Login<'a> {
    password: &'a str,
    hash: Option<&'a str>,
}

#[derive(Serialize)]
struct LoginReply {
    ok: bool,
    new_hash: Option<String>,
}

#[derive(Deserialize)]
struct Seal<'a> {
    name: &'a str,
    text: &'a str,
    life_s: u64,
}

/// The hash that [`Request::hash_password`](crate::Request::hash_password) gives in a test, for answers of
/// the database. It is no hash that protects anything, and no server takes it.
///
/// ```standalone_crate
/// use harmonious::prelude::*;
/// use harmonious::testing::{self, Answer, Site};
///
/// #[post]
/// fn sign_in(req: &Request) -> Result<Response> {
///     let row = req.db().query_one("SELECT hash FROM users WHERE name = ?", &["ann".into()])?;
///     let hash: Option<String> = row.map(|row| row.get("hash")).transpose()?;
///     let login = req.check_login("ann", &req.form()?.text("password")?, hash.as_deref())?;
///     Ok(Response::text(login.ok.to_string()))
/// }
/// # fn main() {
/// let site = Site::new().db(|_| Ok(Answer::rows(&["hash"], [(testing::hash_password("secret"),)])));
/// assert_eq!(site.post("/").form(&[("password", "secret")]).send().text(), "true");
/// assert_eq!(site.post("/").form(&[("password", "guessed")]).send().text(), "false");
/// # }
/// ```
#[must_use]
pub fn hash_password(password: &str) -> String {
    format!("{CURRENT}{:016x}", fnv(password.as_bytes()))
}

/// As [`hash_password`], as if made long ago: a login with it is given a
/// [`new_hash`](crate::Login::new_hash) to be stored.
///
/// ```
/// use harmonious::testing;
///
/// assert_ne!(testing::outdated_password_hash("secret"), testing::hash_password("secret"));
/// ```
#[must_use]
pub fn outdated_password_hash(password: &str) -> String {
    format!("{OUTDATED}{:016x}", fnv(password.as_bytes()))
}

/// Answers a message.
pub fn answer(store: &Store, service: &str, message: &[u8]) -> Result<Vec<u8>> {
    match service {
        "password.hash" => {
            let Password { password } = rmp_serde::from_slice(message)?;
            check_length(password)?;
            encode(&hash_password(password))
        }
        "login" => encode(&login(&rmp_serde::from_slice(message)?)?),
        "seal" => encode(&seal(store, &rmp_serde::from_slice(message)?)?),
        _ => {
            let Seal { name, text, .. } = rmp_serde::from_slice(message)?;
            encode(&unseal(store, name, text))
        }
    }
}

fn login(login: &Login<'_>) -> Result<LoginReply> {
    // One that is too long is no password of anybody's, as with a server.
    let fits = check_length(login.password).is_ok();
    let is = |made: fn(&str) -> String| fits && login.hash == Some(&made(login.password));
    let is_hash = |hash: &str| {
        [CURRENT, OUTDATED]
            .iter()
            .any(|head| hash.starts_with(head))
    };
    if login.hash.is_some_and(|hash| !is_hash(hash)) {
        return Err(Error::internal(
            "what is stored as the hash of a password is none of a test: \
             make it with harmonious::testing::hash_password",
        ));
    }
    let outdated = is(outdated_password_hash);
    Ok(LoginReply {
        ok: outdated || is(hash_password),
        new_hash: outdated.then(|| hash_password(login.password)),
    })
}

fn check_length(password: &str) -> Result<()> {
    let bytes = password.len();
    match bytes <= PASSWORD_BYTES_MAX {
        true => Ok(()),
        false => Err(
            Error::unprocessable("the password is too long").with_detail(format!(
                "the password has {bytes} bytes, more than {PASSWORD_BYTES_MAX}: take a shorter one"
            )),
        ),
    }
}

fn seal(store: &Store, seal: &Seal<'_>) -> Result<String> {
    let bytes = seal.text.len();
    if bytes > SEALED_BYTES_MAX {
        return Err(Error::internal(format!(
            "{bytes} bytes are to be sealed, more than {SEALED_BYTES_MAX}: a cookie is for small things"
        )));
    }
    let life_ms = seal.life_s.saturating_mul(1000);
    let until = store.now_ms().saturating_add(life_ms);
    let sum = sum_of(seal.name, until, seal.text);
    let text: String = (seal.text.bytes())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("{SEALED}{until:x}-{sum:016x}-{text}"))
}

fn unseal(store: &Store, name: &str, sealed: &str) -> Option<String> {
    let mut parts = sealed.strip_prefix(SEALED)?.splitn(3, '-');
    let until = u64::from_str_radix(parts.next()?, 16).ok()?;
    let (sum, text) = (parts.next()?, parts.next()?.as_bytes());
    let (pairs, rest) = text.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let text: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let text = String::from_utf8(text?).ok()?;
    let is_ours = rest.is_empty() && sum == format!("{:016x}", sum_of(name, until, &text));
    (is_ours && store.now_ms() < until).then_some(text)
}

fn sum_of(name: &str, until: u64, text: &str) -> u64 {
    fnv(format!("{name}\0{until}\0{text}").as_bytes())
}

/// FNV-1a (Fowler, Noll, Vo): the same on every machine and with every compiler, as the hash of the standard
/// library is not.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_password_fits_its_hash_only() {
        let check = |password, hash| login(&Login { password, hash });
        let hash = hash_password("secret");
        assert!(check("secret", Some(&hash)).unwrap().ok);
        assert!(!check("Secret", Some(&hash)).unwrap().ok);
        assert!(!check("secret", None).unwrap().ok);
        let error = check("secret", Some("$argon2id$v=19$")).err().unwrap();
        assert!(error.detail().ends_with("testing::hash_password"));
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert!(!check(&long, Some(&hash_password(&long))).unwrap().ok);
        let refused = check_length(&long).unwrap_err();
        assert_eq!(
            (refused.status(), refused.title()),
            (422, "the password is too long")
        );
    }

    #[test]
    fn an_outdated_hash_is_replaced() {
        let old = outdated_password_hash("secret");
        let hash = Some(old.as_str());
        let reply = |password| login(&Login { password, hash }).unwrap();
        assert_eq!(reply("secret").new_hash, Some(hash_password("secret")));
        assert!(!reply("other").ok && reply("other").new_hash.is_none());
    }

    #[test]
    fn what_was_changed_or_is_old_does_not_open() {
        let mut store = Store::default();
        let (name, life_s) = ("link", 60);
        let text = "ann é";
        let sealed = seal(&store, &Seal { name, text, life_s }).unwrap();
        assert!(!sealed.contains("ann") && sealed.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(unseal(&store, "link", &sealed).as_deref(), Some(text));
        assert_eq!(unseal(&store, "other", &sealed), None);
        for at in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert_eq!(unseal(&store, name, &other), None, "byte {at}");
            assert_eq!(unseal(&store, name, &sealed[..at]), None, "{at} bytes");
        }
        store.advance(Duration::from_secs(60));
        assert_eq!(unseal(&store, name, &sealed), None);
        let text = &"x".repeat(SEALED_BYTES_MAX + 1);
        assert!(seal(&store, &Seal { name, text, life_s }).is_err());
    }
}
