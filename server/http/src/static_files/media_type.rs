//! The media type of a file, by its extension.

use http::HeaderValue;

/// The value of `Content-Type` for a path. Text is taken to be UTF-8; what is unknown is bytes.
pub(super) fn of(path: &str) -> HeaderValue {
    let kind = match mime_guess::from_path(path).first_raw() {
        None => return HeaderValue::from_static("application/octet-stream"),
        // The old name of it (RFC 9239, 6).
        Some("application/javascript") => "text/javascript",
        Some(kind) => kind,
    };
    if !is_text(kind) {
        return HeaderValue::from_static(kind);
    }
    HeaderValue::try_from(format!("{kind}; charset=utf-8"))
        .unwrap_or(HeaderValue::from_static(kind))
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || [
            "application/javascript",
            "application/json",
            "application/xml",
        ]
        .contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        assert_eq!(of(path), expected, "{path}");
    }

    #[test]
    fn types() {
        check("a.html", "text/html; charset=utf-8");
        check("a.HTML", "text/html; charset=utf-8");
        check("a/b.css", "text/css; charset=utf-8");
        check("a.txt", "text/plain; charset=utf-8");
        check("a.js", "text/javascript; charset=utf-8");
        check("a.mjs", "text/javascript; charset=utf-8");
        check("a.json", "application/json; charset=utf-8");
        check("a.webmanifest", "application/manifest+json; charset=utf-8");
        check("a.xml", "text/xml; charset=utf-8");
        check("a.svg", "image/svg+xml; charset=utf-8");
        check("a.png", "image/png");
        check("a.woff2", "font/woff2");
        check("a.wasm", "application/wasm");
        check("a.pdf", "application/pdf");
        check("a.js.gz", "application/gzip");
        check("a.js.br", "application/octet-stream");
        check("a", "application/octet-stream");
        check("a.unknown", "application/octet-stream");
        check("a.d/b", "application/octet-stream");
    }
}
