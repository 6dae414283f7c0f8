//! What a request asks for, and of which host: the target and the `Host` field, which must agree.

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Version};
use memchr::memchr;

use super::Reject;

/// A request's target (RFC 9112, section 3.2): a path, perhaps with a query, or `*`.
///
/// A target that came as a URI (`http://host/path`) is its path and query here, `/` if the path is
/// empty; its host is that of the `Host` field. It is a slice of the head, so a copy is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Invariant: ASCII.
    raw: Bytes,
    /// Where the path ends: at the question mark or at the end.
    path_len: usize,
}

impl Target {
    /// Makes the target of what was found in `head`.
    pub(super) fn new(form: &Form, head: &Bytes) -> Target {
        let raw = match *form {
            Form::Asterisk => Bytes::from_static(b"*"),
            Form::Absolute { path: b"", .. } => Bytes::from_static(b"/"),
            Form::Absolute {
                path: query @ [b'?', ..],
                ..
            } => Bytes::from([b"/", query].concat()),
            Form::Origin(path) | Form::Absolute { path, .. } => head.slice_ref(path),
        };
        let path_len = memchr(b'?', &raw).unwrap_or(raw.len());
        Target { raw, path_len }
    }

    /// The path: raw, not decoded, without the query. It starts with `/` or is `*`.
    pub fn path(&self) -> &str {
        &self.as_str()[..self.path_len]
    }

    /// The query, without its question mark; it may be empty.
    pub fn query(&self) -> Option<&str> {
        self.as_str().get(self.path_len + 1..)
    }

    /// Path and query.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.raw).expect("a target is ASCII")
    }

    /// Whether it is `*`: the `OPTIONS` are asked of the server, not of a resource.
    pub fn is_asterisk(&self) -> bool {
        *self.raw == *b"*"
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The forms of a target that we accept, as slices of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// It starts with `/`.
    Origin(&'a [u8]),
    /// A URI whose authority is valid. The path may be empty or only a query.
    Absolute { authority: &'a [u8], path: &'a [u8] },
    /// `*`, with `OPTIONS`.
    Asterisk,
}

impl<'a> Form<'a> {
    pub(super) fn parse(target: &'a [u8], method: &Method) -> Result<Form<'a>, Reject> {
        // No early return, so that it is a loop for the vector unit.
        let good = |&byte: &u8| matches!(byte, b'!'..=b'~') & (byte != b'#');
        if !target.iter().fold(true, |all, byte| all & good(byte)) {
            return Err(Reject::TargetByte);
        }
        match target {
            [b'/', ..] => Ok(Form::Origin(target)),
            b"*" if method == Method::OPTIONS => Ok(Form::Asterisk),
            _ => Form::parse_absolute(target),
        }
    }

    fn parse_absolute(target: &'a [u8]) -> Result<Form<'a>, Reject> {
        let rest = strip_scheme(target, b"http://")
            .or_else(|| strip_scheme(target, b"https://"))
            .ok_or(Reject::TargetForm)?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
        if !is_authority(authority) {
            return Err(Reject::TargetAuthority);
        }
        Ok(Form::Absolute { authority, path })
    }
}

/// Schemes are compared without regard to case (RFC 3986, section 3.1).
fn strip_scheme<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = target.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Judges the `Host` (RFC 9112, section 3.2): one, needed in HTTP/1.1, valid, empty only beside a
/// path or `*`. With a URI as target, it must be the URI's authority, letter for letter but for
/// case; HTTP/1.0 makes no exception, as there is no use for one.
pub(super) fn check_host(form: &Form, version: Version, headers: &HeaderMap) -> Result<(), Reject> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().map(|value| value.as_bytes());
    if hosts.next().is_some() {
        return Err(Reject::HostTwice);
    }
    match (host, form) {
        (None, _) if version == Version::HTTP_11 => Err(Reject::HostMissing),
        (Some(host), _) if !host.is_empty() && !is_authority(host) => Err(Reject::HostInvalid),
        (_, Form::Absolute { authority, .. }) => {
            let same = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
            if same {
                Ok(())
            } else {
                Err(Reject::HostMismatch)
            }
        }
        _ => Ok(()),
    }
}

/// Whether it is a host, perhaps with a port (RFC 3986, section 3.2, without user info, percent
/// signs and future address formats): a name, an IPv4 address, or an IPv6 address in brackets.
fn is_authority(authority: &[u8]) -> bool {
    let (host_is_good, rest) = match authority {
        [b'[', inner @ ..] => {
            let Some(end) = memchr(b']', inner) else {
                return false;
            };
            (is_ipv6(&inner[..end]), &inner[end + 1..])
        }
        _ => {
            let (name, rest) =
                authority.split_at(memchr(b':', authority).unwrap_or(authority.len()));
            (is_name(name), rest)
        }
    };
    host_is_good && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port))
}

fn is_name(name: &[u8]) -> bool {
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && name.iter().all(good)
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_port(port: &[u8]) -> bool {
    let number = |number: u32, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        Some(number * 10 + digit)
    };
    let in_length = (1..=5).contains(&port.len());
    in_length
        && port
            .iter()
            .try_fold(0, number)
            .is_some_and(|port| port <= 65_535)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
