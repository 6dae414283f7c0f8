//! Versions: draft, pending, published or refused, withdrawn or removed. Nothing here changes the text, the
//! changelog or the number of a published one. Each step says in its `WHERE` where it starts from: of two at a
//! time one finds no row, which is a 409.

use harmonious::prelude::*;
use harmonious::{Db, Row, Value};

use super::{now, scripts, search, upsert};
use crate::model::{Finding, Me, NewVersion, Status, Version};
use crate::rules;

/// Rows that one statement writes.
const FINDING_ROWS: usize = 20;

pub(super) const VERSION: &str = "SELECT v.id, v.script_id, v.number, v.label, v.status, v.sha256, b.bytes, b.lines, \
    v.file_name, v.changelog, v.urgent, v.author_id, a.alias AS author_alias, \
    COALESCE(a.name, v.author_name) AS author_name, v.source, v.created_at, v.submitted_at, v.decided_at, \
    d.alias AS decider, v.reason, v.signature, v.signing_key \
    FROM versions v JOIN bodies b ON b.sha256 = v.sha256 LEFT JOIN accounts a ON a.id = v.author_id \
    LEFT JOIN accounts d ON d.id = v.decided_by ";

/// Those of a script, the newest first: what all may see (published, withdrawn, removed), or all.
pub fn of(db: &Db<'_>, script: i64, all: bool) -> Result<Vec<Version>> {
    let which = if all { "" } else { "AND v.number IS NOT NULL" };
    // What has no number yet is newer than what has one, whichever way the database sorts nothing.
    let sql = format!(
        "{VERSION} WHERE v.script_id = ? {which} \
         ORDER BY CASE WHEN v.number IS NULL THEN 1 ELSE 0 END DESC, v.number DESC, v.id DESC"
    );
    db.query(&sql, &[script.into()])?.into()
}

/// By its number: published once, whatever became of it.
pub fn by_number(db: &Db<'_>, script: i64, number: i64) -> Result<Option<Version>> {
    // PostgreSQL takes no number that the column could not hold.
    let Ok(number) = i32::try_from(number) else {
        return Ok(None);
    };
    let sql = format!("{VERSION} WHERE v.script_id = ? AND v.number = ?");
    let row = db.query_one(&sql, &[script.into(), i64::from(number).into()])?;
    row.map(Row::into).transpose()
}

/// By its key.
pub fn by_id(db: &Db<'_>, id: i64) -> Result<Option<Version>> {
    let row = db.query_one(&format!("{VERSION} WHERE v.id = ?"), &[id.into()])?;
    row.map(Row::into).transpose()
}

/// What an account has in hand: drafts, pending and refused ones, the newest first, with names of scripts.
pub fn in_hand(db: &Db<'_>, account: i64) -> Result<Vec<(String, Version)>> {
    let sql = format!(
        "{} WHERE v.author_id = ? AND v.status IN ('draft', 'pending', 'refused') ORDER BY v.id DESC",
        VERSION
            .replace("SELECT ", "SELECT s.name AS script, ")
            .replace(
                " LEFT JOIN accounts a",
                " JOIN scripts s ON s.id = v.script_id LEFT JOIN accounts a"
            )
    );
    let rows = db.query(&sql, &[account.into()])?;
    rows.into_iter()
        .map(|row| Ok((row.get("script")?, row.into()?)))
        .collect()
}

/// Drafts of an account.
pub fn drafts_of(db: &Db<'_>, account: i64) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM versions WHERE author_id = ? AND status = 'draft'";
    super::number(db, sql, &[account.into()])
}

/// The text of that hash.
pub fn body(db: &Db<'_>, sha256: &str) -> Result<String> {
    let row = db.query_one("SELECT text FROM bodies WHERE sha256 = ?", &[sha256.into()])?;
    row.or_status(500, "a body is missing")?.get("text")
}

/// A new draft; in a transaction.
pub fn draft(db: &Db<'_>, script: i64, by: &Me, new: &NewVersion<'_>) -> Result<i64> {
    let sha256 = rules::sha256(new.text.as_bytes());
    upsert::body(db, &sha256, new.text)?;
    let sql = "INSERT INTO versions (script_id, label, sha256, file_name, changelog, urgent, author_id, author_name, \
               source, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.insert(
        sql,
        &[
            script.into(),
            new.label.into(),
            sha256.into(),
            new.file_name.into(),
            new.changelog.into(),
            new.urgent.into(),
            by.id.into(),
            (&by.name).into(),
            new.source.into(),
            now().into(),
        ],
    )
}

