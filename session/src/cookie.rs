//! The cookie of a session: found in a request, written for an answer.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::config::{COOKIE_LIFE_MAX, COOKIE_LINE_BYTES_MAX};
use crate::id::SessionId;

/// The prefix with which a browser keeps a cookie only from this very host, over TLS, for `/`
/// (RFC 6265bis, section 4.1.3.2): no other host of the domain can put one there.
const HOST_PREFIX: &str = "__Host-";

/// The name of the cookie, with and without TLS. They differ, so that what somebody in between planted
/// without TLS is nothing with it.
pub fn name(base: &str, secure: bool) -> String {
    match secure {
        true => format!("{HOST_PREFIX}{base}"),
        false => base.to_owned(),
    }
}

/// The id that a request brings: none if there is no such cookie, or two, or one that we never wrote.
pub fn find(headers: &HeaderMap, name: &str) -> Option<SessionId> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        if line.len() > COOKIE_LINE_BYTES_MAX {
            return None;
        }
        for pair in line.as_bytes().split(|&c| c == b';') {
            let mut parts = pair.trim_ascii().splitn(2, |&c| c == b'=');
            let (key, value) = (parts.next()?, parts.next());
            if key.trim_ascii_end() != name.as_bytes() {
                continue;
            }
            // Which of two is whose cannot be told.
            if found.is_some() {
                return None;
            }
            found = Some(value.unwrap_or_default());
        }
    }
    SessionId::parse(found?)
}

/// The value of `Set-Cookie` that gives the id to the browser, for that long or until it is closed.
pub fn give(base: &str, secure: bool, id: &SessionId, life: Option<Duration>) -> HeaderValue {
    let life = life.map(|life| life.min(COOKIE_LIFE_MAX));
    written(base, secure, id.to_cookie_value(), life)
}

/// The value of `Set-Cookie` that takes it away.
pub fn take(base: &str, secure: bool) -> HeaderValue {
    written(base, secure, String::new(), Some(Duration::ZERO))
}

fn written(base: &str, secure: bool, value: String, life: Option<Duration>) -> HeaderValue {
    let mut cookie = Cookie::build((name(base, secure), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax);
    if secure {
        cookie = cookie.secure(true);
    }
    if let Some(life) = life {
        let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
    }
    let mut value = HeaderValue::from_str(&cookie.build().to_string())
        .expect("a token, base64url and our own words are a field's value");
    // Logs leave out what is marked so.
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|l| (COOKIE, l.parse().unwrap()));
        lines.collect()
    }

    #[test]
    fn one_cookie_is_found_among_others() {
        let id = SessionId::draw().unwrap();
        let text = id.to_cookie_value();
        for lines in [
            vec![format!("session={text}")],
            vec![format!("a=b; session={text}; é; c")],
            vec![format!("xsession=a;session={text} ;__Host-session=b")],
            vec!["a=b".to_owned(), format!("session={text}")],
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert!(
                find(&headers(&lines), "session") == Some(id.clone()),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn doubled_cut_and_oversized_ones_are_none() {
        let text = SessionId::draw().unwrap().to_cookie_value();
        let long = format!("a={}; session={text}", "x".repeat(COOKIE_LINE_BYTES_MAX));
        let twice = format!("session={text}; session={text}");
        let with_bad = format!("session={text}; session=");
        let quoted = format!("session=\"{text}\"");
        for line in [
            &long,
            &twice,
            &with_bad,
            &quoted,
            &text[..40],
            "session",
            "",
            "SESSION=a",
        ] {
            assert!(find(&headers(&[line]), "session").is_none(), "{line:.60}");
        }
        let one = format!("session={text}");
        assert!(find(&headers(&[&one, &one]), "session").is_none());
        // With TLS only the name with the prefix counts.
        assert!(find(&headers(&[&one]), "__Host-session").is_none());
    }

    #[test]
    fn what_is_written_has_all_attributes() {
        let id = SessionId::draw().unwrap();
        let text = id.to_cookie_value();
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(
            give("session", true, &id, day),
            format!("__Host-session={text}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400")
        );
        assert_eq!(
            give("session", false, &id, None),
            format!("session={text}; HttpOnly; SameSite=Lax; Path=/")
        );
        assert_eq!(
            take("session", false),
            "session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
        );
        assert_eq!(format!("{:?}", take("session", false)), "Sensitive");
    }
}
