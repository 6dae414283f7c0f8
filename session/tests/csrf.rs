//! Which unsafe requests are refused, and by which rule.

mod common;

use std::sync::Arc;

use common::{Browser, HOUR, Site};
use harmonious_session::{
    CsrfPolicy, CsrfRefusal, CsrfRequest, CsrfVerdict, MemoryStore, TOKEN_HEADER,
};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};

use CsrfRefusal::{CrossSite, ForeignOrigin, NoToken, NullOrigin, SameSite, WrongToken};

fn site() -> Site {
    Site::new(Arc::new(MemoryStore::default()))
}

/// The verdict on a request of a browser with these fields and this body.
fn send(browser: &Browser, method: Method, fields: &[(&str, &str)], body: &str) -> CsrfVerdict {
    let mut headers = browser.headers();
    for (name, value) in fields {
        headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    let session = browser.session();
    let request = CsrfRequest {
        method: &method,
        headers: &headers,
        secure: true,
        host: "example.org",
        body: &mut body.as_bytes(),
    };
    CsrfPolicy::default().check(&session, request).unwrap()
}

#[track_caller]
fn check(browser: &Browser, fields: &[(&str, &str)], expected: Option<CsrfRefusal>) {
    let verdict = send(browser, Method::POST, fields, "");
    let expected = expected.map_or(CsrfVerdict::Allowed, CsrfVerdict::Refused);
    assert_eq!(verdict, expected, "{fields:?}");
}

fn token(browser: &Browser) -> String {
    browser.session().csrf_token().unwrap()
}

#[test]
fn seven_ways_to_be_refused() {
    let site = site();
    let mut ann = site.browser();
    ann.request(|session| session.set("cart", b"1").unwrap());
    let before_login = token(&ann);
    check(&ann, &[(TOKEN_HEADER, &before_login)], None);
    ann.login("ann");
    let mut bob = site.browser();
    bob.login("bob");
    let good = token(&ann);
    check(&ann, &[(TOKEN_HEADER, &good)], None);

    // No token; wrong; of another session; from before the login.
    check(&ann, &[], Some(NoToken));
    check(&ann, &[(TOKEN_HEADER, &"A".repeat(86))], Some(WrongToken));
    check(&ann, &[(TOKEN_HEADER, &token(&bob))], Some(WrongToken));
    check(&ann, &[(TOKEN_HEADER, &before_login)], Some(WrongToken));
    // From elsewhere, whatever the token.
    let with = |name, value| [(TOKEN_HEADER, good.as_str()), (name, value)];
    check(&ann, &with("sec-fetch-site", "cross-site"), Some(CrossSite));
    check(&ann, &with("sec-fetch-site", "same-site"), Some(SameSite));
    check(
        &ann,
        &with("origin", "https://evil.example"),
        Some(ForeignOrigin),
    );
    check(&ann, &with("origin", "null"), Some(NullOrigin));
    check(&ann, &with("origin", "https://example.org"), None);
    check(&ann, &with("sec-fetch-site", "same-origin"), None);
    // What the log says holds no token.
    assert_eq!(
        WrongToken.to_string(),
        "the csrf token is not of this session"
    );
}

#[test]
fn guesses_are_refused() {
    let site = site();
    let mut browser = site.browser();
    browser.login("ann");
    let good = token(&browser);
    for at in 0..good.len() {
        let mut guess = good.clone().into_bytes();
        guess[at] = if guess[at] == b'A' { b'B' } else { b'A' };
        let guess = String::from_utf8(guess).unwrap();
        check(&browser, &[(TOKEN_HEADER, &guess)], Some(WrongToken));
        check(&browser, &[(TOKEN_HEADER, &good[..at])], Some(WrongToken));
    }
    check(
        &browser,
        &[(TOKEN_HEADER, &format!("{good}{good}"))],
        Some(WrongToken),
    );
}

#[test]
fn safe_methods_need_nothing() {
    let site = site();
    let mut browser = site.browser();
    browser.login("ann");
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        let from = [("sec-fetch-site", "cross-site"), ("origin", "null")];
        assert_eq!(send(&browser, method, &from, ""), CsrfVerdict::Allowed);
    }
    for method in [
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::from_bytes(b"X").unwrap(),
    ] {
        assert_eq!(
            send(&browser, method, &[], ""),
            CsrfVerdict::Refused(NoToken)
        );
    }
}

