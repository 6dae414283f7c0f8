//! `site.toml`: the hosts of a site, its limits, and whatever its author wants to configure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use harmonious_dispatcher::{Hosts, Manifest, Problem, SiteLimits};
use harmonious_templating::FRAGMENTS_BYTES;
use serde_json::Value;
use toml::Table;

use super::confined;
use super::keeping::KeepingConfig;
use super::keeping_toml::{self, URL_SECRET};
use super::locales::LocalesConfig;
use crate::failure::Failure;
use crate::settings::{self, did_you_mean};

/// The file in the folder of a site.
pub const NAME: &str = "site.toml";
/// The file with what must not be in a repository.
pub const SECRETS: &str = "secrets.toml";

/// The keys that are the site's own; all others are settings of the server.
const KEYS: [&str; 10] = [
    "name", "hosts", "limits", "config", "database", "sessions", "proxies", "origins", "run",
    "locales",
];
const LOCALES: [&str; 2] = ["default", "dynamic"];
const LIMITS: [&str; 4] = [
    "time-limit",
    "max-body",
    "panics-per-minute",
    "fragment-memory",
];

/// The longest that a handler may be allowed to run.
const TIME_LIMIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a site says of itself.
#[derive(Clone, Debug)]
pub struct SiteToml {
    /// What it is called in logs; by default the name of its folder.
    pub name: String,
    /// The hosts that it answers, such as `scripts.example` and `*.scripts.example`; empty for any.
    pub hosts: Vec<String>,
    /// Limits for its handlers.
    pub limits: SiteLimits,
    /// Bytes of rendered fragments that it keeps.
    pub fragments_bytes: u64,
    /// What it keeps, and how.
    pub keeping: KeepingConfig,
    /// The programs that its modules may run, confined.
    pub programs: Vec<String>,
    /// Of its catalogues.
    pub locales: LocalesConfig,
    /// The table `[config]`, for its modules.
    pub config: Value,
    /// Its secrets by name.
    pub secrets: BTreeMap<String, String>,
}

impl SiteToml {
    /// Reads `site.toml` and `secrets.toml` of a site; neither has to be there.
    ///
    /// # Errors
    /// A file that cannot be read, a key that is unknown, a value that is not allowed: one line that
    /// names the file, the key, the value and what is allowed.
    pub fn read(dir: &Path) -> Result<SiteToml, Failure> {
        let path = dir.join(NAME);
        let mut table = table(&path)?;
        let folder = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let folder = folder.file_name().map(|name| name.to_string_lossy());
        let mut site = SiteToml {
            name: folder.unwrap_or("site".into()).into_owned(),
            hosts: Vec::new(),
            limits: SiteLimits::default(),
            fragments_bytes: FRAGMENTS_BYTES,
            keeping: KeepingConfig::default(),
            programs: confined::take(&path, &mut table)?,
            locales: LocalesConfig::default(),
            config: Value::Object(serde_json::Map::new()),
            secrets: secrets(&dir.join(SECRETS))?,
        };
        if let Some(name) = table.remove("name") {
            site.name = text(&path, "name", &name)?;
        }
        if let Some(hosts) = table.remove("hosts") {
            let allowed =
                "a list of host names such as [\"scripts.example\", \"*.scripts.example\"]";
            site.hosts = texts(&path, "hosts", &hosts, allowed)?;
            for host in &site.hosts {
                let mut one = Hosts::new();
                one.add(host, ()).map_err(|error| refused(&path, &error))?;
            }
        }
        if let Some(limits) = table.remove("limits") {
            site.limits(&path, limits)?;
        }
        if let Some(locales) = table.remove("locales") {
            site.locales = self::locales(&path, locales)?;
        }
        if let Some(config) = table.remove("config") {
            site.config = serde_json::to_value(config).map_err(|error| refused(&path, &error))?;
        }
        site.keeping = keeping_toml::take(&path, &mut table, &site.secrets)?;
        site.keeping.site.clone_from(&site.name);
        match table.keys().find(|key| settings::find(key).is_none()) {
            Some(key) => {
                let known = KEYS
                    .into_iter()
                    .chain(settings::SETTINGS.iter().map(|s| s.name));
                let near = did_you_mean(key, known);
                Err(Failure::Usage(format!(
                    "no key {key:?} in {}: {near}; what is the site's own goes into [config]",
                    path.display()
                )))
            }
            None => Ok(site),
        }
    }
}

impl SiteToml {
    /// What may not be meant so, for `check`: secrets beside those that the domains name.
    pub fn warnings(&self, manifest: &Manifest) -> Vec<Problem> {
        let mut warnings = Vec::new();
        if self.keeping.url_is_doubled {
            let what = format!("`{URL_SECRET}` is used, and not `database.url` of {NAME}");
            warnings.push(Problem::warning(SECRETS, what, "keep one of the two"));
        }
        let tables = manifest.domains().iter();
        let tables = tables.filter_map(|domain| domain.database.as_ref());
        let named: Vec<&str> = tables
            .flat_map(|table| table.keys.iter().filter_map(|key| key.value.as_str()))
            .collect();
        let others = self.secrets.keys().filter(|name| *name != URL_SECRET);
        for name in others.filter(|name| !named.contains(&name.as_str())) {
            let near = did_you_mean(name, [URL_SECRET].into_iter());
            if near.starts_with("did you mean") && !self.secrets.contains_key(URL_SECRET) {
                let what = format!("`{name}` is a secret for modules, and not the site's database");
                warnings.push(Problem::warning(SECRETS, what, near));
            }
        }
        warnings
    }
}

