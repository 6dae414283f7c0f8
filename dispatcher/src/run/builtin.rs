//! The pages of last resort, and RFC 9457 problem documents for clients that ask for JSON.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use crate::message::OutgoingBody;

/// Whether the client rates JSON above HTML (RFC 9110, section 12.5.1); who does not care gets the page.
#[must_use]
pub fn wants_json(headers: &HeaderMap) -> bool {
    let fields = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let (mut json, mut html) = (0.0_f32, 0.0_f32);
    for range in fields.flat_map(|field| field.split(',')) {
        let (kind, quality) = media_range(range);
        match kind.as_str() {
            "text/html" | "application/xhtml+xml" | "text/*" | "*/*" => html = html.max(quality),
            "application/json" => json = json.max(quality),
            other if other.ends_with("+json") => json = json.max(quality),
            _ => {}
        }
    }
    json > html
}

/// The type in lower case, and how much it is wanted: 0 to 1.
fn media_range(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let quality = quality.map_or(Ok(1.0), str::parse);
    (kind, quality.unwrap_or(1.0_f32).clamp(0.0, 1.0))
}

/// A problem document (RFC 9457, section 3).
pub(crate) fn problem(
    status: StatusCode,
    title: &str,
    request: &str,
    path: &str,
) -> (HeaderMap, OutgoingBody) {
    let text = json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "instance": path,
        "request_id": request,
    });
    body("application/problem+json", format!("{text}\n"))
}

/// The page that needs nothing.
pub(crate) fn page(status: StatusCode, title: &str, request: &str) -> (HeaderMap, OutgoingBody) {
    let number = status.as_u16();
    let title = escape(title);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{number} {title}</title>\n<h1>{title}</h1>\n"
    );
    // Writing to a `String` does not fail.
    let _ = match request {
        "" => writeln!(text, "<p>{number}</p>"),
        id => writeln!(text, "<p>{number}, request {}</p>", escape(id)),
    };
    body("text/html; charset=utf-8", text)
}

fn body(content_type: &'static str, text: String) -> (HeaderMap, OutgoingBody) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    (headers, OutgoingBody::Bytes(Bytes::from(text)))
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        assert_eq!(wants_json(&headers), expected, "{accept}");
    }

    #[test]
    fn json_is_for_those_who_rate_it_higher() {
        check("application/json", true);
        check("application/problem+json, text/html;q=0.5", true);
        check("application/json;q=0", false);
        check("application/json, */*", false);
        check("text/html, application/json", false);
        check("*/*", false);
        check("text/html;q=0.9, */*", false);
    }
}
