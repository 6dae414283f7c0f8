//! All that is asked of the database. Functions that only touch data take `&Db`, so that they work within
//! `req.db().transaction(|tx| ..)`; those that write several things say so and expect one.
//!
//! Order of locks in a transaction: the stamp of the settings first, then a script (`scripts::touch` takes
//! both), then all else; so two of them never wait for each other in a circle.

pub mod accounts;
pub mod after;
pub mod alike;
pub mod feeds;
pub mod glance;
pub mod imports;
pub mod news;
pub mod notices;
pub mod review;
pub mod scripts;
pub mod search;
pub mod settings;
pub mod snapshots;
pub mod stats;
pub mod talk;
pub mod taxonomy;
pub mod upsert;
pub mod versions;

use std::time::{SystemTime, UNIX_EPOCH};

use harmonious::prelude::*;
use harmonious::{Db, Value};

/// Seconds since 1970, UTC.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

/// Days since 1970, UTC.
#[must_use]
pub fn today() -> i64 {
    now() / 86_400
}

/// So many places for values: `?, ?, ?`.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// A pattern of `LIKE .. ESCAPE '!'` that means this text itself.
pub(crate) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern
}

/// Whether a text can be a name in the database: PostgreSQL takes none with a zero byte.
pub(crate) fn can_be(name: &str) -> bool {
    !name.contains('\0')
}

/// The one number that a statement gives; 0 if it gives no row.
pub(crate) fn number(db: &Db<'_>, sql: &str, values: &[Value]) -> Result<i64> {
    match db.query_one(sql, values)? {
        Some(row) => Ok(row.get::<Option<i64>>("n")?.unwrap_or(0)),
        None => Ok(0),
    }
}

/// Rows of one answer where all are asked for: far below what a database refuses.
pub(crate) const ROWS: i64 = 10_000;

/// Keys and texts of a statement that gives `id` and `said` of rows whose key is above its one value.
pub(crate) fn keyed(db: &Db<'_>, sql: &str) -> Result<Vec<(i64, String)>> {
    let sql = format!("{sql} ORDER BY 1 LIMIT ?");
    let mut all: Vec<(i64, String)> = Vec::new();
    loop {
        let last = all.last().map_or(0, |(id, _)| *id);
        let rows = db.query(&sql, &[last.into(), ROWS.into()])?;
        for row in &rows {
            all.push((row.get("id")?, row.get("said")?));
        }
        if rows.len() < ROWS as usize {
            return Ok(all);
        }
    }
}

/// Rows to skip and rows to take for a page: one more than it shows.
pub(crate) fn window(page: u32, size: u32) -> [Value; 2] {
    let skip = i64::from(page.max(1) - 1) * i64::from(size);
    [(i64::from(size) + 1).into(), skip.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_patterns_mean_themselves() {
        assert_eq!(literal("50%_a!"), "50!%!_a!!");
        assert_eq!(places(3), "?, ?, ?");
    }
}
