//! `[database]` of a `domain.toml`: what the domains of a site declare, and what is wrong with it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use harmonious_db::Config;
use harmonious_dispatcher::manifest::{Domain, HostKey, HostTable};
use harmonious_dispatcher::{Manifest, Problem};
use serde_json::Value;

use super::keeping_toml::{CONNECTIONS_MAX, QUERY_TIME_MAX, has_password};
use crate::settings::did_you_mean;

/// The folder of numbered SQL files of a domain; names with `_` are no URLs.
pub(super) const MIGRATIONS: &str = "_migrations";
/// Where databases of domains lie that do not say where, in the folder of the site's data.
const FOLDER: &str = "domains";
pub(super) const KEYS: [&str; 4] = ["url", "url-secret", "connections", "query-time"];
/// Bytes of the path of a domain with a database: connections are kept under its name.
const PATH_BYTES_MAX: usize = harmonious_session::config::NAME_BYTES_MAX;

/// Of what a declaration is made, besides itself.
pub struct Around<'a> {
    /// The folder of the site.
    pub site: &'a Path,
    /// The folder of its data.
    pub data: &'a Path,
    /// Its secrets by name.
    pub secrets: &'a BTreeMap<String, String>,
    /// The URL of its own database.
    pub own_url: &'a str,
}

/// What one `[database]` says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// The whole URL; it may have a password in it.
    pub(super) url: String,
    pub(super) connections_max: Option<u32>,
    pub(super) query_time_max: Option<Duration>,
    /// The folder with its migrations, which need not be there.
    pub(super) migrations: PathBuf,
}

/// What the domains of a site declare.
#[derive(Default)]
pub struct Plan {
    /// By the path of the domain: the declaration, or why it cannot be used.
    pub(super) declared: BTreeMap<String, Result<Declared, String>>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

impl Plan {
    /// Reads what the domains of a manifest declare. All that is wrong at once.
    pub fn read(manifest: &Manifest, around: &Around<'_>) -> Plan {
        let mut plan = Plan::default();
        let mut owners = BTreeMap::from([(around.own_url.to_owned(), None)]);
        for domain in manifest.domains() {
            let Some(table) = &domain.database else {
                continue;
            };
            let declared = declared(domain, table, around);
            let declared = declared.and_then(|declared| owned(declared, domain, &mut owners));
            let declared = declared.map_err(|problems| {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                plan.problems.extend(problems);
                told.join("\n")
            });
            plan.declared.insert(domain.path.clone(), declared);
        }
        plan
    }
}

impl Declared {
    /// What its database is opened with.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::new(&self.url);
        if let Some(connections) = self.connections_max {
            config.connections_max = connections;
        }
        if let Some(time) = self.query_time_max {
            config.query_time_max = time;
        }
        config
    }
}

/// What is wrong with `[database]` of a domain, as it is found.
struct Reader<'a> {
    domain: &'a Domain,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong(&mut self, line: u32, what: String, advice: &str) {
        let problem = Problem::error(&self.domain.settings, what, advice);
        self.problems.push(problem.at(line));
    }

    fn bad(&mut self, key: &HostKey, advice: &str) {
        let what = format!("`database.{}` is {}", key.name, key.value);
        self.wrong(key.line, what, advice);
    }
}

fn declared(
    domain: &Domain,
    table: &HostTable,
    around: &Around<'_>,
) -> Result<Declared, Vec<Problem>> {
    let problems = Vec::new();
    let mut reader = Reader { domain, problems };
    if domain.parent.is_none() {
        let what = "the domain / declares a database".to_owned();
        let advice =
            "write `[database]` into site.toml: the database of the site is that of all domains";
        reader.wrong(table.line, what, advice);
    } else if domain.path.len() > PATH_BYTES_MAX {
        let what =
            format!("the path of a domain with a database has more than {PATH_BYTES_MAX} bytes");
        reader.wrong(table.line, what, "shorten the names of its folders");
    }
    let mut declared = Declared {
        url: String::new(),
        connections_max: None,
        query_time_max: None,
        migrations: around.site.join(&domain.folder).join(MIGRATIONS),
    };
    for key in &table.keys {
        take(key, &mut declared, &mut reader, around);
    }
    let urls = table.keys.iter().filter(|key| key.name.starts_with("url"));
    match urls.count() {
        0 => declared.url = own_file(&domain.path, around.data),
        1 => {}
        _ => {
            let what = "`database.url` and `database.url-secret` are both there".to_owned();
            reader.wrong(table.line, what, "keep one of the two");
        }
    }
    match reader.problems.is_empty() {
        true => Ok(declared),
        false => Err(reader.problems),
    }
}

