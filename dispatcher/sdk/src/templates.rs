//! Pages from templates: rendering them, what they are told, the URLs in them, and parts of them that are
//! kept for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::request::Request;
use crate::response::Response;

#[derive(Serialize)]
struct Render<'a, C> {
    name: &'a str,
    context: &'a C,
}

#[derive(Serialize)]
struct Provide<'a, T: ?Sized> {
    name: &'a str,
    value: &'a T,
}

#[derive(Serialize)]
struct UrlFor<'a, V> {
    path: &'a str,
    values: &'a V,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
}

/// One of the two.
#[derive(Deserialize)]
struct Begun {
    found: Option<String>,
    lease: Option<u64>,
}

#[derive(Serialize)]
struct End<'a> {
    lease: u64,
    text: Option<&'a str>,
    life_ms: u64,
}

/// The right to make a fragment; if it is dropped with it, another request may make it.
struct Lease<'r> {
    req: &'r Request,
    number: u64,
}

impl Lease<'_> {
    fn end(&self, text: Option<&str>, life: Duration) -> Result<()> {
        let lease = self.number;
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let end = End {
            lease,
            text,
            life_ms,
        };
        self.req.service("fragment.end", &end)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // The host knows the number no more if it was made; else nobody can be told of a failure here.
        let _ = self.end(None, Duration::ZERO);
    }
}

impl Request {
    /// A page from a template, looked up in the requested domain and then in those above. What the
    /// context says can be used in the template by its name; see [`context!`](crate::context).
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[get]
    /// fn about(req: &Request) -> Result<Response> {
    ///     req.render("about.html", context! { title => "About us" })
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 500 if there is no such template, or it fails; the log says where.
    #[track_caller]
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<Response> {
        let text = self.render_text(name, context)?;
        Ok(Response::bytes(media_type(name), text))
    }

    /// As [`render`](Request::render), as a text: for mails, parts of pages, files.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn letter(req: &Request, name: &str) -> Result<String> {
    ///     req.render_text("welcome.txt", context! { name })
    /// }
    /// ```
    ///
    /// # Errors
    /// As `render`.
    #[track_caller]
    pub fn render_text(&self, name: &str, context: impl Serialize) -> Result<String> {
        self.service(
            "render",
            &Render {
                name,
                context: &context,
            },
        )
    }

    /// Gives a value to every template that this request renders from here on: the page, what a parent
    /// renders, an error page. A page's own context comes before it. Where a guard refuses a request no
    /// `#[before]` runs: what a layout needs on every error page too, export it, and write
    /// `{{ module.menu }}` in the layout.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[before]
    /// fn menu(req: &Request) -> Result<()> {
    ///     req.provide("menu", &["scripts", "about"])
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 500 if the value is none that a template can use, or too many were provided (64).
    #[track_caller]
    pub fn provide<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<()> {
        self.service("provide", &Provide { name, value })
    }

    /// The URL of a page of this site by its path among the domains; what is in brackets is filled with
    /// the values of that name, the other values become the query. In templates it is the function
    /// `url_for(path="/scripts/[slug]/", slug=script.slug)`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn after_saving(req: &Request, slug: &str) -> Result<Response> {
    ///     Ok(Response::redirect(&req.url_for("/scripts/[slug]/", context! { slug })?))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if no page has that path, or a value is missing or cannot be part of a URL.
    #[track_caller]
    pub fn url_for(&self, path: &str, values: impl Serialize) -> Result<String> {
        let values = &values;
        self.service("url_for", &UrlFor { path, values })
    }

    /// A part of a page, or another text that takes time to make: made once and kept for `life`, in the
    /// memory of the server, within a bound. While one request makes it, others of the same key wait for
    /// it. Whatever the text depends on belongs in the key: the page number, the language, who is signed
    /// in. Templates have the same as `{% cache "key", for="5m" %}`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use std::time::Duration;
    ///
    /// fn most_used(req: &Request) -> Result<String> {
    ///     req.fragment("most-used", Duration::from_secs(60), || {
    ///         let scripts: Vec<String> = req.at("/scripts/").call("most_used", (10,))?;
    ///         req.render_text("_list.html", context! { scripts })
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of `make`: nothing is kept then. 500 for a key of more than 512 bytes.
    pub fn fragment(
        &self,
        key: &str,
        life: Duration,
        make: impl FnOnce() -> Result<String>,
    ) -> Result<String> {
        let begun: Begun = self.service("fragment.begin", &Key { key })?;
        let lease = match begun {
            Begun {
                found: Some(text), ..
            } => return Ok(text),
            Begun {
                lease: Some(number),
                ..
            } => Lease { req: self, number },
            _ => {
                return Err(Error::internal(
                    "the server has neither a fragment nor a lease",
                ));
            }
        };
        let text = make()?;
        lease.end(Some(&text), life)?;
        Ok(text)
    }

    /// Forgets the fragments of that key, those of templates too: what they show has changed.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn published(req: &Request) -> Result<()> {
    ///     req.forget_fragment("most-used")
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if the server cannot.
    #[track_caller]
    pub fn forget_fragment(&self, key: &str) -> Result<()> {
        self.service("fragment.forget", &Key { key })
    }
}

/// The media type of what a template of that name makes.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "txt" => "text/plain; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "json" => "application/json",
        _ => "text/html; charset=utf-8",
    }
}
