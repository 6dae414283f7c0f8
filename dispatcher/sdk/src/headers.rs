//! Header fields of an answer: names in lower case, in the order of their setting, and none that could
//! end its line and begin another one.

use std::fmt;

/// The fields of an answer.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

/// A field that no answer may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    name: String,
    why: &'static str,
}

impl Headers {
    /// In place of all of that name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        let name = checked(name, value.as_bytes())?;
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.into()));
        Ok(())
    }

    /// Besides those of that name.
    pub fn append(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        self.0
            .push((checked(name, value.as_bytes())?, value.into()));
        Ok(())
    }

    /// As the host sent it; not checked again.
    pub fn push_raw(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Takes away all of that name.
    pub fn remove(&mut self, name: &str) {
        self.0
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// The first of that name, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .0
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        str::from_utf8(value).ok()
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// The name in lower case, if it is a token and the value has no control characters (RFC 9110, 5.5).
fn checked(name: &str, value: &[u8]) -> Result<String, Refused> {
    let refused = |why| Refused {
        name: name.escape_debug().to_string(),
        why,
    };
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(refused("its name is no token"));
    }
    if value
        .iter()
        .any(|&byte| byte != b'\t' && byte.is_ascii_control())
    {
        return Err(refused(
            "its value has a line break or another control character",
        ));
    }
    Ok(name.to_ascii_lowercase())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "header field `{}` cannot be sent: {}",
            self.name, self.why
        )
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_refused_in_names_and_values() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("a", "1\r\nb: 2"),
            ("a", "1\n"),
            ("a\r\n", "1"),
            ("", "1"),
            ("a", "\0"),
        ] {
            assert!(headers.set(name, value).is_err(), "{name:?}: {value:?}");
        }
        assert_eq!(headers.iter().len(), 0);
    }

    #[test]
    fn setting_replaces_and_appending_adds() {
        let mut headers = Headers::default();
        headers.append("X-A", "1").unwrap();
        headers.append("x-a", "2").unwrap();
        assert_eq!(headers.iter().len(), 2);
        headers.set("x-A", "3").unwrap();
        assert_eq!((headers.iter().len(), headers.get("X-a")), (1, Some("3")));
    }
}
