//! Origins as browsers write them (RFC 6454, section 6.2): scheme, host and port.

use crate::error::{Result, SessionError, beginning};

/// An origin of HTTP: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    /// In lower case.
    host: String,
    port: u16,
}

impl Origin {
    /// The origin that a text spells.
    ///
    /// # Errors
    /// If it spells none, or has more than scheme, host and port.
    pub fn parse(text: &str) -> Result<Origin> {
        let (secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => (false, ""),
        };
        Origin::of_host(secure, rest).ok_or_else(|| SessionError::Origin {
            origin: beginning(text),
        })
    }

    /// The origin of a request for that host, with or without its port.
    pub fn of_host(secure: bool, host: &str) -> Option<Origin> {
        // An IPv6 address has colons of its own, within brackets.
        let at = host.rfind(':').filter(|at| !host[*at..].contains(']'));
        let (host, port) = match at {
            Some(at) => (&host[..at], host[at + 1..].parse().ok()?),
            None => (host, if secure { 443 } else { 80 }),
        };
        let is_name = |c: char| !c.is_control() && !c.is_whitespace() && !"/?#@\\".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return None;
        }
        Some(Origin {
            secure,
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let parse = |text| Origin::parse(text).unwrap();
        assert_eq!(parse("https://A.example"), parse("https://a.example:443"));
        assert_eq!(parse("http://a:80"), Origin::of_host(false, "a").unwrap());
        assert_ne!(parse("http://a"), parse("https://a"));
        assert_eq!(parse("http://[::1]:80"), parse("http://[::1]"));
        assert_ne!(parse("http://[::1]:81"), parse("http://[::1]"));
        for text in [
            "",
            "a",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a:b",
            "https://u@a",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
