//! Figures: of the site, and of downloads.

use harmonious::Db;
use harmonious::prelude::*;

use super::{number, today, upsert};

/// What the first page of administrators counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub accounts: i64,
    pub scripts: i64,
    pub versions: i64,
    pub pending: i64,
    pub categories: i64,
    pub languages: i64,
    pub tags: i64,
    pub comments: i64,
    pub downloads: i64,
    pub downloads_today: i64,
}

/// All figures.
pub fn site(db: &Db<'_>) -> Result<Stats> {
    let count = |what: &str| number(db, &format!("SELECT COUNT(*) AS n FROM {what}"), &[]);
    let today = [today().into()];
    Ok(Stats {
        accounts: count("accounts WHERE status = 'active'")?,
        scripts: count("scripts WHERE status = 'published'")?,
        versions: count("versions WHERE status = 'published'")?,
        pending: count("versions WHERE status = 'pending'")?,
        categories: count("categories")?,
        languages: count("languages")?,
        tags: count("tags")?,
        comments: count("comments WHERE status = 'shown'")?,
        downloads: number(db, "SELECT SUM(n) AS n FROM downloads", &[])?,
        downloads_today: number(
            db,
            "SELECT SUM(n) AS n FROM downloads WHERE day = ?",
            &today,
        )?,
    })
}

/// Downloads of a script in the last days: day and number, the oldest first, each day once.
pub fn downloads(db: &Db<'_>, script: i64, days: i64) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT day, SUM(n) AS n FROM downloads WHERE day > ? AND script_id = ? GROUP BY day";
    by_day(db, sql, days, Some(script))
}

/// Downloads of all scripts in the last days, as [`downloads`].
pub fn all_downloads(db: &Db<'_>, days: i64) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT day, SUM(n) AS n FROM downloads WHERE day > ? GROUP BY day";
    by_day(db, sql, days, None)
}

fn by_day(db: &Db<'_>, sql: &str, days: i64, of: Option<i64>) -> Result<Vec<(i64, i64)>> {
    let from = today() - days;
    let mut all: Vec<(i64, i64)> = (from + 1..=today()).map(|day| (day, 0)).collect();
    let values = [Some(from), of].into_iter().flatten().map(Into::into);
    for row in &db.query(sql, &values.collect::<Vec<_>>())? {
        let at = usize::try_from(row.get::<i64>("day")? - from - 1).unwrap_or(usize::MAX);
        if let Some(entry) = all.get_mut(at) {
            entry.1 = row.get("n")?;
        }
    }
    Ok(all)
}

/// The two statements of one download, for `Db::soon`: both with script and version and day as they need them.
#[must_use]
pub fn downloaded(script: i64, version: i64) -> [(&'static str, Vec<harmonious::Value>); 2] {
    let total = "UPDATE scripts SET downloads = downloads + 1 WHERE id = ?";
    [
        (
            upsert::DOWNLOADED,
            vec![version.into(), script.into(), today().into()],
        ),
        (total, vec![script.into()]),
    ]
}
