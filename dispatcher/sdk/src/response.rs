//! [`Response`]: the answer to a request.
//!
//! Why it is long: an example stands beside each of its small methods.

use std::io;

use cookie::Cookie;

use crate::config::COOKIE_PATH;
use crate::disposition::attachment;
use crate::error::{Error, Result};
use crate::etag;
use crate::headers::{Headers, Refused};

/// An answer: a status, header fields, and a body.
///
/// What cannot be sent, such as a header value with a line break, is remembered, and the request is
/// answered with a 500 that says so in the log; so the methods can be chained without `?`.
///
/// ```
/// use harmonious::prelude::*;
///
/// let page = Response::html("<p>gone</p>").with_status(410).with_header("cache-control", "no-store");
/// assert_eq!(page.status(), 410);
/// assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
/// ```
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Body,
    pub(crate) stage: Stage,
    /// The status that the host showed.
    pub(crate) shown_status: u16,
    fault: Option<Error>,
}

/// What the host has of a response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing: it is the module's own.
    Own,
    /// All of it: it is as the host showed it to an `after`.
    Shown,
    /// All but what was changed since.
    Edited,
}

/// The pieces of a body that is made while it is sent.
pub(crate) type Pieces = Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>;

/// Where the body is.
pub(crate) enum Body {
    Empty,
    Bytes(Vec<u8>),
    Stream(Pieces),
    File(String),
    /// In an `after`: the one that is there.
    Keep,
}

impl Response {
    /// 200 without a body.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::empty().status(), 200);
    /// ```
    #[must_use]
    pub fn empty() -> Response {
        Response::new(Body::Empty)
    }

    /// 204: done, there is nothing to show.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::no_content().status(), 204);
    /// ```
    #[must_use]
    pub fn no_content() -> Response {
        Response::empty().with_status(204)
    }

    /// A page. Nothing is escaped: that is the templates' work.
    ///
    /// ```
    /// let page = harmonious::Response::html("<p>hello</p>");
    /// assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    /// ```
    #[must_use]
    pub fn html(text: impl Into<String>) -> Response {
        Response::known("text/html; charset=utf-8", text.into().into_bytes())
    }

    /// Plain text.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::text("hello").status(), 200);
    /// ```
    #[must_use]
    pub fn text(text: impl Into<String>) -> Response {
        Response::known("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// XML, such as a feed.
    ///
    /// ```
    /// let feed = harmonious::Response::xml("<feed/>").with_content_type("application/atom+xml");
    /// assert_eq!(feed.header("content-type"), Some("application/atom+xml"));
    /// ```
    #[must_use]
    pub fn xml(text: impl Into<String>) -> Response {
        Response::bytes("application/xml", text.into())
    }

    /// A value as JSON. One that has no JSON form is answered with a 500.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// let answer = Response::json(&context! { ok => true });
    /// assert_eq!(answer.header("content-type"), Some("application/json"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Response {
        match serde_json::to_vec(value) {
            Ok(text) => Response::known("application/json", text),
            Err(error) => Response::empty().broken(error.into()),
        }
    }

    /// Any bytes with their media type.
    ///
    /// ```
    /// let image = harmonious::Response::bytes("image/gif", b"GIF89a".to_vec());
    /// assert_eq!(image.header("content-type"), Some("image/gif"));
    /// ```
    #[must_use]
    pub fn bytes(content_type: &str, bytes: impl Into<Vec<u8>>) -> Response {
        Response::typed(Body::Bytes(bytes.into()), content_type)
    }

    /// A body that is made while it is sent, so that it never lies in memory as a whole. An error ends
    /// the connection, so that the client sees that something is missing.
    ///
    /// The iterator is asked on other threads than the handler's, after the handler has returned; it
    /// owns what it needs and has no `Request`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// let rows = (1..=3).map(|n| Ok(format!("{n};{}\n", n * n).into_bytes()));
    /// assert_eq!(Response::stream("text/csv", rows).status(), 200);
    /// ```
    #[must_use]
    pub fn stream<I>(content_type: &str, pieces: I) -> Response
    where
        I: IntoIterator<Item = io::Result<Vec<u8>>>,
        I::IntoIter: Send + 'static,
    {
        Response::typed(Body::Stream(Box::new(pieces.into_iter())), content_type)
    }

    /// A file: its path below the site's folder, or an absolute one. The server sends it, with ranges
    /// and validators; its media type is that of its name unless one is set.
    ///
    /// Never build the path from what a visitor sent.
    ///
    /// ```
    /// let archive = harmonious::Response::file("data/all.tar.gz").as_attachment("scripts.tar.gz");
    /// assert_eq!(archive.status(), 200);
    /// ```
    #[must_use]
    pub fn file(path: impl Into<String>) -> Response {
        Response::new(Body::File(path.into()))
    }

    /// Bytes that the browser offers to save under this name (RFC 6266); see
    /// [`as_attachment`](Response::as_attachment).
    ///
    /// ```
    /// let file = harmonious::Response::attachment("naïve.glsr", b"print(1)".to_vec());
    /// assert_eq!(
    ///     file.header("content-disposition"),
    ///     Some("attachment; filename=\"na_ve.glsr\"; filename*=UTF-8''na%C3%AFve.glsr"),
    /// );
    /// ```
    #[must_use]
    pub fn attachment(file_name: &str, bytes: impl Into<Vec<u8>>) -> Response {
        Response::bytes("application/octet-stream", bytes).as_attachment(file_name)
    }

    /// 303: look there, with GET. The usual answer to a form that was saved. Only paths of this site
    /// (`/scripts/`), so that nobody can be sent elsewhere by what he was made to type; for other
    /// sites there is [`redirect_away`](Response::redirect_away).
    ///
    /// ```
    /// use harmonious::Response;
    /// let there = Response::redirect("/scripts/");
    /// assert_eq!((there.status(), there.header("location")), (303, Some("/scripts/")));
    /// assert!(Response::redirect("//evil.example").fault().is_some());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn redirect(path: impl AsRef<str>) -> Response {
        Response::empty().with_status(303).located(path.as_ref())
    }

