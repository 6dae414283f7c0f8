//! Whether a request comes from a page of ours: what the browser says of where it comes from, and the
//! token of its session.
//!
//! What the browser says (`Sec-Fetch-Site`, `Origin`) is looked at for every unsafe method, so that a
//! foreign page cannot log anybody in either. A token is needed where there is a session. It is derived
//! from the session's id: it dies with the id, at logout and at login, and the store is not asked for it.

mod field;
mod origin;
pub(crate) mod token;

use std::fmt;
use std::io::Read;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN};

pub use origin::Origin;

use crate::config::ORIGINS_MAX;
use crate::error::{Result, SessionError};
use crate::session::Session;

/// The header that a script sends its token in.
pub const TOKEN_HEADER: &str = "x-csrf-token";
/// The field that a form sends its token in.
pub const TOKEN_FIELD: &str = "csrf_token";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// From where besides its own origin a site takes unsafe requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsrfPolicy {
    origins: Vec<Origin>,
    same_site: bool,
}

/// What there is to look at of a request.
pub struct CsrfRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Whether the browser speaks TLS, with us or with a trusted proxy that says so.
    pub secure: bool,
    /// The host that it asks for, with its port if it has one.
    pub host: &'a str,
    /// Its body, from the beginning. It is read only if a token is needed that no header has, and
    /// [`CSRF_BODY_BYTES_MAX`](crate::config::CSRF_BODY_BYTES_MAX) of it at most.
    pub body: &'a mut (dyn Read + Send),
}

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfVerdict {
    /// It may.
    Allowed,
    /// It may not: 403.
    Refused(CsrfRefusal),
}

/// Which rule refused a request: for the log, not for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfRefusal {
    /// `Sec-Fetch-Site: cross-site`: a page of somebody else sends it.
    CrossSite,
    /// `Sec-Fetch-Site: same-site`: a page of another host of the domain sends it.
    SameSite,
    /// `Origin` names another one.
    ForeignOrigin,
    /// `Origin: null`: a sandboxed frame, a file, or a page that hides where it is. A site that sends
    /// `Referrer-Policy: no-referrer` gets this from its own forms: take `same-origin`.
    NullOrigin,
    /// It belongs to a session and has no token, neither in the header nor in the part of the form that
    /// is looked at.
    NoToken,
    /// Its token is not of this session: guessed, cut, of another session, or older than the login.
    WrongToken,
}

impl CsrfPolicy {
    /// Takes requests from these origins too, such as `https://app.example.org`.
    ///
    /// # Errors
    /// If one is no origin, or there are more than [`ORIGINS_MAX`].
    pub fn origins<'a>(mut self, origins: impl IntoIterator<Item = &'a str>) -> Result<CsrfPolicy> {
        for origin in origins {
            if self.origins.len() == ORIGINS_MAX {
                let origin = format!("{origin}, after {ORIGINS_MAX} others,");
                return Err(SessionError::Origin { origin });
            }
            self.origins.push(Origin::parse(origin)?);
        }
        Ok(self)
    }

    /// Takes requests for which the browser says `same-site` too, if it names no foreign origin.
    pub fn same_site(mut self, allowed: bool) -> CsrfPolicy {
        self.same_site = allowed;
        self
    }

    /// Judges a request with its session.
    ///
    /// A cookie of which there is no session, any more, is none: it opens nothing that a token would
    /// have to protect. The store is asked only if the token is not of that cookie.
    ///
    /// # Errors
    /// If the store does not answer or the body cannot be read.
    pub fn check(&self, session: &Session, request: CsrfRequest<'_>) -> Result<CsrfVerdict> {
        if is_safe(request.method) {
            return Ok(CsrfVerdict::Allowed);
        }
        let own = Origin::of_host(request.secure, request.host);
        if let Some(refusal) = self.foreign(request.headers, own.as_ref()) {
            return Ok(CsrfVerdict::Refused(refusal));
        }
        let Some(id) = session.given() else {
            return Ok(CsrfVerdict::Allowed);
        };
        let refusal = match sent(request)? {
            Some(sent) if token::is_of(&id.csrf_secret(), &sent) => {
                return Ok(CsrfVerdict::Allowed);
            }
            Some(_) => CsrfRefusal::WrongToken,
            None => CsrfRefusal::NoToken,
        };
        match session.was_found()? {
            true => Ok(CsrfVerdict::Refused(refusal)),
            false => Ok(CsrfVerdict::Allowed),
        }
    }

    /// What the browser says that speaks against a request. Browsers that say nothing are left to the
    /// token; what is no browser has no cookies of somebody else's.
    fn foreign(&self, headers: &HeaderMap, own: Option<&Origin>) -> Option<CsrfRefusal> {
        let mut named = false;
        for value in headers.get_all(ORIGIN) {
            if value.as_bytes() == b"null" {
                return Some(CsrfRefusal::NullOrigin);
            }
            let origin = value
                .to_str()
                .ok()
                .and_then(|text| Origin::parse(text).ok());
            let Some(origin) = origin else {
                return Some(CsrfRefusal::ForeignOrigin);
            };
            match self.origins.contains(&origin) {
                true => named = true,
                false if own == Some(&origin) => {}
                false => return Some(CsrfRefusal::ForeignOrigin),
            }
        }
        // A named origin is another one for the browser too.
        if named {
            return None;
        }
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        sites.find_map(|site| match site.as_bytes() {
            b"cross-site" => Some(CsrfRefusal::CrossSite),
            b"same-site" if !self.same_site => Some(CsrfRefusal::SameSite),
            // `same-origin`, `none`, and words that are yet to be invented.
            _ => None,
        })
    }
}