fn take(key: &HostKey, declared: &mut Declared, reader: &mut Reader<'_>, around: &Around<'_>) {
    let text = key.value.as_str().filter(|text| !text.is_empty());
    match key.name.as_str() {
        "url" => match text {
            // It stands in a file that many can read; what is in it is not repeated.
            Some(url) if has_password(url) => reader.wrong(
                key.line,
                "`database.url` has a password in it".to_owned(),
                "put the whole URL into secrets.toml, and its name there into `url-secret`",
            ),
            Some(url) => declared.url = located(url, key, reader, around.data),
            None => reader.bad(key, "write a URL such as \"sqlite:forum.db\""),
        },
        "url-secret" if text.is_some_and(has_password) => reader.wrong(
            key.line,
            "`database.url-secret` is a URL with a password in it".to_owned(),
            "put the URL into secrets.toml, and its name there here",
        ),
        "url-secret" => match text.map(|name| around.secrets.get(name)) {
            Some(Some(url)) => declared.url = located(url, key, reader, around.data),
            Some(None) => {
                let what = format!(
                    "`database.url-secret` names {}, which is no secret",
                    key.value
                );
                reader.wrong(
                    key.line,
                    what,
                    "put the URL into secrets.toml under this name",
                );
            }
            None => reader.bad(key, "write the name of a secret in secrets.toml"),
        },
        "connections" => {
            let number = key.value.as_i64();
            let fits = number.filter(|number| (1..=CONNECTIONS_MAX).contains(number));
            match fits.and_then(|number| u32::try_from(number).ok()) {
                Some(number) => declared.connections_max = Some(number),
                None => reader.bad(key, "write a number from 1 to 1000"),
            }
        }
        "query-time" => {
            let time = text.and_then(|text| humantime::parse_duration(text).ok());
            match time.filter(|time| !time.is_zero() && *time <= QUERY_TIME_MAX) {
                Some(time) => declared.query_time_max = Some(time),
                None => reader.bad(key, "write a duration such as \"5s\", up to 1h"),
            }
        }
        other => {
            let what = format!("unknown key `database.{other}`");
            reader.wrong(key.line, what, &did_you_mean(other, KEYS.into_iter()));
        }
    }
}

/// The URL with a relative path of SQLite below the folder of the site's data.
fn located(url: &str, key: &HostKey, reader: &mut Reader<'_>, data: &Path) -> String {
    if let Err(error) = Config::new(url).check() {
        let what = format!("`database.{}` cannot be meant so: {error}", key.name);
        reader.wrong(key.line, what, "write a URL such as \"sqlite:forum.db\"");
        return String::new();
    }
    below_data(url, data).unwrap_or_else(|advice| {
        let key = HostKey {
            value: Value::from(url),
            ..key.clone()
        };
        reader.bad(&key, advice);
        String::new()
    })
}

/// The URL with a relative path of SQLite below the folder of the site's data, wherever the server is
/// started; else what to do.
pub(super) fn below_data(url: &str, data: &Path) -> Result<String, &'static str> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Ok(url.to_owned());
    };
    let path = Path::new(path.strip_prefix("//").unwrap_or(path));
    if path == Path::new(":memory:") {
        return Ok(url.to_owned());
    }
    let mut parts = path.components();
    if path.is_relative() && parts.any(|part| part == Component::ParentDir) {
        return Err("a relative path stays below the site's data folder: leave out `..`");
    }
    let path: PathBuf = data.join(path).components().collect();
    Ok(format!("sqlite:{}", path.display()))
}

