//! Which scripts are like others: names, texts, and hashes of lines.

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::places;

/// Scripts that are compared by their hashes: those with the most in common.
const COMPARED: i64 = 5;
/// Rows that one statement writes.
const ROWS: usize = 64;

/// The names of all other scripts that were ever published.
pub fn names(db: &Db<'_>, script: i64) -> Result<Vec<String>> {
    let sql = "SELECT name FROM scripts WHERE id <> ? AND status <> 'fresh' ORDER BY id";
    let rows = db.query(sql, &[script.into()])?;
    rows.iter().map(|row| row.get("name")).collect()
}

/// Another script with a published version of exactly this text.
pub fn same_text(db: &Db<'_>, script: i64, version: i64) -> Result<Option<String>> {
    let sql = "SELECT s.name FROM versions v JOIN scripts s ON s.id = v.script_id \
               WHERE v.sha256 = (SELECT sha256 FROM versions WHERE id = ?) AND v.script_id <> ? \
               AND v.number IS NOT NULL ORDER BY v.id LIMIT 1";
    let row = db.query_one(sql, &[version.into(), script.into()])?;
    row.map(|row| row.get("name")).transpose()
}

/// The other script that shares most of these hashes: its name, how many they share, and how many it has.
pub fn most(db: &Db<'_>, script: i64, shingles: &[i64]) -> Result<Option<(String, usize, usize)>> {
    if shingles.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "SELECT h.version_id, s.name, COUNT(*) AS common, \
         (SELECT COUNT(*) FROM shingles x WHERE x.version_id = h.version_id) AS theirs \
         FROM shingles h JOIN versions v ON v.id = h.version_id JOIN scripts s ON s.id = v.script_id \
         WHERE h.hash IN ({}) AND v.number IS NOT NULL AND v.script_id <> ? \
         GROUP BY h.version_id, s.name ORDER BY COUNT(*) DESC, h.version_id LIMIT ?",
        places(shingles.len())
    );
    let mut values: Vec<Value> = shingles.iter().map(|hash| (*hash).into()).collect();
    values.extend([script.into(), COMPARED.into()]);
    // A short one can be the better part of a long one: the share counts, not the number.
    let mut best: Option<(String, usize, usize)> = None;
    for row in &db.query(&sql, &values)? {
        let one: (String, usize, usize) =
            (row.get("name")?, row.get("common")?, row.get("theirs")?);
        let better = best
            .as_ref()
            .is_none_or(|best| one.1 * best.2.max(1) > best.1 * one.2.max(1));
        if better {
            best = Some(one);
        }
    }
    Ok(best)
}

/// Keeps the hashes of a version, in place of those that it had.
pub fn keep(db: &Db<'_>, version: i64, shingles: &[i64]) -> Result<()> {
    db.transaction(|tx| {
        tx.execute(
            "DELETE FROM shingles WHERE version_id = ?",
            &[version.into()],
        )?;
        add(&tx, version, shingles)
    })
}

/// Keeps the hashes of a version that had none.
pub fn add(db: &Db<'_>, version: i64, shingles: &[i64]) -> Result<()> {
    for some in shingles.chunks(ROWS) {
        let rows = vec!["(?, ?)"; some.len()].join(", ");
        let values: Vec<Value> = some
            .iter()
            .flat_map(|hash| [version.into(), (*hash).into()])
            .collect();
        db.execute(
            &format!("INSERT INTO shingles (version_id, hash) VALUES {rows}"),
            &values,
        )?;
    }
    Ok(())
}
