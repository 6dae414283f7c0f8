//! The query: what stands after the `?`.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::request::Request;

impl Request {
    /// The query as it came, without the `?`; empty if there is none.
    ///
    /// ```
    /// fn here(req: &harmonious::Request) -> String { format!("{}?{}", req.path(), req.query_string()) }
    /// ```
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.link().query()
    }

    /// The first value of that name, decoded.
    ///
    /// ```
    /// fn wanted(req: &harmonious::Request) -> String { req.query("q").unwrap_or_default() }
    /// ```
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// All values of that name, in order.
    ///
    /// ```
    /// fn tags(req: &harmonious::Request) -> Vec<String> { req.query_all("tag") }
    /// ```
    #[must_use]
    pub fn query_all(&self, name: &str) -> Vec<String> {
        self.query_pairs()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// All names and values, decoded, in order.
    ///
    /// ```
    /// fn count(req: &harmonious::Request) -> usize { req.query_pairs().count() }
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = form_urlencoded::parse(self.query_string().as_bytes());
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// The whole query as a struct of the author's. Names that may be missing are `Option`s or have
    /// `#[serde(default)]`; a name that may come several times is a `Vec`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct Search {
    ///     q: String,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    ///     page: Option<u32>,
    /// }
    ///
    /// fn page(req: &Request) -> Result<u32> {
    ///     let search: Search = req.query_as()?;
    ///     Ok(search.page.unwrap_or(1))
    /// }
    /// ```
    ///
    /// # Errors
    /// 400 that says what is missing or wrong.
    #[track_caller]
    pub fn query_as<T: DeserializeOwned>(&self) -> Result<T> {
        match serde_html_form::from_str(self.query_string()) {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::bad_request(format!("the query: {error}"))),
        }
    }
}
