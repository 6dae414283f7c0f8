//! The browser's side of `dev`: a script in every page, and the stream of events that it listens to.

use std::sync::atomic::{AtomicU64, Ordering};

use harmonious_http::http::header::{CACHE_CONTROL, HeaderValue};
use harmonious_http::{Event, Head, Hub, Response};

/// Where the script is. Names that begin with a dot belong to no site.
const SCRIPT_PATH: &str = "/.harmonious/live.js";

/// Where the events are.
const LIVE_PATH: &str = "/.harmonious/live";

const SCRIPT: &str = include_str!("live.js");

/// Tells all open pages of a site what happens.
#[derive(Debug, Default)]
pub struct Live {
    hub: Hub,
    /// The number of the last event: a page reloads for what comes after it.
    last: AtomicU64,
}

impl Live {
    /// Without pages.
    pub fn new() -> Live {
        Live::default()
    }

    /// The answer to a request for the script or the events; `None` for any other.
    pub fn answer(&self, head: &Head) -> Option<Response> {
        self.answer_to(head.path(), head.query(), head.header("last-event-id"))
    }

    fn answer_to(&self, path: &str, query: Option<&str>, last: Option<&str>) -> Option<Response> {
        let response = match path {
            SCRIPT_PATH => Response::bytes("text/javascript; charset=utf-8", SCRIPT),
            LIVE_PATH => {
                let of_page = query.and_then(|query| query.strip_prefix("after="));
                // A browser that comes back by itself knows better than the page that it came from.
                let after = last.or(of_page).and_then(|after| after.parse().ok());
                Response::stream("text/event-stream", self.hub.subscribe(after))
            }
            _ => return None,
        };
        Some(response.with(CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }

    /// These are being built.
    pub fn building(&self, keys: &[String]) {
        self.publish(&Event::new(keys.join(", ")).named("building"));
    }

    /// Nothing is being built any more.
    pub fn idle(&self) {
        self.publish(&Event::new("").named("idle"));
    }

    /// Pages would look otherwise now: they reload. Also after a build that failed, to show why.
    pub fn changed(&self) {
        self.publish(&Event::new("").named("changed"));
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.hub.close();
    }

    /// The element that makes a page reload for what happens after this moment.
    pub fn tag(&self) -> String {
        let after = self.last.load(Ordering::Acquire);
        format!("<script src=\"{SCRIPT_PATH}\" data-after=\"{after}\" defer></script>\n")
    }

    /// A page of type `text/html` with the element, before the end of its body. What is no whole page (a
    /// part that a script asked for) is `None`: it stays as it is. The tag is made by [`Live::tag`] before
    /// the page is, so that no change is missed in between.
    pub fn inject(page: &[u8], tag: &str) -> Option<Vec<u8>> {
        let at = find_last(page, b"</body")
            .or_else(|| find_last(page, b"</html"))
            .or_else(|| {
                let start = page.trim_ascii_start();
                let begins = |with: &[u8]| {
                    start
                        .get(..with.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(with))
                };
                (begins(b"<!doctype html") || begins(b"<html")).then_some(page.len())
            })?;
        let mut injected = Vec::with_capacity(page.len() + tag.len());
        injected.extend_from_slice(&page[..at]);
        injected.extend_from_slice(tag.as_bytes());
        injected.extend_from_slice(&page[at..]);
        Some(injected)
    }

    fn publish(&self, event: &Event) {
        let number = self.hub.publish(event);
        self.last.fetch_max(number, Ordering::AcqRel);
    }
}

fn find_last(page: &[u8], what: &[u8]) -> Option<usize> {
    page.windows(what.len())
        .rposition(|window| window.eq_ignore_ascii_case(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(page: &str) -> Option<String> {
        Live::inject(page.as_bytes(), "<S>").map(|page| String::from_utf8(page).unwrap())
    }

    #[test]
    fn the_script_comes_before_the_end_of_the_body() {
        assert_eq!(
            injected("<body>a</body></html>").unwrap(),
            "<body>a<S></body></html>"
        );
        assert_eq!(injected("<BODY>a</BODY >").unwrap(), "<BODY>a<S></BODY >");
        assert_eq!(
            injected("</body> in text</body>").unwrap(),
            "</body> in text<S></body>"
        );
        assert_eq!(
            injected("\n<!DOCTYPE html><h1>a</h1>").unwrap(),
            "\n<!DOCTYPE html><h1>a</h1><S>"
        );
        assert_eq!(
            injected("<!doctype html><p>a</html>").unwrap(),
            "<!doctype html><p>a<S></html>"
        );
    }

    #[test]
    fn parts_of_pages_stay_as_they_are() {
        for part in ["", "<li>one", "<tr><td>x</td></tr>", "plain"] {
            assert_eq!(injected(part), None, "{part:?}");
        }
    }

    #[test]
    fn a_page_reloads_for_what_comes_after_it() {
        let live = Live::new();
        assert!(live.tag().contains("data-after=\"0\""));
        live.changed();
        live.building(&["a".to_owned()]);
        assert!(live.tag().contains("data-after=\"2\""));
    }

    #[test]
    fn script_and_events_have_their_paths_and_nothing_else_has() {
        let live = Live::new();
        let answer = |path: &str| live.answer_to(path, Some("after=3"), None);
        assert!(answer(SCRIPT_PATH).is_some());
        assert!(answer(LIVE_PATH).is_some());
        for other in [
            "/",
            "/.harmonious/",
            "/.harmonious/live/x",
            "/.harmonious/modules.json",
        ] {
            assert!(answer(other).is_none(), "{other}");
        }
        assert!(SCRIPT.contains(LIVE_PATH));
    }
}