#[test]
fn a_login_form_of_another_site_is_refused_without_a_session_too() {
    let site = site();
    let browser = site.browser();
    check(&browser, &[], None);
    check(
        &browser,
        &[("sec-fetch-site", "cross-site")],
        Some(CrossSite),
    );
    check(
        &browser,
        &[("origin", "https://evil.example")],
        Some(ForeignOrigin),
    );
    check(&browser, &[("origin", "null")], Some(NullOrigin));
    assert_eq!(site.store.calls(), (0, 0));
}

#[test]
fn a_cookie_without_a_session_needs_no_token() {
    let site = site();
    let mut browser = site.browser();
    browser.login("ann");
    let good = token(&browser);
    site.store.calls();
    // A good token costs no store anything.
    check(&browser, &[(TOKEN_HEADER, &good)], None);
    assert_eq!(site.store.calls(), (0, 0));
    check(&browser, &[], Some(NoToken));
    assert_eq!(site.store.calls(), (1, 0));
    site.clock.advance(HOUR);
    // It expired: whoever logs in again is not held up by the old cookie.
    check(&browser, &[], None);
    check(&browser, &[(TOKEN_HEADER, &token(&browser))], None);
    check(
        &browser,
        &[("origin", "https://evil.example")],
        Some(ForeignOrigin),
    );
}

#[test]
fn the_token_is_found_in_forms() {
    let site = site();
    let mut browser = site.browser();
    browser.login("ann");
    let good = token(&browser);
    let content_type = CONTENT_TYPE.as_str();
    let urlencoded = [(content_type, "application/x-www-form-urlencoded")];
    let post = |fields: &[(&str, &str)], body: &str| send(&browser, Method::POST, fields, body);
    let body = format!("title=x&csrf_token={good}");
    assert_eq!(post(&urlencoded, &body), CsrfVerdict::Allowed);
    assert_eq!(post(&urlencoded, "title=x"), CsrfVerdict::Refused(NoToken));
    assert_eq!(
        post(&urlencoded, "csrf_token="),
        CsrfVerdict::Refused(WrongToken)
    );
    assert_eq!(post(&[], &body), CsrfVerdict::Refused(NoToken));
    let multipart = [(content_type, "multipart/form-data; boundary=XX")];
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{good}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n{}\r\n--XX--\r\n",
        "x".repeat(1 << 20)
    );
    assert_eq!(post(&multipart, &body), CsrfVerdict::Allowed);
    assert_eq!(
        post(&multipart, &body.replace("csrf_token", "other")),
        CsrfVerdict::Refused(NoToken)
    );
    // The header counts where both are there.
    let both = [urlencoded[0], (TOKEN_HEADER, "wrong")];
    assert_eq!(
        post(&both, &format!("csrf_token={good}")),
        CsrfVerdict::Refused(WrongToken)
    );
}

#[test]
fn the_token_of_a_page_that_makes_the_session_is_good() {
    let site = site();
    let mut browser = site.browser();
    let mut token = String::new();
    browser.request(|session| {
        token = session.csrf_token().unwrap();
        session.set("cart", b"1").unwrap();
    });
    check(&browser, &[(TOKEN_HEADER, &token)], None);
    // So is one that is made after a login in the same request.
    browser.request(|session| {
        session.set_user(Some("ann")).unwrap();
        token = session.csrf_token().unwrap();
    });
    check(&browser, &[(TOKEN_HEADER, &token)], None);
}
