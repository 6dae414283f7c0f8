//! `[database]`, `[sessions]`, `proxies` and `origins` of `site.toml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use super::keeping::{KeepingConfig, Secrets};
use super::site_toml::{bad, text, texts};
use crate::failure::Failure;
use crate::settings::{self, did_you_mean};

/// The secret that holds a database's URL, where it has a password in it.
pub const URL_SECRET: &str = "database-url";

const DATABASE: [&str; 4] = ["url", "connections", "query-time", "user-connections"];
const SESSIONS: [&str; 7] = [
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
        config.database_url.clone_from(url);
    }
    if let Some(value) = table.remove("sessions") {
        for (key, value) in &section(path, "sessions", value, &SESSIONS)? {
            sessions(path, key, value, &mut config)?;
        }
    }
    if let Some(value) = table.remove("proxies") {
        let allowed = "a list of addresses such as [\"127.0.0.1\"]";
        config.proxies = texts(path, "proxies", &value, allowed)?;
        let is_address = |proxy: &String| proxy.parse::<std::net::IpAddr>().is_ok();
        if !config.proxies.iter().all(is_address) {
            return Err(bad(path, "proxies", &value, allowed));
        }
    }
    if let Some(value) = table.remove("origins") {
        let allowed = "a list of origins such as [\"https://app.example\"]";
        config.origins = texts(path, "origins", &value, allowed)?;
    }
    Ok(config)
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
            config.database_url = url;
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
        humantime::format_duration(most)
    );
    fits.ok_or_else(|| bad(path, name, value, &allowed))
}

/// `scheme://user:password@host`.
pub(super) fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':')
}
