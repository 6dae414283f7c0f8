//! [`Request`]: what was asked for. Its other sides are in `query.rs`, `body.rs`, `form.rs`, `service.rs`
//! and `call.rs`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use cookie::Cookie;
use harmonious_abi::method;

use crate::accept;
use crate::error::{Error, Result};
use crate::etag::Tag;
use crate::ffi::Link;
use crate::response::Response;

/// What was asked for, and the way to everything around it: the site's settings, templates, other
/// modules, services.
///
/// It lives until the function that got it returns, and stays on its thread.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[get]
/// fn show(req: &Request) -> Result<Response> {
///     let slug = req.param("slug")?;
///     let page: u32 = req.query("page").and_then(|text| text.parse().ok()).unwrap_or(1);
///     req.render("index.html", context! { slug, page })
/// }
/// # fn main() {}
/// ```
pub struct Request {
    link: Link,
}

impl Request {
    /// `GET`, `POST` and so on; empty in a call that belongs to no request.
    ///
    /// ```
    /// fn is_post(req: &harmonious::Request) -> bool { req.method() == "POST" }
    /// ```
    #[must_use]
    pub fn method(&self) -> &'static str {
        let bit = self.link.method();
        method::ALL
            .iter()
            .find(|(other, _)| *other == bit)
            .map_or("", |(_, name)| name)
    }

    /// `http` or `https`, as the client spoke it.
    ///
    /// ```
    /// fn is_safe(req: &harmonious::Request) -> bool { req.scheme() == "https" }
    /// ```
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.link.scheme()
    }

    /// The host that was asked for, in lower case, without port. The client chose it: do not build
    /// addresses from it that others get to see.
    ///
    /// ```
    /// fn is_local(req: &harmonious::Request) -> bool { req.host() == "localhost" }
    /// ```
    #[must_use]
    pub fn host(&self) -> &str {
        self.link.host()
    }

    /// The path in its one canonical form, percent-encoded: `/scripts/d%C3%A9j%C3%A0/`.
    ///
    /// ```
    /// fn below_docs(req: &harmonious::Request) -> bool { req.path().starts_with("/docs/") }
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        self.link.path()
    }

    /// The path as it came, for logs only: two raw paths may mean the same page.
    ///
    /// ```
    /// fn as_it_came(req: &harmonious::Request) -> &str { req.raw_path() }
    /// ```
    #[must_use]
    pub fn raw_path(&self) -> &str {
        self.link.raw_path()
    }

    /// The decoded segments of the path; none is empty.
    ///
    /// ```
    /// fn depth(req: &harmonious::Request) -> usize { req.segments().len() }
    /// ```
    #[must_use]
    pub fn segments(&self) -> &[&str] {
        self.link.segments()
    }

    /// In a `[...rest]` module, the decoded segments that nothing else matched, at least one; else none.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn is_old(req: &Request) -> bool {
    ///     matches!(req.rest(), ["archive", _year, ..])
    /// }
    /// ```
    #[must_use]
    pub fn rest(&self) -> &[&str] {
        let all = self.segments();
        all.get(self.link.rest_from()..).unwrap_or_default()
    }

    /// The domain whose guards have run, such as `/scripts/[slug]/`.
    ///
    /// ```
    /// fn where_am_i(req: &harmonious::Request) -> &str { req.domain() }
    /// ```
    #[must_use]
    pub fn domain(&self) -> &str {
        self.link.domain()
    }

    /// What stands in the place of a dynamic segment: `slug` of `scripts/[slug]/index.rs`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn slug(req: &Request) -> Result<&str> {
    ///     req.param("slug")
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if no folder or file on the way to this module is called so.
    #[track_caller]
    pub fn param(&self, name: &str) -> Result<&str> {
        match self.params().find(|(other, _)| *other == name) {
            Some((_, value)) => Ok(value),
            None => Err(Error::internal(format!(
                "no dynamic segment `{name}` on the way to {}: a folder or file named [{name}] makes one",
                self.path()
            ))),
        }
    }

    /// As [`param`](Request::param), as a value of another type.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn id(req: &Request) -> Result<u64> {
    ///     req.param_as("id")
    /// }
    /// ```
    ///
    /// # Errors
    /// 404 if it does not parse: there is no such page. 500 if there is no such segment.
    #[track_caller]
    pub fn param_as<T: FromStr>(&self, name: &str) -> Result<T> {
        let Ok(value) = self.param(name)?.parse() else {
            return Err(
                Error::not_found("").with_detail(format!("segment `{name}` does not parse"))
            );
        };
        Ok(value)
    }

    /// All dynamic segments: names and values.
    ///
    /// ```
    /// fn count(req: &harmonious::Request) -> usize { req.params().count() }
    /// ```
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.link.params()
    }

    /// The first header field of that name, in any case, if its value is text.
    ///
    /// ```
    /// fn agent(req: &harmonious::Request) -> &str { req.header("User-Agent").unwrap_or("unknown") }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name)
            .find_map(|value| str::from_utf8(value).ok())
    }

    /// All values of that name.
    ///
    /// ```
    /// fn hops(req: &harmonious::Request) -> usize { req.headers_named("via").count() }
    /// ```
    pub fn headers_named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.link
            .headers()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// All header fields: names in lower case, and values.
    ///
    /// ```
    /// fn names(req: &harmonious::Request) -> Vec<&str> { req.headers().map(|(name, _)| name).collect() }
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let all = self.link.headers();
        all.map(|(name, value)| (str::from_utf8(name).unwrap_or_default(), value))
    }

    /// The value of a cookie, decoded.
    ///
    /// ```
    /// fn known(req: &harmonious::Request) -> bool { req.cookie("who").is_some() }
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies()
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    /// All cookies that the browser sent; what is no cookie is left out.
    ///
    /// ```
    /// fn count(req: &harmonious::Request) -> usize { req.cookies().count() }
    /// ```
    pub fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        self.headers_named("cookie")
            .filter_map(|value| str::from_utf8(value).ok())
            .flat_map(Cookie::split_parse_encoded)
            .filter_map(|cookie| cookie.ok())
    }

    /// The client's address; `None` on a Unix socket.
    ///
    /// ```
    /// fn from_here(req: &harmonious::Request) -> bool {
    ///     req.client().is_some_and(|address| address.is_loopback())
    /// }
    /// ```
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.link.peer().parse().ok()
    }

    /// The request's number, as the log and `X-Request-Id` have it.
    ///
    /// ```
    /// fn number(req: &harmonious::Request) -> String { format!("request {}", req.id()) }
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        self.link.id()
    }

    /// Whether the client would rather have JSON than a page, as its `Accept` says.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn names(req: &Request, names: &[String]) -> Result<Response> {
    ///     if req.wants_json() {
    ///         return Ok(Response::json(names));
    ///     }
    ///     req.render("names.html", context! { names })
    /// }
    /// ```
    #[must_use]
    pub fn wants_json(&self) -> bool {
        let fields = self
            .headers_named("accept")
            .filter_map(|value| str::from_utf8(value).ok());
        accept::prefers_json(&fields.collect::<Vec<_>>().join(","))
    }

    /// A 304 with that tag, if the client has what it stands for: for a handler that would rather not make a page
    /// in vain. `None` for other methods than GET and HEAD, and wherever the server has to decide when the page
    /// is there; without this, it does so in any case. See [`Response::with_etag`].
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     let tag = format!("W/{}", 41); // what the page is made from has a number
    ///     if let Some(same) = req.not_modified(&tag) {
    ///         return Ok(same);
    ///     }
    ///     Ok(req.render("index.html", context! {})?.with_etag(&tag))
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn not_modified(&self, tag: &str) -> Option<Response> {
        let decides_later = |name| self.headers_named(name).next().is_some();
        if !matches!(self.method(), "GET" | "HEAD")
            || decides_later("if-match")
            || decides_later("if-unmodified-since")
        {
            return None;
        }
        let known = Tag::of(tag)?.known_as(self.headers_named("if-none-match"))?;
        Some(
            Response::empty()
                .with_status(304)
                .with_header("etag", &known.to_string()),
        )
    }

    /// In an `#[after]`, the body as it is, if it is in memory.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[after]
    /// fn sized(req: &Request, response: &mut Response) -> Result<()> {
    ///     if let Some(body) = req.response_body() {
    ///         response.set_header("x-bytes", &body.len().to_string());
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn response_body(&self) -> Option<&[u8]> {
        self.link.answer_body()
    }

    pub(crate) fn new(link: Link) -> Request {
        Request { link }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

/// Method, host and path; nothing that is a visitor's secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method(), self.host(), self.path())
    }
}
