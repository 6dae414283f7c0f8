//! `[database]`, `[sessions]`, `proxies` and `origins` of `site.toml`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use harmonious_db::Config;
use harmonious_session::CsrfPolicy;
use toml::{Table, Value};

use super::databases_toml::below_data;
use super::keeping::{KeepingConfig, Secrets};
use super::one::DATA;
use super::proxies::Proxies;
use super::site_toml::{SECRETS, bad, text, texts};
use crate::failure::Failure;
use crate::settings::{self, did_you_mean};

/// The secret that holds a database's URL, where it has a password in it.
pub const URL_SECRET: &str = "database-url";

pub(super) const DATABASE: [&str; 4] = ["url", "connections", "query-time", "user-connections"];
pub(super) const SESSIONS: [&str; 7] = [
    "store",
    "idle",
    "absolute",
    "cookie",
    "secure",
    "instances",
    "instance-memory",
];

pub(super) const CONNECTIONS_MAX: i64 = 1000;
const INSTANCES_MAX: i64 = 1_000_000;
pub(super) const QUERY_TIME_MAX: Duration = Duration::from_secs(3600);
const IDLE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Takes its keys out of the table.
///
/// # Errors
/// A key that is unknown, a value that is not allowed.
pub fn take(
    path: &Path,
    table: &mut Table,
    secrets: &BTreeMap<String, String>,
) -> Result<KeepingConfig, Failure> {
    let mut config = KeepingConfig::default();
    if let Some(value) = table.remove("database") {
        for (key, value) in &section(path, "database", value, &DATABASE)? {
            database(path, key, value, &mut config)?;
        }
    }
    config.secrets = Secrets(secrets.clone());
    if let Some(url) = secrets.get(URL_SECRET) {
        config.url_is_doubled = !config.database_url.is_empty();
        let path = path.with_file_name(SECRETS);
        let wrong = |why: &dyn Display| {
            // The value is a secret: it is not told.
            Failure::Usage(format!("{URL_SECRET} in {}: {why}", path.display()))
        };
        config.database_url = url_of_site(url, &path).map_err(|why| wrong(&why))?;
    }
    if let Some(value) = table.remove("sessions") {
        for (key, value) in &section(path, "sessions", value, &SESSIONS)? {
            sessions(path, key, value, &mut config)?;
        }
        let fits = config.sessions.check();
        fits.map_err(|error| wrong(path, "sessions.cookie", &error))?;
    }
    if let Some(value) = table.remove("proxies") {
        let allowed = "a list of addresses and networks such as [\"127.0.0.1\", \"10.0.0.0/8\"]";
        let proxies = texts(path, "proxies", &value, allowed)?;
        let proxies = proxies.iter().map(|proxy| proxy.parse());
        let proxies = proxies.collect::<Result<_, ()>>();
        config.proxies = Proxies(proxies.map_err(|()| bad(path, "proxies", &value, allowed))?);
    }
    if let Some(value) = table.remove("origins") {
        let allowed = "a list of origins such as [\"https://app.example\"]";
        config.origins = texts(path, "origins", &value, allowed)?;
        let origins = config.origins.iter().map(String::as_str);
        let fits = CsrfPolicy::default().origins(origins);
        fits.map_err(|error| wrong(path, "origins", &error))?;
    }
    Ok(config)
}

fn wrong(path: &Path, name: &str, why: &dyn Display) -> Failure {
    Failure::Usage(format!("{name} in {}: {why}", path.display()))
}

/// A URL of the site's own database as it is opened; else why it cannot be meant so. `path` is the file that
/// it stands in.
fn url_of_site(url: &str, path: &Path) -> Result<String, String> {
    let checked = Config::new(url).check();
    checked.map_err(|error| {
        let known = "write sqlite:PATH, postgres://USER@HOST/NAME or mysql://USER@HOST/NAME";
        format!("{error}: {known}")
    })?;
    below_data(url, &path.with_file_name(DATA)).map_err(str::to_owned)
}

fn database(
    path: &Path,
    key: &str,
    value: &Value,
    config: &mut KeepingConfig,
) -> Result<(), Failure> {
    let name = format!("database.{key}");
    match key {
        "url" => {
            let url = text(path, &name, value)?;
            // It stands in a file that many can read.
            if has_password(&url) {
                return Err(Failure::Usage(format!(
                    "{name} in {} has a password in it: put the whole URL into secrets.toml, as {URL_SECRET}",
                    path.display()
                )));
            }
            let resolved = url_of_site(&url, path);
            config.database_url = resolved.map_err(|why| {
                // What may be a password without a scheme is not repeated either.
                let name = match url.contains('@') {
                    true => name,
                    false => format!("{name} is {url:?}"),
                };
                wrong(path, &name, &why)
            })?;
        }
        "connections" => {
            config.connections_max = Some(connections(path, &name, value)?);
        }
        "user-connections" => {
            config.user_connections_max = connections(path, &name, value)? as usize;
        }
        _ => config.query_time_max = Some(duration(path, &name, value, QUERY_TIME_MAX)?),
    }
    Ok(())
}

fn connections(path: &Path, name: &str, value: &Value) -> Result<u32, Failure> {
    let given = value.as_integer();
    let fits = given.filter(|number| (1..=CONNECTIONS_MAX).contains(number));
    let number = fits.and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| bad(path, name, value, "a number from 1 to 1000"))
}

