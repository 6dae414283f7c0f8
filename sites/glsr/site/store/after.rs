//! Lists that go on after a row, for the API: each row has a place, two numbers that order it, and what was added or
//! taken away meanwhile moves no other row to another page. They give one row more than is asked for.

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::{scripts, talk, versions};
use crate::model::{Comment, Filter, ScriptRow, Sort, Version};

/// The number that a row is sorted by, and its id.
pub type Place = (i64, i64);

/// Published scripts by filter and order; words are not looked at.
pub fn scripts(
    db: &Db<'_>,
    filter: &Filter,
    after: Option<Place>,
    size: u32,
) -> Result<Vec<ScriptRow>> {
    let (mut sql, mut values) = scripts::wanted(filter);
    let column = match filter.sort {
        Sort::Fit | Sort::New => "s.published_at",
        Sort::Used => "s.downloads",
        Sort::Rated => "s.rating_score",
    };
    if let Some((key, id)) = after {
        // Scores stand in a column that is no wider; PostgreSQL takes no number that it could not hold.
        let key = match filter.sort {
            Sort::Rated => key.clamp(i32::MIN.into(), i32::MAX.into()),
            _ => key,
        };
        let place = (key, id);
        sql.push_str(&format!(
            " AND ({column} < ? OR ({column} = ? AND s.id < ?))"
        ));
        values.extend(behind(place));
    }
    sql.push_str(&format!(" ORDER BY {column} DESC, s.id DESC LIMIT ?"));
    values.push(one_more(size));
    scripts::tagged(db, db.query(&sql, &values)?.into()?)
}

/// Where a script stands in [`scripts`].
#[must_use]
pub const fn place(row: &ScriptRow, sort: Sort) -> Place {
    let key = match sort {
        Sort::Fit | Sort::New => row.published_at,
        Sort::Used => row.downloads,
        Sort::Rated => row.rating_score,
    };
    (key, row.id)
}

/// Comments on a script that are not held, the oldest first; their places are `created_at` and `id`.
pub fn comments(db: &Db<'_>, script: i64, after: Option<Place>, size: u32) -> Result<Vec<Comment>> {
    let mut sql = format!(
        "{} WHERE c.script_id = ? AND c.status <> 'held'",
        talk::COMMENT
    );
    let mut values = vec![script.into()];
    if let Some(place) = after {
        sql.push_str(" AND (c.created_at > ? OR (c.created_at = ? AND c.id > ?))");
        values.extend(behind(place));
    }
    sql.push_str(" ORDER BY c.created_at, c.id LIMIT ?");
    values.push(one_more(size));
    db.query(&sql, &values)?.into()
}

/// Versions of a script that have a number, the newest first, below that number.
pub fn versions(db: &Db<'_>, script: i64, below: Option<i64>, size: u32) -> Result<Vec<Version>> {
    let sql = format!(
        "{} WHERE v.script_id = ? AND v.number < ? ORDER BY v.number DESC LIMIT ?",
        versions::VERSION
    );
    // The column is an INTEGER.
    let below = below.unwrap_or(i64::from(i32::MAX));
    db.query(&sql, &[script.into(), below.into(), one_more(size)])?
        .into()
}

fn behind((key, id): Place) -> [Value; 3] {
    [key.into(), key.into(), id.into()]
}

fn one_more(size: u32) -> Value {
    (i64::from(size) + 1).into()
}