/// Changes a draft; in a transaction. A signature belongs to the text that was: it goes with it. Another text is that
/// of who wrote it.
///
/// # Errors
/// 409 if it is no draft (any more).
pub fn save(db: &Db<'_>, id: i64, by: &Me, new: &NewVersion<'_>) -> Result<()> {
    let sha256 = rules::sha256(new.text.as_bytes());
    upsert::body(db, &sha256, new.text)?;
    let sql = "UPDATE versions SET signature = CASE WHEN sha256 = ? THEN signature END, \
               signing_key = CASE WHEN sha256 = ? THEN signing_key END, \
               author_id = CASE WHEN sha256 = ? THEN author_id ELSE ? END, \
               author_name = CASE WHEN sha256 = ? THEN author_name ELSE ? END, label = ?, sha256 = ?, file_name = ?, \
               changelog = ?, urgent = ?, created_at = ? WHERE id = ? AND status = 'draft'";
    let changed = db.execute(
        sql,
        &[
            (&sha256).into(),
            (&sha256).into(),
            (&sha256).into(),
            by.id.into(),
            (&sha256).into(),
            (&by.name).into(),
            new.label.into(),
            (&sha256).into(),
            new.file_name.into(),
            new.changelog.into(),
            new.urgent.into(),
            now().into(),
            id.into(),
        ],
    )?;
    one(changed)
}

/// Puts a draft into the queue, with what the checks found; in a transaction.
///
/// # Errors
/// 409 if it is no draft (any more).
pub fn submit(db: &Db<'_>, id: i64, findings: &[Finding]) -> Result<()> {
    let sql = "UPDATE versions SET status = 'pending', submitted_at = ? WHERE id = ? AND status = 'draft'";
    one(db.execute(sql, &[now().into(), id.into()])?)?;
    set_findings(db, id, findings)
}

/// Takes a pending version back: it is a draft again.
///
/// # Errors
/// 409 if it is not pending (any more).
pub fn take_back(db: &Db<'_>, id: i64) -> Result<()> {
    let sql = "UPDATE versions SET status = 'draft' WHERE id = ? AND status = 'pending'";
    one(db.execute(sql, &[id.into()])?)
}

/// Throws a draft away; a script that never had anything else goes with it. In a transaction.
///
/// # Errors
/// 409 if it is no draft (any more).
pub fn drop_draft(db: &Db<'_>, id: i64) -> Result<()> {
    let script = script_of(db, id)?;
    one(db.execute(
        "DELETE FROM versions WHERE id = ? AND status = 'draft'",
        &[id.into()],
    )?)?;
    let sql = "DELETE FROM scripts WHERE id = ? AND status = 'fresh' \
               AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.script_id = scripts.id)";
    db.execute(sql, &[script.into()])?;
    Ok(())
}