/// Whether a key of `site.toml` is the site's own, not one of the server's settings.
pub fn is_own(key: &str) -> bool {
    KEYS.contains(&key)
}

fn table(path: &Path) -> Result<Table, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Table::new()),
        Err(error) => return Err(refused(path, &error)),
    };
    text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        // Not the line itself: it may hold a secret.
        refused(path, &format!("line {line}: {}", error.message()))
    })
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("cannot read {}: {error}", path.display()))
}

impl SiteToml {
    fn limits(&mut self, path: &Path, value: toml::Value) -> Result<(), Failure> {
        let limits = &mut self.limits;
        let toml::Value::Table(table) = value else {
            return Err(bad(path, "limits", &value, "a table"));
        };
        for (key, value) in &table {
            let name = format!("limits.{key}");
            match key.as_str() {
                "time-limit" => {
                    let allowed = "a duration such as \"30s\", 1ms to 24h";
                    let given = value
                        .as_str()
                        .and_then(|text| humantime::parse_duration(text).ok());
                    let fits = given.filter(|limit| !limit.is_zero() && *limit <= TIME_LIMIT_MAX);
                    limits.time_limit = fits.ok_or_else(|| bad(path, &name, value, allowed))?;
                }
                "max-body" => {
                    let allowed = "a size such as \"2MiB\"";
                    let given = value.as_str().and_then(settings::size);
                    limits.body_max_bytes =
                        Some(given.ok_or_else(|| bad(path, &name, value, allowed))?);
                }
                "fragment-memory" => {
                    let allowed = "a size such as \"32MiB\"; 0 keeps none";
                    let given = value.as_str().and_then(settings::size);
                    self.fragments_bytes = given.ok_or_else(|| bad(path, &name, value, allowed))?;
                }
                "panics-per-minute" => {
                    let allowed = "0 (never answer 503) to 1000000";
                    let given = value
                        .as_integer()
                        .and_then(|number| u32::try_from(number).ok());
                    let fits = given.filter(|number| *number <= 1_000_000);
                    limits.panics_per_minute =
                        fits.ok_or_else(|| bad(path, &name, value, allowed))?;
                }
                other => {
                    let near = did_you_mean(other, LIMITS.into_iter());
                    let path = path.display();
                    return Err(Failure::Usage(format!("no key {name:?} in {path}: {near}")));
                }
            }
        }
        Ok(())
    }
}

fn locales(path: &Path, value: toml::Value) -> Result<LocalesConfig, Failure> {
    let toml::Value::Table(table) = value else {
        return Err(bad(path, "locales", &value, "a table"));
    };
    let mut locales = LocalesConfig::default();
    for (key, value) in &table {
        let name = format!("locales.{key}");
        match key.as_str() {
            "default" => locales.default = Some(text(path, &name, value)?),
            "dynamic" => {
                let allowed = "a list of how keys begin, such as [\"wrong.\"]";
                locales.dynamic = texts(path, &name, value, allowed)?;
            }
            other => {
                let near = did_you_mean(other, LOCALES.into_iter());
                let path = path.display();
                return Err(Failure::Usage(format!("no key {name:?} in {path}: {near}")));
            }
        }
    }
    Ok(locales)
}

fn secrets(path: &PathBuf) -> Result<BTreeMap<String, String>, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mut secrets = BTreeMap::new();
    for (name, value) in table(path)? {
        secrets.insert(
            name.clone(),
            text(path, &name, &value).map_err(|_| {
                let path = path.display();
                // The value is a secret: it is not told.
                Failure::Usage(format!(
                    "{name} in {path} is no text: allowed is a text in quotes"
                ))
            })?,
        );
    }
    if let Ok(metadata) = fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "others than you can read {path}, which holds secrets: chmod 600 {path}"
        )));
    }
    Ok(secrets)
}

pub(super) fn text(path: &Path, key: &str, value: &toml::Value) -> Result<String, Failure> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or_else(|| bad(path, key, value, "a text that is not empty"))
}

pub(super) fn texts(
    path: &Path,
    key: &str,
    value: &toml::Value,
    allowed: &str,
) -> Result<Vec<String>, Failure> {
    let items = value
        .as_array()
        .ok_or_else(|| bad(path, key, value, allowed))?;
    items.iter().map(|item| text(path, key, item)).collect()
}

