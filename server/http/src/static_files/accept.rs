//! Which content coding a client would like best, by its `Accept-Encoding`.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A content coding (RFC 9110, 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// Brotli (RFC 7932).
    Br,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
    /// None: the bytes as they are.
    Identity,
}

impl Coding {
    /// The name in `Content-Encoding` and `Accept-Encoding`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Coding::Br => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }

    /// Case does not matter; `x-gzip` is an old name of gzip (RFC 9110, 8.4.1.3).
    fn is_called(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.token())
            || (self == Coding::Gzip && name.eq_ignore_ascii_case("x-gzip"))
    }
}

/// The coding in `offered` that the client likes best (RFC 9110, 12.5.3); among equals the one that
/// is offered first. `None` if none is acceptable: the caller may answer 406, or send the bytes as
/// they are all the same (RFC 9110, 12.1 leaves it to the server).
///
/// A client that does not say anything gets [`Coding::Identity`]: the RFC would allow any, but such
/// a client most likely knows none. What is not listed and not covered by `*` is not acceptable,
/// except for identity, which then comes after all that is listed.
pub(crate) fn choose(accept: &HeaderMap, offered: &[Coding]) -> Option<Coding> {
    let mut best = None;
    let mut best_rank = 0;
    for coding in offered {
        let rank = rank(accept, *coding);
        if rank > best_rank {
            (best, best_rank) = (Some(*coding), rank);
        }
    }
    best
}

/// How much a coding is liked: 0 is not at all, 1 is identity that is not mentioned, above that are
/// the thousandths of its weight.
fn rank(accept: &HeaderMap, coding: Coding) -> u16 {
    let lines = accept.get_all(ACCEPT_ENCODING).iter();
    let members = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let (mut named, mut any) = (None, None);
    for (name, weight) in members.filter_map(member) {
        if coding.is_called(name) {
            named = Some(weight);
        } else if name == "*" {
            any = Some(weight);
        }
    }
    match named.or(any) {
        Some(0) => 0,
        Some(weight) => 1 + weight,
        None => u16::from(coding == Coding::Identity),
    }
}

/// `gzip;q=0.5`: the name and its weight in thousandths. A member that is malformed says nothing.
fn member(text: &str) -> Option<(&str, u16)> {
    let Some((name, parameter)) = text.split_once(';') else {
        return Some((text.trim(), 1000));
    };
    let (q, weight) = parameter.trim().split_once('=')?;
    if !q.eq_ignore_ascii_case("q") {
        return None;
    }
    Some((name.trim(), thousandths(weight)?))
}

/// `0`, `0.5`, `1.000`: up to three decimals, at most one (RFC 9110, 12.4.2).
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || decimals.len() > 3 {
        return None;
    }
    let part = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Coding::{Br, Gzip, Identity, Zstd};
    use http::HeaderValue;

    const ALL: &[Coding] = &[Br, Zstd, Gzip, Identity];

    fn check(accept: &[&'static str], offered: &[Coding], expected: Option<Coding>) {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        assert_eq!(
            choose(&headers, offered),
            expected,
            "{accept:?} of {offered:?}"
        );
    }

    #[test]
    fn preference() {
        check(&[], ALL, Some(Identity));
        check(&[""], ALL, Some(Identity));
        check(&["gzip"], ALL, Some(Gzip));
        check(&["X-GZip"], ALL, Some(Gzip));
        check(&["gzip, deflate, br, zstd"], ALL, Some(Br));
        check(&["gzip, deflate, zstd"], ALL, Some(Zstd));
        check(&["gzip", "br"], ALL, Some(Br));
        check(&["deflate, compress"], ALL, Some(Identity));
        check(&["gzip, deflate, br"], &[Gzip, Br, Identity], Some(Gzip));
        check(&["br"], &[Gzip, Identity], Some(Identity));
        check(&["br"], &[Gzip], None);
    }

    #[test]
    fn weights() {
        check(&["gzip;q=1, br;q=0.5"], ALL, Some(Gzip));
        check(&["gzip ; Q=0.001 , br;q=0"], ALL, Some(Gzip));
        check(&["gzip;q=0.5, identity"], ALL, Some(Identity));
        check(&["gzip;q=0.5, identity;q=0.4"], ALL, Some(Gzip));
        check(&["br;q=0.999, gzip;q=1.000"], ALL, Some(Gzip));
        check(&["gzip;q=0"], ALL, Some(Identity));
    }

    #[test]
    fn anything() {
        check(&["*"], ALL, Some(Br));
        check(&["*;q=0.5, gzip"], ALL, Some(Gzip));
        check(&["br;q=0, *"], ALL, Some(Zstd));
        check(&["*;q=0"], ALL, None);
        check(&["*;q=0, identity"], ALL, Some(Identity));
        check(&["*;q=0, gzip;q=0.1"], ALL, Some(Gzip));
        check(&["identity;q=0"], &[Identity], None);
        check(&["identity;q=0"], ALL, None);
        check(&["identity;q=0, gzip;q=0.1"], ALL, Some(Gzip));
    }

    #[test]
    fn a_malformed_member_says_nothing() {
        for member in [
            "gzip;q=",
            "gzip;q=2",
            "gzip;q=1.1",
            "gzip;q=0.0001",
            "gzip;q=.5",
            "gzip;q",
        ] {
            check(&[member], ALL, Some(Identity));
        }
        for member in [
            "gzip;q=-1",
            "gzip;q=+1",
            "gzip;q=0.+1",
            "gzip;x=1",
            "gzip;q=1;q=1",
            ",;,",
        ] {
            check(&[member], ALL, Some(Identity));
        }
    }
}
