//! The page that shows what went wrong, to whoever writes the site. It needs nothing but itself.

use std::fmt::Write as _;
use std::path::Path;

use super::config::HEADER_BYTES_MAX;
use super::excerpt::excerpt;
use crate::build::{escape, html};

/// Headers whose values are keys to somebody's account; a page is easily shared.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-csrf-token",
];

/// The look. Colours follow those of the compiler; both schemes have enough contrast.
const STYLE: &str = include_str!("overlay.css");

/// What went wrong with a request.
#[derive(Clone, Debug, Default)]
pub struct ErrorPage<'a> {
    /// The status of the answer.
    pub status: u16,
    /// What happened, in a line: `scripts/submit does not compile: 2 errors`.
    pub title: &'a str,
    /// More of it: a message, a panic's text. May have colours as ANSI sequences.
    pub message: &'a str,
    /// What the compiler says, with its colours.
    pub diagnostics: Option<&'a str>,
    /// What to know beside: that the last good version still serves other pages.
    pub note: Option<&'a str>,
    /// Where: file, relative to the site's folder, and line from 1.
    pub at: Option<(&'a str, usize)>,
    /// The parents and the module, root to leaf.
    pub chain: &'a [String],
    /// The request.
    pub request: RequestShown<'a>,
    /// How the URL was resolved.
    pub resolution: &'a str,
    /// Where the panic came from.
    pub backtrace: Option<&'a str>,
}

/// A request, as far as it is shown.
#[derive(Clone, Debug, Default)]
pub struct RequestShown<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its target: path and query.
    pub target: &'a str,
    /// Its id, as in the log.
    pub id: &'a str,
    /// Its headers. Values that are keys are not shown.
    pub headers: Vec<(&'a str, &'a [u8])>,
}

impl ErrorPage<'_> {
    /// The page. `site` is the site's folder, from which lines are shown. `live` is the element that
    /// reloads it when something changed ([`Live::tag`](super::Live::tag)).
    pub fn html(&self, site: &Path, live: &str) -> String {
        let title = escape(self.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{} {title}</title>\n<style>{STYLE}</style>\n<main>\n\
             <p class=\"status\">{} &middot; {} {}</p>\n<h1>{title}</h1>\n",
            self.status,
            self.status,
            escape(self.request.method),
            escape(self.request.target),
        );
        if !self.message.is_empty() && self.message != self.title {
            let _ = writeln!(page, "<pre class=\"message\">{}</pre>", html(self.message));
        }
        if let Some(note) = self.note {
            let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(note));
        }
        if let Some(diagnostics) = self.diagnostics.filter(|text| !text.is_empty()) {
            let _ = writeln!(
                page,
                "<pre class=\"diagnostics\">{}</pre>",
                html(diagnostics)
            );
        }
        self.source(site, &mut page);
        self.details(&mut page);
        let _ = write!(page, "</main>\n{live}</html>\n");
        page
    }

    fn source(&self, site: &Path, page: &mut String) {
        let Some((file, line)) = self.at else { return };
        let _ = writeln!(page, "<h2>{}:{line}</h2>", escape(file));
        let Some(excerpt) = excerpt(site, file, line) else {
            return;
        };
        page.push_str("<pre class=\"source\">");
        for (number, text) in excerpt.lines {
            let class = if number == line {
                " class=\"here\""
            } else {
                ""
            };
            let _ = writeln!(
                page,
                "<span{class}><i>{number:5}</i> {}</span>",
                escape(&text)
            );
        }
        page.push_str("</pre>\n");
    }

    fn details(&self, page: &mut String) {
        if !self.chain.is_empty() {
            page.push_str("<h2>Chain, root to leaf</h2>\n<ol>");
            for module in self.chain {
                let _ = write!(page, "<li>{}", escape(module));
            }
            page.push_str("</ol>\n");
        }
        section(page, "How the URL was resolved", self.resolution);
        section(page, "Request", &self.request.text());
        section(page, "Backtrace", self.backtrace.unwrap_or_default());
    }
}

fn section(page: &mut String, title: &str, text: &str) {
    if !text.trim().is_empty() {
        let _ = writeln!(
            page,
            "<h2>{title}</h2>\n<pre>{}</pre>",
            html(text.trim_end())
        );
    }
}

impl RequestShown<'_> {
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.method, self.target);
        for (name, value) in &self.headers {
            let secret = SECRET_HEADERS
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret));
            let value = match secret {
                true => "(not shown)".into(),
                false => String::from_utf8_lossy(&value[..value.len().min(HEADER_BYTES_MAX)]),
            };
            let _ = writeln!(text, "{name}: {value}");
        }
        if !self.id.is_empty() {
            let _ = writeln!(text, "\nrequest id {}, as in the log", self.id);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: &ErrorPage<'_>) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("domains")).unwrap();
        std::fs::write(
            dir.path().join("domains/a.rs"),
            "fn a() {\n    panic!(\"<b>\")\n}\n",
        )
        .unwrap();
        page.html(dir.path(), "<script src=\"live\"></script>")
    }

    #[test]
    fn the_page_shows_message_lines_chain_request_and_resolution() {
        let chain = ["_parent.rs".to_owned(), "a.rs".to_owned()];
        let text = page(&ErrorPage {
            status: 500,
            title: "a panicked",
            message: "at <b>",
            at: Some(("domains/a.rs", 2)),
            chain: &chain,
            request: RequestShown {
                method: "GET",
                target: "/a?x=1",
                id: "0123",
                headers: vec![("Host", b"localhost"), ("Accept", b"\xff")],
            },
            resolution: "/a is domains/a.rs",
            backtrace: Some("0: a::a"),
            ..ErrorPage::default()
        });
        for part in [
            "<h1>a panicked</h1>",
            "at &lt;b&gt;",
            "<span class=\"here\"><i>    2</i>     panic!(&quot;&lt;b&gt;&quot;)</span>",
            "<li>_parent.rs<li>a.rs",
            "GET /a?x=1\nHost: localhost",
            "request id 0123",
            "/a is domains/a.rs",
            "0: a::a",
            "<script src=\"live\"></script>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let text = page(&ErrorPage {
            request: RequestShown {
                headers: vec![
                    ("Cookie", b"sid=abc123"),
                    ("AUTHORIZATION", b"Bearer abc123"),
                ],
                ..RequestShown::default()
            },
            ..ErrorPage::default()
        });
        assert!(
            !text.contains("abc123") && text.contains("Cookie: (not shown)"),
            "{text}"
        );
    }

    #[test]
    fn what_a_client_sends_is_no_markup() {
        let evil = "<script>alert(1)</script>\u{1b}[31m";
        let chain = [evil.to_owned()];
        let text = page(&ErrorPage {
            title: evil,
            message: evil,
            diagnostics: Some(evil),
            note: Some(evil),
            at: Some((evil, 1)),
            chain: &chain,
            request: RequestShown {
                method: evil,
                target: evil,
                id: evil,
                headers: vec![(evil, evil.as_bytes())],
            },
            resolution: evil,
            backtrace: Some(evil),
            ..ErrorPage::default()
        });
        assert!(!text.contains("<script>"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let text = page(&ErrorPage::default());
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("url("));
        assert!(text.contains("prefers-color-scheme: dark"));
    }
}