    /// 308: it has moved to this path of this site for good; the method stays.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::permanent_redirect("/new").status(), 308);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn permanent_redirect(path: impl AsRef<str>) -> Response {
        Response::empty().with_status(308).located(path.as_ref())
    }

    /// 303 to any address. Never build it from what a visitor sent.
    ///
    /// ```
    /// let away = harmonious::Response::redirect_away("https://doc.example/");
    /// assert_eq!(away.header("location"), Some("https://doc.example/"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn redirect_away(address: &str) -> Response {
        Response::empty()
            .with_status(303)
            .with_header("location", address)
    }

    /// With another status, 200 to 599.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::text("made").with_status(201).status(), 201);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_status(mut self, status: u16) -> Response {
        self.set_status(status);
        self
    }

    /// With this field in place of all of that name.
    ///
    /// ```
    /// let page = harmonious::Response::text("x").with_header("cache-control", "no-store");
    /// assert_eq!(page.header("Cache-Control"), Some("no-store"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        self.set_header(name, value);
        self
    }

    /// With another media type.
    ///
    /// ```
    /// let page = harmonious::Response::text("a,b").with_content_type("text/csv");
    /// assert_eq!(page.header("content-type"), Some("text/csv"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_content_type(self, content_type: &str) -> Response {
        self.with_header("content-type", content_type)
    }

    /// With an entity tag (RFC 9110, 8.8.3): a text that is another one whenever the bytes are, such as their
    /// hash. Quotation marks are added. Of a 200 to GET or HEAD the server then answers 304 where the client
    /// has it already, and the ranges that are asked for.
    ///
    /// With `W/` in front it is a weak tag, of a page that means the same although its bytes may differ: good
    /// for a 304, not for ranges. What has no place in a tag, such as a blank, makes the answer a 500.
    ///
    /// ```
    /// use harmonious::Response;
    /// assert_eq!(Response::text("x").with_etag("v1").header("etag"), Some("\"v1\""));
    /// assert_eq!(Response::text("x").with_etag("W/v1").header("etag"), Some("W/\"v1\""));
    /// assert!(Response::text("x").with_etag("a b").fault().is_some());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_etag(self, tag: &str) -> Response {
        match etag::Tag::of(tag) {
            Some(tag) => self.with_header("etag", &tag.to_string()),
            None => self.broken(Error::internal(format!(
                "`{}` is no entity tag: it has visible characters without quotation marks, with W/ in front \
                 or not",
                tag.escape_debug()
            ))),
        }
    }

    /// With a cookie; see [`set_cookie`](Response::set_cookie).
    ///
    /// ```
    /// let page = harmonious::Response::text("hello").with_cookie(("who", "ann"));
    /// assert_eq!(page.header("set-cookie"), Some("who=ann; HttpOnly; SameSite=Lax; Path=/"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_cookie(mut self, cookie: impl Into<Cookie<'static>>) -> Response {
        self.set_cookie(cookie);
        self
    }

    /// With a `Content-Disposition` that makes the browser save the body under this name. Folders in
    /// it are dropped; names in other alphabets are given in both forms (RFC 6266, RFC 8187).
    ///
    /// ```
    /// let file = harmonious::Response::text("x").as_attachment("../a.txt");
    /// assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"a.txt\""));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn as_attachment(self, file_name: &str) -> Response {
        self.with_header("content-disposition", &attachment(file_name))
    }

    /// The status.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::empty().status(), 200);
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first field of that name, if its value is text.
    ///
    /// ```
    /// assert_eq!(harmonious::Response::empty().header("location"), None);
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Why it cannot be sent, if it cannot.
    ///
    /// ```
    /// use harmonious::Response;
    /// assert!(Response::text("x").with_header("x-a", "1\r\nx-b: 2").fault().is_some());
    /// ```
    #[must_use]
    pub fn fault(&self) -> Option<&Error> {
        self.fault.as_ref()
    }

    /// Another status, 200 to 599.
    ///
    /// ```
    /// let mut page = harmonious::Response::empty();
    /// page.set_status(202);
    /// assert_eq!(page.status(), 202);
    /// ```
    #[track_caller]
    pub fn set_status(&mut self, status: u16) -> &mut Response {
        self.touch();
        if (200..600).contains(&status) {
            self.status = status;
        } else {
            self.fail(Error::internal(format!(
                "{status} is no status from 200 to 599"
            )));
        }
        self
    }

    /// This field in place of all of that name. A name that is no token, and a value with a line break
    /// or another control character, make the answer a 500.
    ///
    /// ```
    /// let mut page = harmonious::Response::empty();
    /// page.set_header("X-Robots-Tag", "noindex");
    /// assert_eq!(page.header("x-robots-tag"), Some("noindex"));
    /// ```
    #[track_caller]
    pub fn set_header(&mut self, name: &str, value: &str) -> &mut Response {
        let done = self.headers.set(name, value);
        self.after_header(done)
    }

    /// This field besides those of that name.
    ///
    /// ```
    /// let mut page = harmonious::Response::empty();
    /// page.append_header("vary", "accept").append_header("vary", "cookie");
    /// assert_eq!(page.headers().count(), 2);
    /// ```
    #[track_caller]
    pub fn append_header(&mut self, name: &str, value: &str) -> &mut Response {
        let done = self.headers.append(name, value);
        self.after_header(done)
    }

    /// Without the fields of that name.
    ///
    /// ```
    /// let mut page = harmonious::Response::text("x");
    /// page.remove_header("content-type");
    /// assert_eq!(page.header("content-type"), None);
    /// ```
    pub fn remove_header(&mut self, name: &str) -> &mut Response {
        self.headers.remove(name);
        self.touch();
        self
    }

    /// All fields: names in lower case, and values.
    ///
    /// ```
    /// let page = harmonious::Response::text("x");
    /// assert_eq!(page.headers().next(), Some(("content-type", &b"text/plain; charset=utf-8"[..])));
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter()
    }

    /// A cookie. Where the cookie does not say otherwise, it is `HttpOnly`, `SameSite=Lax`, for all
    /// paths, and lives until the browser is closed. Its value is percent-encoded where it must be.
    ///
    /// ```
    /// use harmonious::{Cookie, Response};
    /// let mut page = Response::empty();
    /// page.set_cookie(Cookie::build(("theme", "dark")).http_only(false).path("/settings"));
    /// assert_eq!(page.header("set-cookie"), Some("theme=dark; SameSite=Lax; Path=/settings"));
    /// ```
    #[track_caller]
    pub fn set_cookie(&mut self, cookie: impl Into<Cookie<'static>>) -> &mut Response {
        let mut cookie = cookie.into();
        if cookie.http_only().is_none() {
            cookie.set_http_only(true);
        }
        if cookie.same_site().is_none() {
            cookie.set_same_site(cookie::SameSite::Lax);
        }
        if cookie.path().is_none() {
            cookie.set_path(COOKIE_PATH);
        }
        self.append_header("set-cookie", &cookie.encoded().to_string())
    }

    /// Makes the browser forget a cookie that was set for all paths.
    ///
    /// ```
    /// let mut page = harmonious::Response::empty();
    /// page.remove_cookie("who");
    /// assert!(page.header("set-cookie").unwrap().starts_with("who=; "));
    /// ```
    #[track_caller]
    pub fn remove_cookie(&mut self, name: &str) -> &mut Response {
        let mut cookie = Cookie::new(name.to_owned(), "");
        cookie.set_path(COOKIE_PATH);
        cookie.make_removal();
        self.set_cookie(cookie)
    }

    /// Another body; the media type stays.
    ///
    /// ```
    /// let mut page = harmonious::Response::text("a");
    /// page.set_body("b");
    /// ```
    pub fn set_body(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Response {
        self.body = Body::Bytes(bytes.into());
        self.touch();
        self
    }

    pub(crate) fn new(body: Body) -> Response {
        Response {
            status: 200,
            headers: Headers::default(),
            body,
            stage: Stage::Own,
            shown_status: 0,
            fault: None,
        }
    }

    #[track_caller]
    fn typed(body: Body, content_type: &str) -> Response {
        let response = Response::new(body);
        match content_type {
            "" => response,
            some => response.with_content_type(some),
        }
    }

    /// Of a media type that needs no check.
    fn known(content_type: &'static str, bytes: Vec<u8>) -> Response {
        let mut response = Response::new(Body::Bytes(bytes));
        response.headers.push_known("content-type", content_type);
        response
    }

    /// Why it cannot be sent, if it cannot.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.fault.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn touch(&mut self) {
        if self.stage == Stage::Shown {
            self.stage = Stage::Edited;
        }
    }

    #[track_caller]
    fn located(self, path: &str) -> Response {
        // Browsers take tabs and line ends out before they look for a second slash.
        let local = path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains(|c: char| c == '\\' || c.is_control());
        if local {
            self.with_header("location", &encoded_path(path))
        } else {
            let why = format!(
                "`{}` is no path of this site: begin it with one `/`, or use redirect_away",
                path.escape_debug()
            );
            self.broken(Error::internal(why))
        }
    }

    #[track_caller]
    fn after_header(&mut self, done: Result<(), Refused>) -> &mut Response {
        self.touch();
        if let Err(refused) = done {
            self.fail(Error::from(refused));
        }
        self
    }

    fn broken(mut self, error: Error) -> Response {
        self.fail(error);
        self
    }

    /// The first fault is the one that is told.
    fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }
}

