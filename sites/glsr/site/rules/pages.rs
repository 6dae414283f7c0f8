//! Pages of lists, cursors of the API, and who asks.

use crate::model::Page;

/// Pages of a list at most: nobody reads further, and a far page is slow to find.
pub const PAGES_MAX: u32 = 50;

/// The number of a page from what stands in the address: 1 for what is none, at most [`PAGES_MAX`].
///
/// ```
/// use glsr::rules::page_number;
/// assert_eq!((page_number(Some("3")), page_number(Some("x")), page_number(None)), (3, 1, 1));
/// assert_eq!(page_number(Some("99999999999999999999")), 1);
/// ```
pub fn page_number(typed: Option<&str>) -> u32 {
    typed
        .and_then(|typed| typed.parse().ok())
        .unwrap_or(1)
        .clamp(1, PAGES_MAX)
}

/// How many rows come before a page of `size`.
///
/// ```
/// assert_eq!(glsr::rules::offset(3, 20), 40);
/// ```
pub fn offset(page: u32, size: u32) -> u32 {
    page.clamp(1, PAGES_MAX)
        .saturating_sub(1)
        .saturating_mul(size)
}

/// A page from the rows of a query with `LIMIT size + 1`: the one too many tells whether there is more.
///
/// ```
/// let page = glsr::rules::paged(vec!['a', 'b', 'c'], 1, 2);
/// assert_eq!((page.items, page.more), (vec!['a', 'b'], true));
/// ```
pub fn paged<T>(mut rows: Vec<T>, page: u32, size: u32) -> Page<T> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size && page < PAGES_MAX;
    rows.truncate(size);
    Page {
        items: rows,
        page,
        more,
    }
}

/// The place behind a row in a list that is ordered by a number and then by id, for `?cursor=`.
///
/// ```
/// use glsr::rules::{cursor, read_cursor};
/// assert_eq!(read_cursor(&cursor(1_700_000_000, 42)), Some((1_700_000_000, 42)));
/// assert_eq!(read_cursor("1.2.3"), None);
/// ```
pub fn cursor(key: i64, id: i64) -> String {
    format!("{key}.{id}")
}

/// What [`cursor`] wrote, or `None`.
pub fn read_cursor(text: &str) -> Option<(i64, i64)> {
    let (key, id) = text.split_once('.')?;
    Some((key.parse().ok()?, id.parse().ok()?))
}

/// Words in the names of programs that read the web by themselves.
const BOT_WORDS: [&str; 7] = [
    "bot", "crawl", "spider", "slurp", "preview", "monitor", "feed",
];

/// Whether the field `User-Agent` speaks of a program whose fetch is no download: also if it is empty.
///
/// ```
/// use glsr::rules::is_bot;
/// assert!(is_bot("") && is_bot("Mozilla/5.0 (compatible; Googlebot/2.1)"));
/// assert!(!is_bot("curl/8.5.0"));
/// ```
pub fn is_bot(agent: &str) -> bool {
    let agent = agent.trim().to_ascii_lowercase();
    agent.is_empty() || BOT_WORDS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_pages() {
        for (typed, page) in [
            ("0", 1),
            ("-1", 1),
            ("50", 50),
            ("51", 50),
            ("", 1),
            ("1e3", 1),
        ] {
            assert_eq!(page_number(Some(typed)), page, "{typed}");
        }
        assert_eq!(offset(0, 20), 0);
        assert_eq!(offset(u32::MAX, u32::MAX), u32::MAX);
    }

    #[test]
    fn the_last_page_has_no_next_one() {
        assert!(!paged(vec![1, 2], 1, 2).more);
        assert!(paged(vec![1, 2, 3], 49, 2).more);
        assert!(!paged(vec![1, 2, 3], PAGES_MAX, 2).more);
        assert!(paged(Vec::<u8>::new(), 1, 20).items.is_empty());
    }

    #[test]
    fn cursors_that_are_none() {
        for text in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "a.b",
            "1.99999999999999999999",
            "1.2 ",
        ] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
        assert_eq!(
            read_cursor(&cursor(i64::MIN, i64::MAX)),
            Some((i64::MIN, i64::MAX))
        );
    }

    #[test]
    fn agents() {
        for agent in [
            "  ",
            "bingbot",
            "Feedly/1.0",
            "Slackbot-LinkExpanding",
            "UptimeMonitor",
            "Yahoo! Slurp",
        ] {
            assert!(is_bot(agent), "{agent}");
        }
        for agent in [
            "Wget/1.21",
            "python-requests/2.31",
            "Mozilla/5.0 (X11; Linux) Firefox/128.0",
        ] {
            assert!(!is_bot(agent), "{agent}");
        }
    }
}
