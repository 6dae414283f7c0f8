//! Settings that administrators change, and the stamp of everything that lists show.

use std::str::FromStr;

use harmonious::Db;
use harmonious::prelude::*;

use super::upsert;
use crate::who;

/// Letters of what tells a site from others, 5 bits each.
const SITE_LETTERS: usize = 26;

/// Its value, if it is set.
pub fn get(db: &Db<'_>, name: &str) -> Result<Option<String>> {
    let row = db.query_one("SELECT value FROM settings WHERE name = ?", &[name.into()])?;
    row.map(|row| row.get("value")).transpose()
}

/// Its value as another type; what is not set, or does not parse, is the other one.
pub fn get_or<T: FromStr>(db: &Db<'_>, name: &str, other: T) -> Result<T> {
    Ok(get(db, name)?
        .and_then(|text| text.parse().ok())
        .unwrap_or(other))
}

/// Sets it.
pub fn set(db: &Db<'_>, name: &str, value: &str) -> Result<()> {
    upsert::setting(db, name, value)
}

/// The stamp of all that lists show.
pub fn stamp(db: &Db<'_>) -> Result<i64> {
    get_or(db, "stamp", 0)
}

/// Raises it: first of all in a transaction, since whoever raises it waits for others that did.
pub fn touch(db: &Db<'_>) -> Result<()> {
    upsert::raise(db, "stamp")
}

/// What tells this site from all others, for ids that never change: made once.
pub fn site(db: &Db<'_>) -> Result<String> {
    if let Some(site) = get(db, "site")? {
        return Ok(site);
    }
    upsert::setting_once(db, "site", &who::secret(SITE_LETTERS)?)?;
    get(db, "site")?.or_status(500, "the settings have no site")
}