/// Drafts that nobody touched since then: 100 at most.
pub fn stale_drafts(db: &Db<'_>, since: i64) -> Result<Vec<i64>> {
    let sql =
        "SELECT id FROM versions WHERE status = 'draft' AND created_at < ? ORDER BY id LIMIT 100";
    let rows = db.query(sql, &[since.into()])?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Drops the texts that no version has (any more). One that is just about to get its version stays: the
/// database refuses to drop it, and the next time is soon.
pub fn sweep_bodies(db: &Db<'_>) -> Result<()> {
    let sql = "DELETE FROM bodies WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.sha256 = bodies.sha256)";
    match db.execute(sql, &[]) {
        Err(error) if error.kind() == "foreign-key" => Ok(()),
        done => done.map(drop),
    }
}

/// A refused version once more, as a new draft of the same text; in a transaction.
///
/// # Errors
/// 409 if it was not refused.
pub fn again(db: &Db<'_>, id: i64, by: &Me) -> Result<i64> {
    let old = by_id(db, id)?.or_404()?;
    if old.status != Status::Refused {
        return Err(Error::conflict(""));
    }
    let text = body(db, &old.sha256)?;
    let new = NewVersion {
        text: &text,
        file_name: &old.file_name,
        changelog: &old.changelog,
        label: &old.label,
        urgent: old.urgent,
        source: &old.source,
    };
    draft(db, old.script_id, by, &new)
}

/// That it waits as it was seen: the text, and when it was sent in, as [`Version::seen`] has them. Until the
/// transaction ends nobody else changes it.
///
/// # Errors
/// 409 if it does not (any more).
pub fn still(db: &Db<'_>, id: i64, seen: &str) -> Result<()> {
    let parts = seen.split_once('.');
    let parts = parts.and_then(|(hash, at)| Some((hash, at.parse::<i64>().ok()?)));
    let Some((sha256, at)) = parts.filter(|(hash, _)| hash.bytes().all(|b| b.is_ascii_hexdigit()))
    else {
        return Err(Error::conflict(""));
    };
    let sql = "UPDATE versions SET status = 'pending' \
               WHERE id = ? AND status = 'pending' AND sha256 = ? AND COALESCE(submitted_at, 0) = ?";
    one(db.execute(sql, &[id.into(), sha256.into(), at.into()])?)
}

/// Publishes a pending version: gives it the next number, makes it the latest, makes it found by searches. In a
/// transaction. `by` is None where nobody decided (imports, seeds).
///
/// # Errors
/// 409 if it is not pending (any more), or its script was taken down.
pub fn publish(db: &Db<'_>, id: i64, by: Option<i64>, reason: &str) -> Result<i64> {
    let script = script_of(db, id)?;
    // Who else publishes a version of this script waits here, and then sees the number given below.
    scripts::touch(db, script)?;
    let sql = "SELECT COALESCE(MAX(number), 0) + 1 AS n FROM versions WHERE script_id = ?";
    let number = super::number(db, sql, &[script.into()])?;
    let now = now();
    let sql = "UPDATE versions SET status = 'published', number = ?, decided_at = ?, decided_by = ?, reason = ? \
               WHERE id = ? AND status = 'pending'";
    let values = [
        number.into(),
        now.into(),
        by.into(),
        reason.into(),
        id.into(),
    ];
    one(db.execute(sql, &values)?)?;
    let sql = "UPDATE scripts SET status = 'published', latest_id = ?, published_at = ?, updated_at = ? \
               WHERE id = ? AND status <> 'removed'";
    one(db.execute(sql, &[id.into(), now.into(), now.into(), script.into()])?)?;
    // Scripts that named it before it was there.
    let sql = "UPDATE dependencies SET target_id = ? WHERE target_id IS NULL AND script_id <> ? \
               AND what = (SELECT name FROM scripts WHERE id = ?)";
    db.execute(sql, &[script.into(), script.into(), script.into()])?;
    search::put(db, script)?;
    Ok(number)
}

/// Publishes a refused version, since an appeal was granted; in a transaction.
///
/// # Errors
/// 409 if it was not refused.
pub fn grant(db: &Db<'_>, id: i64, by: i64, reason: &str) -> Result<i64> {
    let sql = "UPDATE versions SET status = 'pending' WHERE id = ? AND status = 'refused'";
    scripts::touch(db, script_of(db, id)?)?;
    one(db.execute(sql, &[id.into()])?)?;
    publish(db, id, Some(by), reason)
}

/// Refuses a pending version.
///
/// # Errors
/// 409 if it is not pending (any more).
pub fn refuse(db: &Db<'_>, id: i64, by: i64, reason: &str) -> Result<()> {
    let sql = "UPDATE versions SET status = 'refused', decided_at = ?, decided_by = ?, reason = ? \
               WHERE id = ? AND status = 'pending'";
    one(db.execute(sql, &[now().into(), by.into(), reason.into(), id.into()])?)
}

/// Takes published versions of a script back or down: one of them, or all; in a transaction. What was taken back
/// can still be taken down. The script goes on with the latest that is left; without one it is closed itself: taken
/// down if nothing else is left of it, or all of it was meant.
///
/// # Errors
/// 409 if there was none.
pub fn close(
    db: &Db<'_>,
    by: i64,
    script: i64,
    only: Option<i64>,
    to: Status,
    reason: &str,
) -> Result<()> {
    scripts::touch(db, script)?;
    let from = if to == Status::Removed {
        "'published', 'withdrawn'"
    } else {
        "'published'"
    };
    let mut sql = format!(
        "UPDATE versions SET status = ?, decided_at = ?, decided_by = ?, reason = ? \
         WHERE script_id = ? AND status IN ({from})"
    );
    let mut values = vec![
        to.text().into(),
        now().into(),
        by.into(),
        reason.into(),
        script.into(),
    ];
    if let Some(id) = only {
        sql.push_str(" AND id = ?");
        values.push(id.into());
    }
    if db.execute(&sql, &values)? == 0 {
        return Err(Error::conflict(""));
    }
    let sql = "SELECT id, decided_at FROM versions WHERE script_id = ? AND status = 'published' \
               ORDER BY number DESC LIMIT 1";
    match db.query_one(sql, &[script.into()])? {
        Some(row) => {
            let (latest, at): (i64, Option<i64>) = (row.get("id")?, row.get("decided_at")?);
            let sql =
                "UPDATE scripts SET latest_id = ?, published_at = ?, updated_at = ? WHERE id = ?";
            db.execute(
                sql,
                &[latest.into(), at.into(), now().into(), script.into()],
            )?;
            search::put(db, script)
        }
        None => {
            let sql =
                "SELECT COUNT(*) AS n FROM versions WHERE script_id = ? AND status = 'withdrawn'";
            let to = match only.is_some() && super::number(db, sql, &[script.into()])? > 0 {
                true => Status::Withdrawn,
                false => to,
            };
            let sql = "UPDATE scripts SET status = ?, updated_at = ? WHERE id = ?";
            db.execute(sql, &[to.text().into(), now().into(), script.into()])?;
            search::drop(db, script)
        }
    }
}

/// Puts a detached signature beside it, verified by the caller; the bytes stay as they are.
pub fn set_signature(db: &Db<'_>, id: i64, signature: &str, key: &str) -> Result<()> {
    scripts::touch(db, script_of(db, id)?)?;
    let sql = "UPDATE versions SET signature = ?, signing_key = ? WHERE id = ?";
    db.execute(sql, &[signature.into(), key.into(), id.into()])?;
    Ok(())
}

/// What the checks found.
pub fn findings(db: &Db<'_>, id: i64) -> Result<Vec<Finding>> {
    let sql = "SELECT checker, level, line, message FROM findings WHERE version_id = ? ORDER BY id";
    db.query(sql, &[id.into()])?.into()
}

/// Keeps what the checks found, in place of what they found before.
pub fn set_findings(db: &Db<'_>, id: i64, findings: &[Finding]) -> Result<()> {
    db.execute("DELETE FROM findings WHERE version_id = ?", &[id.into()])?;
    add_findings(db, id, findings)
}

/// Keeps what the checks found in a version for the first time.
pub fn add_findings(db: &Db<'_>, id: i64, findings: &[Finding]) -> Result<()> {
    let now = now();
    for some in findings.chunks(FINDING_ROWS) {
        let rows = vec!["(?, ?, ?, ?, ?, ?)"; some.len()].join(", ");
        let mut values: Vec<Value> = Vec::new();
        for finding in some {
            let message: String = finding.message.chars().take(300).collect();
            values.extend([
                id.into(),
                (&finding.checker).into(),
                finding.level.text().into(),
                finding.line.into(),
                message.into(),
                now.into(),
            ]);
        }
        let sql =
            "INSERT INTO findings (version_id, checker, level, line, message, created_at) VALUES";
        db.execute(&format!("{sql} {rows}"), &values)?;
    }
    Ok(())
}

/// The script that a version is of.
pub fn script_of(db: &Db<'_>, id: i64) -> Result<i64> {
    let row = db.query_one("SELECT script_id FROM versions WHERE id = ?", &[id.into()])?;
    row.or_404()?.get("script_id")
}

/// One row was changed, or somebody else was first.
fn one(changed: u64) -> Result<()> {
    match changed {
        1 => Ok(()),
        _ => Err(Error::conflict("")),
    }
}
