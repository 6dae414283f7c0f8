//! Comments, ratings, flags, appeals, and the log of what reviewers and administrators did.

use harmonious::Db;
use harmonious::prelude::*;

use super::{now, number, scripts, upsert, versions, window};
use crate::model::{Comment, Entry, Logged, Me, Page, Script};
use crate::rules;

/// Comments that a page shows.
pub const COMMENTS: u32 = 30;
/// Lines of the log that a page shows.
pub const LOGGED: u32 = 50;
/// Seconds for which a comment may be edited.
pub const EDIT_S: i64 = 30 * 60;

pub(super) const COMMENT: &str = "SELECT c.id, c.script_id, v.number, c.account_id, a.alias AS author_alias, \
    COALESCE(a.name, c.author_name) AS author_name, c.subject, c.body, c.status, c.created_at, c.edited_at \
    FROM comments c LEFT JOIN versions v ON v.id = c.version_id LEFT JOIN accounts a ON a.id = c.account_id ";

/// Something to be flagged: a script, one of its versions, or a comment on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flagged {
    pub script: i64,
    pub version: Option<i64>,
    pub comment: Option<i64>,
}

/// Comments on a script, or on one version of it, the oldest first; removed ones have lost their text.
pub fn comments(
    db: &Db<'_>,
    script: i64,
    version: Option<i64>,
    page: u32,
) -> Result<Page<Comment>> {
    let which = if version.is_some() {
        "AND c.version_id = ?"
    } else {
        ""
    };
    let sql = format!(
        "{COMMENT} WHERE c.script_id = ? AND c.status <> 'held' {which} ORDER BY c.created_at, c.id LIMIT ? OFFSET ?"
    );
    let mut values = vec![script.into()];
    values.extend(version.map(Into::into));
    values.extend(window(page, COMMENTS));
    Ok(Page::cut(db.query(&sql, &values)?.into()?, page, COMMENTS))
}

