//! URLs of pages, made from their patterns: the way back from a module to its address.

use std::collections::BTreeSet;
use std::fmt::Write;

use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};

use super::Manifest;
use super::names::{Matcher, Segment, nearest, segment};
use super::path::ENCODED;

/// The patterns of all pages of a site.
///
/// ```
/// use harmonious_dispatcher::manifest::Links;
///
/// let links = Links::new(["/scripts/[slug]/raw".to_owned()]);
/// let serde_json::Value::Object(values) = serde_json::json!({"slug": "a b", "v": 2}) else { panic!() };
/// assert_eq!(links.url("/scripts/[slug]/raw", &values).unwrap(), "/scripts/a%20b/raw?v=2");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Links {
    patterns: BTreeSet<String>,
}

impl Links {
    /// Of these patterns.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Links {
        let patterns = patterns.into_iter().collect();
        Links { patterns }
    }

    /// Of all modules and templates that have a URL.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Links {
        let modules = manifest.modules().iter();
        let modules = modules.filter_map(|module| module.pattern.clone());
        let pages = manifest.templates().iter();
        Links::new(modules.chain(pages.filter_map(|page| page.url.clone())))
    }

    /// The URL of the page with that pattern, such as `/scripts/[slug]/`: its brackets are filled with the
    /// values of their names, percent-encoded; the other values become the query, null ones nothing.
    ///
    /// # Errors
    /// No page has the pattern; a value is missing, empty or none that can stand in a URL. The message
    /// names patterns and names, no values.
    pub fn url(&self, pattern: &str, values: &Map<String, Value>) -> Result<String, String> {
        self.find(pattern)?;
        let mut url = String::with_capacity(pattern.len() + 16);
        let mut used: Vec<String> = Vec::new();
        for part in pattern.split('/').skip(1) {
            url.push('/');
            let (name, matcher) = match segment(part) {
                Ok(Segment::Dynamic { name, matcher }) => (name, Some(matcher)),
                Ok(Segment::Rest) => (part[4..part.len() - 1].to_owned(), None),
                _ => {
                    url.extend(utf8_percent_encode(part, ENCODED));
                    continue;
                }
            };
            let value = values.get(&name).and_then(text);
            let value = value.ok_or_else(|| {
                format!("`{pattern}` needs a value for `{name}`: a text or a number")
            })?;
            fill(&mut url, &name, &value, matcher)?;
            used.push(name);
        }
        let others = values.iter().filter(|(name, _)| !used.contains(name));
        query(&mut url, others)?;
        Ok(url)
    }

    /// Whether a page has that pattern.
    ///
    /// # Errors
    /// None has; the message names the nearest.
    pub fn find(&self, pattern: &str) -> Result<(), String> {
        if self.patterns.contains(pattern) {
            return Ok(());
        }
        let known: Vec<&str> = self.patterns.iter().map(String::as_str).collect();
        let near = nearest(pattern, &known);
        Err(format!(
            "no page has the path `{pattern}`: did you mean \"{near}\"?"
        ))
    }
}

/// What stands for a bracket; without a matcher, any number of segments.
fn fill(url: &mut String, name: &str, value: &str, one: Option<Matcher>) -> Result<(), String> {
    let segments: Vec<&str> = match one {
        None => value.split('/').collect(),
        Some(_) => vec![value],
    };
    let never = |segment: &&str| {
        segment.is_empty()
            || matches!(*segment, "." | "..")
            || segment.contains(|c: char| c == '/' || c == '\\' || c.is_control())
    };
    if segments.iter().any(never) {
        return Err(format!("the value for `{name}` cannot be a part of a path"));
    }
    if let Some(matcher) = one.filter(|matcher| !matcher.accepts(value)) {
        return Err(format!("the value for `{name}` is no {matcher}"));
    }
    for (at, segment) in segments.iter().enumerate() {
        if at > 0 {
            url.push('/');
        }
        url.extend(utf8_percent_encode(segment, ENCODED));
    }
    Ok(())
}

fn query<'v>(
    url: &mut String,
    values: impl Iterator<Item = (&'v String, &'v Value)>,
) -> Result<(), String> {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for (name, value) in values {
        let several = match value {
            Value::Null => &[],
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in several {
            let value = text(value)
                .ok_or_else(|| format!("the value for `{name}` cannot stand in a query"))?;
            pairs.append_pair(name, &value);
            any = true;
        }
    }
    if any {
        // Writing to a `String` does not fail.
        let _ = write!(url, "?{}", pairs.finish());
    }
    Ok(())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn url(pattern: &str, values: Value) -> Result<String, String> {
        let patterns = [
            "/",
            "/about",
            "/users/[id=u64]/",
            "/docs/[...rest]",
            "/é/[a]/[b]",
        ];
        let Value::Object(values) = values else {
            panic!("an object");
        };
        Links::new(patterns.map(str::to_owned)).url(pattern, &values)
    }

    #[test]
    fn brackets_are_filled_and_the_rest_is_the_query() {
        assert_eq!(url("/", json!({})).unwrap(), "/");
        assert_eq!(
            url("/about", json!({"q": "a&b", "n": null})).unwrap(),
            "/about?q=a%26b"
        );
        assert_eq!(
            url("/users/[id=u64]/", json!({"id": 7})).unwrap(),
            "/users/7/"
        );
        assert_eq!(
            url("/docs/[...rest]", json!({"rest": "a b/c"})).unwrap(),
            "/docs/a%20b/c"
        );
        assert_eq!(
            url("/é/[a]/[b]", json!({"a": "ü", "b": "x?y#z", "t": ["1", 2]})).unwrap(),
            "/%C3%A9/%C3%BC/x%3Fy%23z?t=1&t=2"
        );
    }

    #[test]
    fn what_cannot_be_a_url_is_told_without_values() {
        for (pattern, values, expected) in [
            ("/abuot", json!({}), "did you mean \"/about\"?"),
            ("/users/[id=u64]/", json!({}), "needs a value for `id`"),
            (
                "/é/[a]/[b]",
                json!({"a": "..", "b": 1}),
                "the value for `a` cannot be a part",
            ),
            (
                "/é/[a]/[b]",
                json!({"a": "x/y", "b": 1}),
                "the value for `a` cannot be a part",
            ),
            (
                "/é/[a]/[b]",
                json!({"a": "", "b": 1}),
                "the value for `a` cannot be a part",
            ),
            (
                "/users/[id=u64]/",
                json!({"id": "x"}),
                "the value for `id` is no u64",
            ),
            (
                "/docs/[...rest]",
                json!({"rest": "a//b"}),
                "cannot be a part",
            ),
            (
                "/about",
                json!({"q": {"secret": 1}}),
                "`q` cannot stand in a query",
            ),
        ] {
            let message = url(pattern, values).unwrap_err();
            assert!(
                message.contains(expected) && !message.contains("secret"),
                "{message}"
            );
        }
    }
}