/// `data/domains/forum.db` of `/forum/`.
fn own_file(domain: &str, data: &Path) -> String {
    let name = format!("{}.db", domain.trim_matches('/'));
    format!("sqlite:{}", data.join(FOLDER).join(name).display())
}

/// No two of them are the same database: each has migrations of its own.
fn owned(
    declared: Declared,
    domain: &Domain,
    owners: &mut BTreeMap<String, Option<String>>,
) -> Result<Declared, Vec<Problem>> {
    let own_memory = declared.url == "sqlite::memory:";
    match owners.get(&declared.url) {
        Some(owner) if !own_memory => {
            let owner = match owner {
                Some(domain) => format!("that of {domain}"),
                None => "that of the site".to_owned(),
            };
            let what = format!("the database of {} is {owner}", domain.path);
            let advice = "declare it once, in the domain above both, or name another one";
            let line = domain.database.as_ref().map_or(0, |table| table.line);
            Err(vec![
                Problem::error(&domain.settings, what, advice).at(line),
            ])
        }
        _ => {
            owners.insert(declared.url.clone(), Some(domain.path.clone()));
            Ok(declared)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a declaration of `/a/` comes to: its URL, or what is wrong.
    fn read(text: &str) -> Result<String, String> {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("domains/a");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("index.html"), "a").unwrap();
        std::fs::write(folder.join("domain.toml"), text).unwrap();
        let secrets = BTreeMap::from([("db".to_owned(), "mysql://me:pass@h/d".to_owned())]);
        let around = Around {
            site: site.path(),
            data: Path::new("/data"),
            secrets: &secrets,
            own_url: "sqlite:/data/site.db",
        };
        let plan = Plan::read(&Manifest::scan(site.path()).unwrap(), &around);
        match &plan.declared["/a/"] {
            Ok(declared) => Ok(declared.url.clone()),
            Err(wrong) => Err(wrong.clone()),
        }
    }

    #[test]
    fn a_declaration_says_where_its_database_is() {
        for (text, url) in [
            ("[database]", "sqlite:/data/domains/a.db"),
            ("[database]\nurl = \"sqlite:x.db\"", "sqlite:/data/x.db"),
            ("[database]\nurl = \"sqlite:///y.db\"", "sqlite:/y.db"),
            ("database.url-secret = \"db\"", "mysql://me:pass@h/d"),
            (
                "[database]\nconnections = 2\nquery-time = \"5s\"",
                "sqlite:/data/domains/a.db",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_its_line() {
        for (text, told) in [
            (
                "[database]\nurll = \"x\"",
                ":2: unknown key `database.urll`: did you mean url?",
            ),
            (
                "[database]\nurl = \"oracle://h/d\"",
                ":2: `database.url` cannot be meant so",
            ),
            (
                "[database]\nurl = \"postgres://u:secret@h/d\"",
                ":2: `database.url` has a password",
            ),
            (
                "[database]\nurl-secret = \"postgres://u:secret@h/d\"",
                ":2: `database.url-secret` is a URL with a password",
            ),
            ("[database]\nurl = \"sqlite:../x.db\"", "leave out `..`"),
            (
                "[database]\nurl = \"sqlite:site.db\"",
                "is that of the site",
            ),
            ("[database]\nurl-secret = \"no\"", "which is no secret"),
            (
                "[database]\nconnections = 0",
                "`database.connections` is 0: write a number",
            ),
            ("[database]\nquery-time = 5", "write a duration"),
            (
                "[database]\nurl = \"sqlite:x\"\nurl-secret = \"db\"",
                "keep one of the two",
            ),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains("error: domains/a/domain.toml:"), "{wrong}");
            assert!(wrong.contains(told), "{text}: {wrong}");
            assert!(!wrong.contains("secret@"), "{wrong}");
        }
    }
}
