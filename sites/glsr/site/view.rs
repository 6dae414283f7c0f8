//! What pages show beside the rows of tables: addresses, commands, what is asked for.

use harmonious::prelude::*;

use crate::model::{Category, Filter, Sort, Version};
use crate::start::CATEGORIES;

/// Rows of a list on one page.
pub const ROWS: u32 = 20;
/// Pages of a list at most.
const PAGES_MAX: u32 = 10_000;

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
    let given = |name: &str| asked(req, name);
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

/// What a parameter of the query asks for; nothing if it is empty. Control characters are in no name, and no database
/// need take them: they are left out.
#[must_use]
pub fn asked(req: &Request, name: &str) -> Option<String> {
    let text: String = req
        .query(name)?
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The number of the page that is asked for, from 1.
#[must_use]
pub fn page(req: &Request) -> u32 {
    let typed = req.query("page").and_then(|text| text.parse().ok());
    typed.unwrap_or(1).clamp(1, PAGES_MAX)
}

/// The categories, with the names of those that the site began with in the visitor's language; names that editors
/// gave stay as they are.
#[must_use]
pub fn categories(req: &Request, mut all: Vec<Category>) -> Vec<Category> {
    for one in &mut all {
        one.name = category_name(req, &one.path, &one.name);
    }
    all
}

/// The name of one of them.
#[must_use]
pub fn category_name(req: &Request, path: &str, name: &str) -> String {
    let known = CATEGORIES
        .iter()
        .any(|(slug, given, _)| *slug == path && *given == name);
    match known {
        true => req.t(&format!("category.{path}"), context! {}),
        false => name.to_owned(),
    }
}

/// A score in thousandths as it is shown: `4.3`.
#[must_use]
pub fn stars(score: i64) -> String {
    let tenths = (score + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
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