fn sessions(
    path: &Path,
    key: &str,
    value: &Value,
    config: &mut KeepingConfig,
) -> Result<(), Failure> {
    let name = format!("sessions.{key}");
    match key {
        "store" => {
            config.sessions_in_memory = match value.as_str() {
                Some("memory") => true,
                Some("database") => false,
                _ => return Err(bad(path, &name, value, "\"database\" or \"memory\"")),
            };
        }
        "idle" => config.sessions.idle = duration(path, &name, value, IDLE_MAX)?,
        "absolute" => config.sessions.absolute = duration(path, &name, value, IDLE_MAX)?,
        "instances" => {
            let given = value.as_integer();
            let fits = given.filter(|number| (0..=INSTANCES_MAX).contains(number));
            let number = fits.and_then(|number| usize::try_from(number).ok());
            let allowed = "a number from 0 to 1000000";
            config.instances_max = number.ok_or_else(|| bad(path, &name, value, allowed))?;
        }
        "instance-memory" => {
            let given = value.as_str().and_then(settings::size);
            let allowed = "a size such as \"256MiB\"";
            config.instance_bytes_max = given.ok_or_else(|| bad(path, &name, value, allowed))?;
        }
        "cookie" => config.sessions.cookie = text(path, &name, value)?,
        _ => {
            let allowed = "true (all visitors come through TLS) or false";
            let flag = value.as_bool();
            config.secure = flag.ok_or_else(|| bad(path, &name, value, allowed))?;
        }
    }
    Ok(())
}

fn section(
    path: &Path,
    name: &str,
    value: Value,
    known: &[&'static str],
) -> Result<Table, Failure> {
    let Value::Table(table) = value else {
        return Err(bad(path, name, &value, "a table"));
    };
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(table),
        Some(key) => {
            let near = did_you_mean(key, known.iter().copied());
            let path = path.display();
            Err(Failure::Usage(format!(
                "no key \"{name}.{key}\" in {path}: {near}"
            )))
        }
    }
}

fn duration(path: &Path, name: &str, value: &Value, most: Duration) -> Result<Duration, Failure> {
    let given = value
        .as_str()
        .and_then(|text| humantime::parse_duration(text).ok());
    let fits = given.filter(|time| !time.is_zero() && *time <= most);
    let allowed = format!(
        "a duration such as \"30s\" or \"14 days\", up to {}",
        most_of(most)
    );
    fits.ok_or_else(|| bad(path, name, value, &allowed))
}

/// A bound as one writes it: not in months, which humantime has of 30.44 days.
fn most_of(most: Duration) -> String {
    const DAY_S: u64 = 24 * 3600;
    match most.as_secs() {
        seconds if seconds % DAY_S == 0 => format!("{} days", seconds / DAY_S),
        _ => humantime::format_duration(most).to_string(),
    }
}

/// `scheme://user:password@host`.
pub(super) fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the URL of the site's database comes to, from `site.toml` and `secrets.toml` in `/site`.
    fn url(site: &str, secret: Option<&str>) -> Result<String, String> {
        let secrets = secret.map(|url| (URL_SECRET.to_owned(), url.to_owned()));
        let mut table = site.parse().unwrap();
        let taken = take(
            Path::new("/site/site.toml"),
            &mut table,
            &secrets.into_iter().collect(),
        );
        match taken {
            Ok(config) => Ok(config.database_url),
            Err(Failure::Usage(told)) => Err(told),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_relative_path_is_below_the_data_wherever_the_server_is_started() {
        for (written, meant) in [
            ("sqlite:mine.db", "sqlite:/site/data/mine.db"),
            ("sqlite:rel/mine.db", "sqlite:/site/data/rel/mine.db"),
            ("sqlite:///var/mine.db", "sqlite:/var/mine.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("mysql://me@h/d", "mysql://me@h/d"),
        ] {
            let site = format!("[database]\nurl = \"{written}\"");
            assert_eq!(url(&site, None).as_deref(), Ok(meant));
            assert_eq!(url("", Some(written)).as_deref(), Ok(meant));
        }
        let secret = Some("mysql://me:pass@h/d");
        let site = "[database]\nurl = \"sqlite:mine.db\"";
        assert_eq!(url(site, secret).as_deref(), Ok("mysql://me:pass@h/d"));
    }

    #[test]
    fn a_url_that_cannot_be_meant_is_told_with_its_file_and_key() {
        for written in [
            "oracle://h/d",
            "mysite.db",
            "sqlite:",
            "mysql:x",
            "sqlite:../x.db",
        ] {
            let told = url(&format!("[database]\nurl = \"{written}\""), None).unwrap_err();
            let begins = format!("database.url is {written:?} in /site/site.toml: ");
            assert!(told.starts_with(&begins), "{told}");
            let told = url("", Some(written)).unwrap_err();
            assert!(
                told.starts_with("database-url in /site/secrets.toml: "),
                "{told}"
            );
        }
        let told = url("", Some("postgres://me:pass@h")).unwrap_err();
        assert!(!told.contains("pass@"), "{told}");
    }

    #[test]
    fn bounds_are_told_in_days() {
        let told = |text: &str| {
            let value = Value::String(text.to_owned());
            duration(Path::new("site.toml"), "sessions.idle", &value, IDLE_MAX).unwrap_err()
        };
        let Failure::Usage(told) = told("forever") else {
            panic!("another failure");
        };
        assert!(told.ends_with("up to 365 days"), "{told}");
    }
}
