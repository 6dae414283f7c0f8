//! The lines of a site's source around the one where it went wrong.

use std::fs;
use std::path::Path;

use super::config::{LINE_CHARS_MAX, LINES_AROUND, SOURCE_BYTES_MAX};

/// Some lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Number and text.
    pub lines: Vec<(usize, String)>,
}

/// The lines around `line` (from 1) of a file of the site; `None` for what is no file of the site: the
/// sdk, the standard library, a file that was removed.
pub fn excerpt(site: &Path, file: &str, line: usize) -> Option<Excerpt> {
    let site = fs::canonicalize(site).ok()?;
    let path = fs::canonicalize(site.join(file)).ok()?;
    let of_the_site = path.strip_prefix(&site).ok()?;
    let secret = of_the_site.starts_with("secrets.toml") || of_the_site.starts_with("data");
    let size = fs::metadata(&path).ok()?.len();
    if secret || size > SOURCE_BYTES_MAX || line == 0 {
        return None;
    }
    let text = String::from_utf8_lossy(&fs::read(&path).ok()?).into_owned();
    let first = line.saturating_sub(LINES_AROUND).max(1);
    let lines: Vec<(usize, String)> = (1..)
        .zip(text.lines())
        .skip(first - 1)
        .take_while(|&(number, _)| number <= line + LINES_AROUND)
        .map(|(number, text)| (number, text.chars().take(LINE_CHARS_MAX).collect()))
        .collect();
    lines
        .iter()
        .any(|&(number, _)| number == line)
        .then_some(Excerpt { lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        fs::create_dir_all(site.join("domains")).unwrap();
        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        fs::write(site.join("domains/a.rs"), text).unwrap();
        fs::write(site.join("secrets.toml"), "key = 1\n").unwrap();
        fs::write(dir.path().join("outside.rs"), "secret\n").unwrap();
        dir
    }

    #[test]
    fn the_lines_around_are_shown_with_their_numbers() {
        let dir = site();
        let site = dir.path().join("site");
        let found = excerpt(&site, "domains/a.rs", 20).unwrap().lines;
        assert_eq!(found.first(), Some(&(14, "line 14".to_owned())));
        assert_eq!(found.last(), Some(&(26, "line 26".to_owned())));
        assert_eq!(
            excerpt(&site, "domains/a.rs", 1).unwrap().lines.len(),
            1 + LINES_AROUND
        );
        assert_eq!(
            excerpt(&site, "domains/a.rs", 30).unwrap().lines.len(),
            1 + LINES_AROUND
        );
    }

    #[test]
    fn nothing_outside_of_the_site_and_no_secret_is_shown() {
        let dir = site();
        let site = dir.path().join("site");
        for file in [
            "../outside.rs",
            "/etc/passwd",
            "secrets.toml",
            "domains",
            "no/such.rs",
        ] {
            assert_eq!(excerpt(&site, file, 1), None, "{file}");
        }
        for line in [0, 31, usize::MAX - 10] {
            assert_eq!(excerpt(&site, "domains/a.rs", line), None, "{line}");
        }
        std::os::unix::fs::symlink(dir.path().join("outside.rs"), site.join("domains/link.rs"))
            .unwrap();
        assert_eq!(excerpt(&site, "domains/link.rs", 1), None);
    }
}
