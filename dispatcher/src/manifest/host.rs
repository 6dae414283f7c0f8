//! R0: which site a host name means.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv6Addr;

use thiserror::Error;

use super::config::{HOST_BYTES_MAX, LABEL_BYTES_MAX};

/// Sites by host name: exact names first, then the longest `*.` pattern, then the default.
#[derive(Clone, Debug)]
pub struct Hosts<T> {
    exact: HashMap<String, Entry<T>>,
    /// By what stands after `*.`.
    wildcards: HashMap<String, Entry<T>>,
    default: Option<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    pattern: String,
    site: T,
}

/// Why a pattern cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// It is no host name.
    #[error(
        "`{pattern}` is not a host name: write a name such as `a.example`, `*.a.example` or `*`, without port"
    )]
    NotAName {
        /// As it was given.
        pattern: String,
    },
    /// Two sites would answer it.
    #[error("`{pattern}` and `{before}` are the same host: give each site its own")]
    Twice {
        /// As it was given.
        pattern: String,
        /// As it was given the first time.
        before: String,
    },
}

/// A `Host` field that names no host: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the host of the request is not a host name")]
pub struct BadHost;

impl<T> Default for Hosts<T> {
    fn default() -> Hosts<T> {
        Hosts {
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            default: None,
        }
    }
}

impl<T> Hosts<T> {
    /// None.
    #[must_use]
    pub fn new() -> Hosts<T> {
        Hosts::default()
    }

    /// Adds a site under `a.example`, `*.a.example` (all names that end so, but not `a.example` itself) or
    /// `*` (whatever no other pattern has). Names in any script.
    ///
    /// # Errors
    /// If the pattern is no host name, or was added before.
    ///
    /// ```
    /// use harmonious_dispatcher::manifest::Hosts;
    ///
    /// let mut hosts = Hosts::new();
    /// hosts.add("a.example", 1)?;
    /// hosts.add("*.a.example", 2)?;
    /// assert_eq!(hosts.find("A.Example.:8080"), Ok(Some(&1)));
    /// assert_eq!(hosts.find("www.a.example"), Ok(Some(&2)));
    /// assert_eq!(hosts.find("b.example"), Ok(None));
    /// # Ok::<(), harmonious_dispatcher::manifest::HostError>(())
    /// ```
    pub fn add(&mut self, pattern: &str, site: T) -> Result<(), HostError> {
        let entry = Entry {
            pattern: pattern.to_owned(),
            site,
        };
        if let Some(before) = self.entry(pattern)? {
            return Err(HostError::Twice {
                pattern: pattern.to_owned(),
                before: before.pattern.clone(),
            });
        }
        match parse(pattern)? {
            Pattern::Default => self.default = Some(entry),
            Pattern::Wildcard(name) => drop(self.wildcards.insert(name, entry)),
            Pattern::Exact(name) => drop(self.exact.insert(name, entry)),
        }
        Ok(())
    }

    /// Which site has this very pattern, so that an error can name both.
    ///
    /// # Errors
    /// If the pattern is no host name.
    pub fn owner(&self, pattern: &str) -> Result<Option<&T>, HostError> {
        Ok(self.entry(pattern)?.map(|entry| &entry.site))
    }

    /// The site for a `Host` field or an `:authority`: with or without port, in any case, with or without
    /// one dot at the end. An empty one means the default. `None` is a 404, on HTTP/2 a 421.
    ///
    /// # Errors
    /// If it is no host name: 400.
    pub fn find(&self, host: &str) -> Result<Option<&T>, BadHost> {
        Ok(self.find_name(&host_name(host)?))
    }

    /// As [`Hosts::find`], for what [`host_name`] gave.
    #[must_use]
    pub fn find_name(&self, name: &str) -> Option<&T> {
        let found = self
            .exact
            .get(name)
            .or_else(|| self.wildcard(name))
            .or(self.default.as_ref());
        found.map(|entry| &entry.site)
    }

    fn wildcard(&self, name: &str) -> Option<&Entry<T>> {
        if self.wildcards.is_empty() {
            return None;
        }
        let mut rest = name;
        while let Some((_, above)) = rest.split_once('.') {
            if let Some(entry) = self.wildcards.get(above) {
                return Some(entry);
            }
            rest = above;
        }
        None
    }

    fn entry(&self, pattern: &str) -> Result<Option<&Entry<T>>, HostError> {
        Ok(match parse(pattern)? {
            Pattern::Default => self.default.as_ref(),
            Pattern::Wildcard(name) => self.wildcards.get(&name),
            Pattern::Exact(name) => self.exact.get(&name),
        })
    }
}

enum Pattern {
    Default,
    Wildcard(String),
    Exact(String),
}

fn parse(pattern: &str) -> Result<Pattern, HostError> {
    if pattern == "*" {
        return Ok(Pattern::Default);
    }
    let bad = || HostError::NotAName {
        pattern: pattern.to_owned(),
    };
    let read = |name: &str| match host_and_port(name) {
        Ok((name, None)) if !name.is_empty() => lower(name).map(Cow::into_owned),
        _ => Err(BadHost),
    };
    match pattern.strip_prefix("*.") {
        Some(name) => read(name).map(Pattern::Wildcard),
        None => read(pattern).map(Pattern::Exact),
    }
    .map_err(|_| bad())
}

