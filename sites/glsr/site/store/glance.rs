//! What pages ask that have to be quick: one statement each, and no more columns than it takes.

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::Status;

/// A script and one of its versions, as much as it takes to find what was rendered of them before.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Glance {
    pub id: i64,
    pub name: String,
    pub title: String,
    pub summary: String,
    pub status: Status,
    pub stamp: i64,
    pub downloads: i64,
    /// The version: None if there is none of that number, or none at all.
    pub version_id: Option<i64>,
    pub number: Option<i64>,
}

/// The script of that name, with its version of that number, or with its latest one.
pub fn script(db: &Db<'_>, name: &str, number: Option<i64>) -> Result<Option<Glance>> {
    // PostgreSQL takes no number that the column could not hold.
    if !super::can_be(name) || number.is_some_and(|number| i32::try_from(number).is_err()) {
        return Ok(None);
    }
    let on = match number {
        Some(_) => "v.script_id = s.id AND v.number = ?",
        None => "v.id = s.latest_id",
    };
    let sql = format!(
        "SELECT s.id, s.name, s.title, s.summary, s.status, s.stamp, s.downloads, v.id AS version_id, v.number \
         FROM scripts s LEFT JOIN versions v ON {on} WHERE s.name = ?"
    );
    let mut values: Vec<harmonious::Value> = number.map(Into::into).into_iter().collect();
    values.push(name.into());
    let row = db.query_one(&sql, &values)?;
    row.map(harmonious::Row::into).transpose()
}

/// Names of published scripts and when they last changed, the latest first.
pub fn names(db: &Db<'_>, limit: u32) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT name, updated_at FROM scripts WHERE status = 'published' ORDER BY updated_at DESC, id DESC LIMIT ?";
    let rows = db.query(sql, &[i64::from(limit).into()])?;
    rows.iter()
        .map(|row| Ok((row.get("name")?, row.get("updated_at")?)))
        .collect()
}

/// Whether that account owns a script or accepted to maintain it.
pub fn maintains(db: &Db<'_>, script: i64, account: i64) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM scripts s WHERE s.id = ? AND (s.owner_id = ? OR EXISTS (SELECT 1 FROM maintainers m \
               WHERE m.script_id = s.id AND m.account_id = ? AND m.accepted_at IS NOT NULL))";
    let values = [script.into(), account.into(), account.into()];
    Ok(super::number(db, sql, &values)? == 1)
}