pub(super) fn bad(path: &Path, key: &str, value: &toml::Value, allowed: &str) -> Failure {
    let value = serde_json::to_string(value).unwrap_or_default();
    Failure::Usage(format!(
        "{key} is {value} (from {}): allowed is {allowed}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn read(text: &str) -> Result<SiteToml, Failure> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), text).unwrap();
        SiteToml::read(dir.path())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        match read(text) {
            Err(Failure::Usage(message)) => {
                let end = message.split("site.toml").collect::<Vec<_>>();
                assert!(
                    end.concat().contains(expected) || message.contains(expected),
                    "{message}"
                );
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    /// What the page for authors says after this line, up to the end of its block.
    fn page(head: &str) -> &'static str {
        let page = include_str!("../../../dispatcher/sdk/README.md");
        let (_, block) = page.split_once(head).expect(head);
        block.split("\n```").next().unwrap()
    }

    #[test]
    fn the_page_of_keys_names_them_all_with_their_defaults() {
        let text = page("```toml\n# site.toml\n");
        let table: Table = text.parse().unwrap();
        let named = |table: &Table| table.keys().cloned().collect::<BTreeSet<_>>();
        let all = |keys: &[&str]| {
            keys.iter()
                .map(ToString::to_string)
                .collect::<BTreeSet<_>>()
        };
        assert!(named(&table).is_superset(&all(&KEYS)), "{text}");
        for (name, keys) in [
            ("limits", &LIMITS[..]),
            ("locales", &LOCALES),
            ("database", &keeping_toml::DATABASE),
            ("sessions", &keeping_toml::SESSIONS),
            ("run", &confined::RUN),
        ] {
            assert_eq!(named(table[name].as_table().unwrap()), all(keys), "{name}");
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), text).unwrap();
        let site = SiteToml::read(dir.path()).unwrap();
        let (kept, default) = (&site.keeping, KeepingConfig::default());
        assert_eq!(kept.sessions, default.sessions);
        assert_eq!(kept.user_connections_max, default.user_connections_max);
        assert_eq!(
            (kept.instances_max, kept.instance_bytes_max, kept.secure),
            (
                default.instances_max,
                default.instance_bytes_max,
                default.secure
            )
        );
        assert!(!kept.sessions_in_memory);
        let file = dir.path().join("data/site.db");
        assert_eq!(kept.database_url, format!("sqlite:{}", file.display()));
        let opened = harmonious_db::Config::new("");
        assert_eq!(kept.connections_max, Some(opened.connections_max));
        assert_eq!(kept.query_time_max, Some(opened.query_time_max));
        let (limits, default) = (&site.limits, SiteLimits::default());
        assert_eq!(limits.time_limit, default.time_limit);
        assert_eq!(limits.panics_per_minute, default.panics_per_minute);
        let body = settings::Config::default().limits.body_max_bytes;
        assert_eq!(limits.body_max_bytes, Some(body));
        assert_eq!(site.fragments_bytes, FRAGMENTS_BYTES);
        assert_eq!(site.programs, [""; 0]);
        let none = harmonious_templating::Catalogues::empty(None);
        assert_eq!(site.locales.default.as_deref(), Some(none.default_code()));
        assert_eq!(site.locales.dynamic, Vec::<String>::new());
        let secrets: Table = page("```toml\n# secrets.toml")
            .split_once('\n')
            .unwrap()
            .1
            .parse()
            .unwrap();
        assert!(secrets.contains_key(URL_SECRET));
        let domain = page("```toml\n# domain.toml")
            .split_once("[database]")
            .unwrap()
            .1;
        for key in super::super::databases_toml::KEYS {
            assert!(domain.contains(&format!("{key} = ")), "{key}");
        }
    }

    #[test]
    fn a_site_says_what_it_is() {
        let site = read(
            "name = \"a\"\nhosts = [\"a.example\"]\n[limits]\ntime-limit = \"5s\"\n\
             [config]\ntitle = \"A\"\nlist = [1, 2]",
        );
        let site = site.unwrap();
        assert_eq!(
            (site.name.as_str(), &site.hosts[..]),
            ("a", &["a.example".to_owned()][..])
        );
        assert_eq!(site.limits.time_limit, Duration::from_secs(5));
        assert_eq!(site.config["list"][1], 2);
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        check("hosst = []", "did you mean hosts?");
        check("[limits]\ntime-limit = \"0s\"", "1ms to 24h");
        check("[limits]\ntime = \"5s\"", "no key \"limits.time\"");
        check("hosts = \"a\"", "a list of host names");
        check("name = ", "cannot read");
        check("[run]\nprogram = []", "did you mean programs?");
        check("[run]\nprograms = \"bash\"", "a list of names of programs");
        for name in ["/bin/bash", "../bash", "-c", ""] {
            check(&format!("[run]\nprograms = [{name:?}]"), "allowed is");
        }
        check("[locales]\ndefalt = \"en\"", "did you mean default?");
        check(
            "[locales]\ndynamic = \"wrong.\"",
            "a list of how keys begin",
        );
    }

    #[test]
    fn secrets_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SECRETS);
        fs::write(&path, "key = \"k\"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(SiteToml::read(dir.path()).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(SiteToml::read(dir.path()).unwrap().secrets["key"], "k");
    }
}
