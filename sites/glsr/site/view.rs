//! What pages show beside the rows of tables: addresses, commands, outlines.

use harmonious::prelude::*;
use regex_lite::Regex;

use crate::model::{Filter, Sort, Version};

/// Rows of a list on one page.
pub const ROWS: u32 = 20;
/// Entries of an outline, bytes of a pattern of one, and pages of a list, at most.
const OUTLINE_MAX: usize = 200;
const PATTERN_BYTES_MAX: usize = 200;
const PAGES_MAX: u32 = 10_000;

/// A line of the outline of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// From 1.
    pub line: usize,
    pub text: String,
}

/// How to get a version and check it: lines for a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commands {
    pub get: String,
    pub check: String,
    /// With a signature: getting it, and checking it.
    pub signature: Option<String>,
    pub look: String,
    pub run: String,
}

/// Where the site is, without a slash at the end: `[config] address`, else what the visitor asked for.
pub fn address(req: &Request) -> Result<String> {
    if let Some(address) = req.config::<Option<String>>("address")? {
        return Ok(address.trim_end_matches('/').to_owned());
    }
    // With its port, which `site().host` has not; letters that are none of a host would end up in commands.
    let host = req.header("host").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let host = if !host.is_empty() && host.chars().all(plain) {
        host
    } else {
        "localhost"
    };
    Ok(format!("{}://{host}", req.scheme()))
}

/// The commands for a published version.
#[must_use]
pub fn commands(address: &str, name: &str, version: &Version) -> Commands {
    let number = version.number.unwrap_or(1);
    let url = format!("{address}/s/{name}/{number}");
    let signature = version.signing_key.as_ref().map(|key| {
        format!("curl -fsSL -o {name}.minisig {url}.minisig && minisign -Vm {name} -P {key}")
    });
    Commands {
        get: format!("curl -fsSL -o {name} {url}"),
        check: format!("curl -fsSL {url}.sha256 | sha256sum -c"),
        signature,
        look: format!("less {name}"),
        run: format!("chmod +x {name} && ./{name}"),
    }
}

/// Which scripts are asked for: `q category language tag license author sort page` of the query.
#[must_use]
pub fn filter(req: &Request) -> Filter {
    let given = |name: &str| {
        req.query(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let sort = match given("sort").as_deref() {
        Some("new") => Sort::New,
        Some("used") => Sort::Used,
        Some("rated") => Sort::Rated,
        _ => Sort::Fit,
    };
    Filter {
        q: given("q").unwrap_or_default(),
        category: given("category"),
        language: given("language"),
        tag: given("tag"),
        license: given("license"),
        author: given("author"),
        sort,
        page: page(req),
    }
}

/// The number of the page that is asked for, from 1.
#[must_use]
pub fn page(req: &Request) -> u32 {
    let typed = req.query("page").and_then(|text| text.parse().ok());
    typed.unwrap_or(1).clamp(1, PAGES_MAX)
}

/// A score in thousandths as it is shown: `4.3`.
#[must_use]
pub fn stars(score: i64) -> String {
    let tenths = (score + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The lines that one of the patterns fits, as far as a list of them is worth reading.
#[must_use]
pub fn outline(patterns: &str, text: &str) -> Vec<Entry> {
    let patterns: Vec<Regex> = patterns
        .lines()
        .filter_map(|pattern| compiled(pattern).ok())
        .collect();
    let fits = |line: &str| patterns.iter().any(|pattern| pattern.is_match(line));
    let lines = text.lines().enumerate().filter(|(_, line)| fits(line));
    let entry = |(at, line): (usize, &str)| Entry {
        line: at + 1,
        text: line.trim().chars().take(100).collect(),
    };
    lines.take(OUTLINE_MAX).map(entry).collect()
}

/// A pattern of an outline, or why it is none.
pub fn compiled(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("more than {PATTERN_BYTES_MAX} bytes"));
    }
    Regex::new(pattern).map_err(|error| error.to_string())
}

/// A path of this site that a form says to go on to; the other one if it is none.
#[must_use]
pub fn next<'a>(typed: &'a str, other: &'a str) -> &'a str {
    let own = typed.starts_with('/') && !typed.starts_with("//");
    let plain = !typed.contains(|c: char| c == '\\' || c.is_control());
    if own && plain { typed } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_has_the_lines_that_fit() {
        let text = "a() {\n  echo\n}\nfunction b {\n";
        let entries = outline("^\\s*\\w+\\s*\\(\\)\n^function\\s\n(", text);
        let seen: Vec<_> = entries
            .iter()
            .map(|one| (one.line, one.text.as_str()))
            .collect();
        assert_eq!(seen, [(1, "a() {"), (4, "function b {")]);
    }

    #[test]
    fn forms_lead_to_own_paths_only() {
        for (typed, wanted) in [
            ("/a?b=c", "/a?b=c"),
            ("//evil", "/"),
            ("https://evil", "/"),
            ("/\\evil", "/"),
            ("", "/"),
        ] {
            assert_eq!(next(typed, "/"), wanted);
        }
    }

    #[test]
    fn nothing_is_run_before_it_is_checked() {
        let version = Version {
            number: Some(3),
            signing_key: Some("RWx".to_owned()),
            ..Version::default()
        };
        let commands = commands("https://a.example", "tidy", &version);
        assert_eq!(
            commands.get,
            "curl -fsSL -o tidy https://a.example/s/tidy/3"
        );
        assert_eq!(
            commands.check,
            "curl -fsSL https://a.example/s/tidy/3.sha256 | sha256sum -c"
        );
        assert!(
            commands
                .signature
                .is_some_and(|line| line.ends_with("minisign -Vm tidy -P RWx"))
        );
    }
}