/// The name in a `Host` field: lower case, A-labels, without port and final dot.
///
/// # Errors
/// If it is none.
pub fn host_name(host: &str) -> Result<Cow<'_, str>, BadHost> {
    match usual(host) {
        Some(name) => Ok(Cow::Borrowed(name)),
        None => lower(host_and_port(host)?.0),
    }
}

/// The name in what nearly every request has, in one pass: lower case already, no final dot. `None` leaves
/// it to those who read the rest.
fn usual(host: &str) -> Option<&str> {
    let bytes = host.as_bytes();
    let (mut label, mut dash) = (0, false);
    let mut end = bytes.len();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => dash = false,
            b'-' if !dash => dash = true,
            b'.' if label > 0 => {
                (label, dash) = (0, false);
                continue;
            }
            b':' => {
                end = at;
                break;
            }
            _ => return None,
        }
        label += 1;
        if label > LABEL_BYTES_MAX {
            return None;
        }
    }
    let port = bytes.get(end + 1..).unwrap_or_default();
    // Each number of four digits is a port; of longer ones not all are.
    let is_port = port.iter().all(u8::is_ascii_digit)
        && (port.len() <= 4 || host[end + 1..].parse::<u16>().is_ok());
    (label > 0 && end <= HOST_BYTES_MAX && is_port).then(|| &host[..end])
}

/// Takes the port off (RFC 3986, section 3.2.2 and 3.2.3).
fn host_and_port(host: &str) -> Result<(&str, Option<&str>), BadHost> {
    let name_ends = if host.starts_with('[') {
        host.find(']').ok_or(BadHost)? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, port) = host.split_at(name_ends);
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((name, None)),
        Some("") => Ok((name, Some(""))),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse::<u16>().map_err(|_| BadHost)?;
            Ok((name, Some(digits)))
        }
        _ => Err(BadHost),
    }
}

fn lower(name: &str) -> Result<Cow<'_, str>, BadHost> {
    if let Some(address) = name.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(BadHost)?;
        let address: Ipv6Addr = address.parse().map_err(|_| BadHost)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Ok(Cow::Borrowed(""));
    }
    // `xn--` labels and other scripts have rules of their own; anything else is plain.
    let name = match plain(name.as_bytes()) {
        Some(Plain { upper: false }) => return fitting(Cow::Borrowed(name)),
        Some(Plain { upper: true }) => Cow::Owned(name.to_ascii_lowercase()),
        None => {
            let name = idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::URL);
            let name = name.map_err(|_| BadHost)?;
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            if !name.bytes().all(fits) {
                return Err(BadHost);
            }
            Cow::Owned(name.into_owned())
        }
    };
    fitting(name)
}

/// A name of ASCII letters, digits, `-` and `_`, without labels that are encoded.
struct Plain {
    upper: bool,
}

/// One pass: this is done for every request.
fn plain(name: &[u8]) -> Option<Plain> {
    let mut upper = false;
    let mut dashes = 0;
    for byte in name {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' => dashes = 0,
            b'A'..=b'Z' => {
                upper = true;
                dashes = 0;
            }
            // An encoded label has two in a row ("xn--"); others that have may take the longer way.
            b'-' if dashes == 0 => dashes = 1,
            _ => return None,
        }
    }
    Some(Plain { upper })
}

fn fitting(name: Cow<'_, str>) -> Result<Cow<'_, str>, BadHost> {
    let mut label = 0;
    for byte in name.bytes() {
        label = match byte {
            b'.' if label == 0 => return Err(BadHost),
            b'.' => 0,
            _ => label + 1,
        };
        if label > LABEL_BYTES_MAX {
            return Err(BadHost);
        }
    }
    match label > 0 && name.len() <= HOST_BYTES_MAX {
        true => Ok(name),
        false => Err(BadHost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_says_what_the_long_one_says() {
        let long = "a".repeat(LABEL_BYTES_MAX);
        let labels = [&long[..], &long, &long, &long].join(".");
        for name in [
            "a.example",
            "127.0.0.1",
            "a-b_c.example",
            "a--b.example",
            "xn--bcher-kva.example",
            "A.example",
            "a.example.",
            "a..example",
            ".a",
            ".",
            "",
            "-",
            "a b",
            "a/b",
            "b\u{fc}cher.example",
            "[::1]",
            &long,
            &format!("{long}a"),
            &labels,
            &labels[..HOST_BYTES_MAX],
        ] {
            for port in [
                "", ":", ":8", ":8080", ":65535", ":65536", ":+1", ":00080", ":8a", "::1",
            ] {
                let host = format!("{name}{port}");
                let slow = host_and_port(&host).and_then(|(name, _)| lower(name));
                assert_eq!(host_name(&host), slow, "{host}");
            }
        }
        for host in ["a.example", "a.example:8080", "127.0.0.1:65535"] {
            assert!(usual(host).is_some(), "{host}");
        }
    }
}
