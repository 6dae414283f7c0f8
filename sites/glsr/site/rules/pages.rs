//! Cursors of the API, and who asks.

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