/// Methods that change nothing (RFC 9110, section 9.2.1).
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// The token that came with the request.
fn sent(request: CsrfRequest<'_>) -> Result<Option<Vec<u8>>> {
    if let Some(value) = request.headers.get(TOKEN_HEADER) {
        return Ok(Some(value.as_bytes().to_vec()));
    }
    let content_type = request.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    field::find(request.body, content_type.unwrap_or_default(), TOKEN_FIELD)
}

impl fmt::Display for CsrfRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CsrfRefusal::CrossSite => "sec-fetch-site is cross-site",
            CsrfRefusal::SameSite => "sec-fetch-site is same-site",
            CsrfRefusal::ForeignOrigin => "the origin is another one",
            CsrfRefusal::NullOrigin => "the origin is null",
            CsrfRefusal::NoToken => "there is no csrf token",
            CsrfRefusal::WrongToken => "the csrf token is not of this session",
        })
    }
}

impl fmt::Debug for CsrfRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfRequest")
            .field("method", &self.method)
            .field("secure", &self.secure)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &CsrfPolicy, fields: &[(&str, &str)], expected: Option<CsrfRefusal>) {
        let fields = fields.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        let headers: HeaderMap = fields.collect();
        let own = Origin::of_host(true, "Example.org");
        assert_eq!(
            policy.foreign(&headers, own.as_ref()),
            expected,
            "{headers:?}"
        );
    }

    #[test]
    fn what_the_browser_says_decides() {
        use CsrfRefusal::{CrossSite, ForeignOrigin, NullOrigin, SameSite};
        let policy = CsrfPolicy::default();
        check(&policy, &[], None);
        for site in ["same-origin", "none", "some-future-word"] {
            check(&policy, &[("sec-fetch-site", site)], None);
        }
        check(
            &policy,
            &[("sec-fetch-site", "cross-site")],
            Some(CrossSite),
        );
        check(&policy, &[("sec-fetch-site", "same-site")], Some(SameSite));
        check(&policy, &[("origin", "https://example.org")], None);
        check(&policy, &[("origin", "https://example.org:443")], None);
        check(&policy, &[("origin", "null")], Some(NullOrigin));
        for origin in [
            "http://example.org",
            "https://example.org:444",
            "https://example.org.evil",
            "https://evil",
            "",
            "example.org",
        ] {
            check(&policy, &[("origin", origin)], Some(ForeignOrigin));
        }
        let two = [
            ("origin", "https://example.org"),
            ("origin", "https://evil"),
        ];
        check(&policy, &two, Some(ForeignOrigin));
        let two = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ];
        check(&policy, &two, Some(CrossSite));
    }

    #[test]
    fn a_site_may_name_others() {
        let policy = CsrfPolicy::default()
            .origins(["https://app.example.org"])
            .unwrap();
        let app = ("origin", "https://app.example.org");
        check(&policy, &[app, ("sec-fetch-site", "same-site")], None);
        let same_site = [("sec-fetch-site", "same-site")];
        check(&policy, &same_site, Some(CsrfRefusal::SameSite));
        check(&policy.same_site(true), &same_site, None);
        assert!(CsrfPolicy::default().origins(["example.org"]).is_err());
        assert!(
            CsrfPolicy::default()
                .origins(["https://a"; ORIGINS_MAX + 1])
                .is_err()
        );
    }
}
