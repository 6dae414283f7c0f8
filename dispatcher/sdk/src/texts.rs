//! Texts in the visitor's language, out of the site's catalogues.

use serde::Serialize;

use crate::request::Request;

/// What is said where the server cannot say it.
const USUAL: &str = "en";

#[derive(Serialize)]
struct Say<'a, V> {
    key: &'a str,
    values: &'a V,
}

#[derive(Serialize)]
struct Nothing {}

impl Request {
    /// The text of that key in the visitor's language, with these values in its places; `n` is the number that
    /// decides on plural forms. In templates it is the function `t(key="cart.things", n=count)`. If there is no
    /// such text, it is the key itself, and the log says so; a place without a value stays as it is written.
    ///
    /// It is plain text, which a template escapes as any other. Only of a key that ends with `_html` it is
    /// HTML, with its values escaped: `{{ text | safe }}` shows it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// // locales/en.toml: things = { one = "{n} thing", other = "{n} things" }
    /// fn things(req: &Request, n: usize) -> String {
    ///     req.t("things", context! { n })
    /// }
    /// ```
    #[must_use]
    pub fn t(&self, key: &str, values: impl Serialize) -> String {
        let values = &values;
        match self.service("t", &Say { key, values }) {
            Ok(text) => text,
            Err(error) => {
                log::error!("the text `{key}` cannot be said: {}", error.detail());
                key.to_owned()
            }
        }
    }

    /// The code of the visitor's language, such as `fr`: one that has a catalogue in `locales/`. The cookie
    /// `lang` chooses it, then `Accept-Language`, then `default` of `[locales]` in `site.toml`. What is made for
    /// it and kept, such as a fragment, has it in its key.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use std::time::Duration;
    ///
    /// fn news(req: &Request) -> Result<String> {
    ///     let key = format!("news-{}", req.language());
    ///     req.fragment(&key, Duration::from_secs(60), || req.render_text("_news.html", context! {}))
    /// }
    /// ```
    #[must_use]
    pub fn language(&self) -> String {
        self.service("language", &Nothing {})
            .unwrap_or_else(|_| USUAL.to_owned())
    }
}