/// A path as `Location` may have it: what is not ASCII is percent-encoded (RFC 3986), what is encoded
/// already stays.
fn encoded_path(path: &str) -> String {
    const NOT_IN_PATHS: &percent_encoding::AsciiSet = &percent_encoding::AsciiSet::EMPTY
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>');
    percent_encoding::utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_only_lead_to_paths_of_this_site() {
        for path in [
            "https://evil.example/",
            "//evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\\evil.example",
            "scripts",
            "",
        ] {
            assert!(Response::redirect(path).fault().is_some(), "{path}");
        }
        assert!(Response::redirect("/a\r\nx: y").fault().is_some());
        let there = Response::redirect("/scripts/é?q=a b");
        assert_eq!(there.header("location"), Some("/scripts/%C3%A9?q=a%20b"));
    }

    #[test]
    fn the_first_fault_is_told() {
        let mut page = Response::empty().with_header("a", "\n").with_status(1);
        assert!(page.check().unwrap_err().detail().contains("`a`"));
    }

    #[test]
    fn cookies_cannot_end_their_line() {
        let page = Response::empty().with_cookie(("a", "1\r\nx: y"));
        assert_eq!(page.header("set-cookie").unwrap().lines().count(), 1);
        let page = Response::empty().with_cookie(("a\r\nb", "1"));
        assert!(page.fault().is_none());
    }

    #[test]
    fn a_removed_cookie_is_past_its_time_for_all_paths() {
        let mut page = Response::empty();
        page.remove_cookie("who");
        let field = page.header("set-cookie").unwrap();
        assert!(
            field.contains("Path=/") && field.contains("Max-Age=0"),
            "{field}"
        );
    }
}