/// One of them.
pub fn comment(db: &Db<'_>, id: i64) -> Result<Option<Comment>> {
    let row = db.query_one(&format!("{COMMENT} WHERE c.id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// Comments that wait for a reviewer, the oldest first.
pub fn held(db: &Db<'_>) -> Result<Vec<Comment>> {
    let sql = format!("{COMMENT} WHERE c.status = 'held' ORDER BY c.created_at, c.id LIMIT 100");
    db.query(&sql, &[])?.into()
}

/// Says something; held ones are shown once a reviewer lets them through. In a transaction.
pub fn say(
    db: &Db<'_>,
    by: &Me,
    script: i64,
    version: Option<i64>,
    subject: &str,
    body: &str,
    held: bool,
) -> Result<i64> {
    scripts::touch(db, script)?;
    let sql = "INSERT INTO comments (script_id, version_id, account_id, author_name, subject, body, status, \
               created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let status = if held { "held" } else { "shown" };
    let id = db.insert(
        sql,
        &[
            script.into(),
            version.into(),
            by.id.into(),
            (&by.name).into(),
            subject.into(),
            body.into(),
            status.into(),
            now().into(),
        ],
    )?;
    count_comments(db, script)?;
    Ok(id)
}

/// Changes what one said, for half an hour; in a transaction. False if that is not possible (any more).
pub fn reword(db: &Db<'_>, by: &Me, comment: &Comment, body: &str) -> Result<bool> {
    scripts::touch(db, comment.script_id)?;
    let sql = "UPDATE comments SET body = ?, edited_at = ? \
               WHERE id = ? AND account_id = ? AND status <> 'removed' AND created_at > ?";
    let now = now();
    let values = [
        body.into(),
        now.into(),
        comment.id.into(),
        by.id.into(),
        (now - EDIT_S).into(),
    ];
    Ok(db.execute(sql, &values)? == 1)
}

/// Takes a comment away: its text is gone, its place stays. In a transaction.
pub fn unsay(db: &Db<'_>, comment: &Comment) -> Result<()> {
    scripts::touch(db, comment.script_id)?;
    let sql = "UPDATE comments SET status = 'removed', subject = '', body = '' WHERE id = ?";
    db.execute(sql, &[comment.id.into()])?;
    count_comments(db, comment.script_id)
}

/// Lets a comment that was shown wait for a reviewer; in a transaction.
pub fn hold(db: &Db<'_>, comment: &Comment) -> Result<()> {
    let sql = "UPDATE comments SET status = 'held' WHERE id = ? AND status = 'shown'";
    db.execute(sql, &[comment.id.into()])?;
    count_comments(db, comment.script_id)
}

/// The page of a script's comments on which one of them is, from 1.
pub fn page_of(db: &Db<'_>, comment: &Comment) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM comments WHERE script_id = ? AND status <> 'held' \
               AND (created_at < ? OR (created_at = ? AND id < ?))";
    let at = comment.created_at;
    let values = [
        comment.script_id.into(),
        at.into(),
        at.into(),
        comment.id.into(),
    ];
    Ok(number(db, sql, &values)? / i64::from(COMMENTS) + 1)
}

/// Lets a held comment through; in a transaction. False if it is not held (any more).
pub fn let_through(db: &Db<'_>, comment: &Comment) -> Result<bool> {
    scripts::touch(db, comment.script_id)?;
    let sql = "UPDATE comments SET status = 'shown' WHERE id = ? AND status = 'held'";
    let changed = db.execute(sql, &[comment.id.into()])?;
    count_comments(db, comment.script_id)?;
    Ok(changed == 1)
}

fn count_comments(db: &Db<'_>, script: i64) -> Result<()> {
    let sql = "UPDATE scripts SET comment_n = (SELECT COUNT(*) FROM comments c WHERE c.script_id = scripts.id \
               AND c.status = 'shown') WHERE id = ?";
    db.execute(sql, &[script.into()])?;
    Ok(())
}

/// Gives a script 1 to 5 stars, one vote each; 0 takes the vote back. In a transaction.
pub fn rate(db: &Db<'_>, script: i64, account: i64, stars: i64) -> Result<()> {
    scripts::touch(db, script)?;
    if stars == 0 {
        let sql = "DELETE FROM ratings WHERE script_id = ? AND account_id = ?";
        db.execute(sql, &[script.into(), account.into()])?;
    } else {
        upsert::rating(db, script, account, stars)?;
    }
    let of = [script.into()];
    let n = number(
        db,
        "SELECT COUNT(*) AS n FROM ratings WHERE script_id = ?",
        &of,
    )?;
    let sum = number(
        db,
        "SELECT SUM(stars) AS n FROM ratings WHERE script_id = ?",
        &of,
    )?;
    let sql = "UPDATE scripts SET rating_n = ?, rating_sum = ?, rating_score = ? WHERE id = ?";
    db.execute(
        sql,
        &[
            n.into(),
            sum.into(),
            rules::rating_score(n, sum).into(),
            script.into(),
        ],
    )?;
    Ok(())
}

/// The stars that an account gave; 0 if none.
pub fn stars_of(db: &Db<'_>, script: i64, account: i64) -> Result<i64> {
    let sql = "SELECT stars AS n FROM ratings WHERE script_id = ? AND account_id = ?";
    number(db, sql, &[script.into(), account.into()])
}

/// Reports something to the reviewers.
pub fn flag(db: &Db<'_>, by: &Me, what: Flagged, reason: &str, text: &str) -> Result<i64> {
    let sql = "INSERT INTO flags (script_id, version_id, comment_id, account_id, reason, text, created_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    db.insert(
        sql,
        &[
            what.script.into(),
            what.version.into(),
            what.comment.into(),
            by.id.into(),
            reason.into(),
            text.into(),
            now().into(),
        ],
    )
}

/// Whether an account reported just that, and nobody answered yet.
pub fn is_flagged(db: &Db<'_>, account: i64, what: Flagged) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM flags WHERE account_id = ? AND script_id = ? AND status = 'open' \
               AND COALESCE(version_id, 0) = ? AND COALESCE(comment_id, 0) = ?";
    let values = [
        account.into(),
        what.script.into(),
        what.version.unwrap_or(0).into(),
        what.comment.unwrap_or(0).into(),
    ];
    Ok(number(db, sql, &values)? > 0)
}

/// Answers a flag. False if somebody did already.
pub fn answer_flag(db: &Db<'_>, by: &Me, id: i64, upheld: bool, answer: &str) -> Result<bool> {
    let sql = "UPDATE flags SET status = ?, decided_by = ?, decided_at = ?, answer = ? WHERE id = ? AND status = 'open'";
    let status = if upheld { "upheld" } else { "unfounded" };
    let values = [
        status.into(),
        by.id.into(),
        now().into(),
        answer.into(),
        id.into(),
    ];
    Ok(db.execute(sql, &values)? == 1)
}

/// Flags of an account since then, and how many of them were unfounded.
pub fn flags_since(db: &Db<'_>, account: i64, since: i64) -> Result<(i64, i64)> {
    let values = [account.into(), since.into()];
    let all = "SELECT COUNT(*) AS n FROM flags WHERE account_id = ? AND created_at > ?";
    let unfounded = "SELECT COUNT(*) AS n FROM flags WHERE account_id = ? AND decided_at > ? AND status = 'unfounded'";
    Ok((number(db, all, &values)?, number(db, unfounded, &values)?))
}

/// Comments of an account since then.
pub fn comments_since(db: &Db<'_>, account: i64, since: i64) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM comments WHERE account_id = ? AND created_at > ?";
    number(db, sql, &[account.into(), since.into()])
}

/// Asks another reviewer to look at a refusal: once for each version. In a transaction.
///
/// # Errors
/// 409 if that was done already, or the version was not refused.
pub fn appeal(db: &Db<'_>, by: &Me, version: i64, text: &str) -> Result<i64> {
    let sql = "SELECT 1 AS n FROM versions v WHERE v.id = ? AND v.status = 'refused' \
               AND NOT EXISTS (SELECT 1 FROM appeals p WHERE p.version_id = v.id)";
    if number(db, sql, &[version.into()])? == 0 {
        return Err(Error::conflict(""));
    }
    let sql = "INSERT INTO appeals (version_id, account_id, text, created_at) VALUES (?, ?, ?, ?)";
    match db.insert(
        sql,
        &[version.into(), by.id.into(), text.into(), now().into()],
    ) {
        Err(error) if error.kind() == "unique" => Err(Error::conflict("")),
        done => done,
    }
}

/// Decides an appeal; granted, its version is published. In a transaction.
///
/// # Errors
/// 409 if somebody did already.
pub fn decide_appeal(db: &Db<'_>, by: &Me, id: i64, granted: bool, answer: &str) -> Result<()> {
    let sql = "UPDATE appeals SET status = ?, decided_by = ?, decided_at = ?, answer = ? WHERE id = ? AND status = 'open'";
    let status = if granted { "granted" } else { "rejected" };
    let values = [
        status.into(),
        by.id.into(),
        now().into(),
        answer.into(),
        id.into(),
    ];
    let version = number(
        db,
        "SELECT version_id AS n FROM appeals WHERE id = ?",
        &[id.into()],
    )?;
    if granted {
        versions::grant(db, version, by.id, answer)?;
    }
    match db.execute(sql, &values)? {
        1 => Ok(()),
        _ => Err(Error::conflict("")),
    }
}

/// Writes a line of the log, in the transaction of what it tells of.
pub fn log(db: &Db<'_>, entry: &Entry<'_>) -> Result<()> {
    let sql = "INSERT INTO moderation_log (at, actor_id, actor_name, action, script_id, version_id, account_id, \
               subject, reason, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let subject: String = entry.subject.chars().take(120).collect();
    db.execute(
        sql,
        &[
            now().into(),
            entry.actor.map(|(id, _)| id).into(),
            entry.actor.map_or("glsr", |(_, alias)| alias).into(),
            entry.action.into(),
            entry.script.into(),
            entry.version.into(),
            entry.account.into(),
            subject.into(),
            entry.reason.into(),
            entry.note.into(),
        ],
    )?;
    Ok(())
}

/// A page of the log, the newest first; of one script, or of all.
pub fn log_page(db: &Db<'_>, script: Option<i64>, page: u32) -> Result<Page<Logged>> {
    let which = if script.is_some() {
        "WHERE m.script_id = ?"
    } else {
        ""
    };
    let sql = format!(
        "SELECT m.id, m.at, m.actor_name, m.action, s.name AS script, m.version_id, m.subject, m.reason, m.note \
         FROM moderation_log m LEFT JOIN scripts s ON s.id = m.script_id AND s.status <> 'fresh' {which} \
         ORDER BY m.at DESC, m.id DESC LIMIT ? OFFSET ?"
    );
    let mut values: Vec<harmonious::Value> = script.map(Into::into).into_iter().collect();
    values.extend(window(page, LOGGED));
    Ok(Page::cut(db.query(&sql, &values)?.into()?, page, LOGGED))
}

/// Whether that account may vote: not for what it maintains.
pub fn may_rate(db: &Db<'_>, script: &Script, account: i64) -> Result<bool> {
    Ok(!scripts::maintained_by(db, script, account)?)
}
