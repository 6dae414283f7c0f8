//! What waits for reviewers.

use harmonious::Db;
use harmonious::prelude::*;

use super::{now, number, scripts, talk};
use crate::model::{Comment, Me};

/// Lines of each kind that the queue shows.
pub const LINES: i64 = 100;

/// All that waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Queue {
    /// Urgent ones first, then the oldest.
    pub pending: Vec<Pending>,
    pub appeals: Vec<Appeal>,
    pub flags: Vec<Flag>,
    pub comments: Vec<Comment>,
    pub edits: Vec<Edit>,
}

/// A version in the queue.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Pending {
    pub id: i64,
    pub script: String,
    pub title: String,
    pub label: String,
    pub urgent: bool,
    pub author_alias: Option<String>,
    pub author_name: String,
    pub submitted_at: Option<i64>,
    /// Number that was published last; None for a new script.
    pub latest: Option<i64>,
    /// Findings that are more than notes.
    pub findings: i64,
}

/// An appeal against a refusal.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Appeal {
    pub id: i64,
    pub version_id: i64,
    pub script: String,
    pub author_id: Option<i64>,
    pub alias: Option<String>,
    pub text: String,
    pub status: String,
    pub created_at: i64,
    /// Who refused, and why.
    pub refused_by: Option<i64>,
    pub reason: String,
    pub answer: String,
}

/// A report of something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Flag {
    pub id: i64,
    pub script_id: i64,
    pub script: String,
    /// The number of the version that it is about.
    pub number: Option<i64>,
    pub version_id: Option<i64>,
    pub comment_id: Option<i64>,
    pub alias: Option<String>,
    pub reason: String,
    pub text: String,
    pub status: String,
    pub created_at: i64,
    pub answer: String,
}

/// A change of what is said about a script.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Edit {
    pub id: i64,
    pub script_id: i64,
    pub script: String,
    pub alias: Option<String>,
    pub at: i64,
    pub field: String,
    pub before_text: String,
    pub after_text: String,
}

const APPEAL: &str = "SELECT p.id, p.version_id, s.name AS script, v.author_id, a.alias, p.text, p.status, \
    p.created_at, v.decided_by AS refused_by, v.reason, p.answer FROM appeals p \
    JOIN versions v ON v.id = p.version_id JOIN scripts s ON s.id = v.script_id \
    LEFT JOIN accounts a ON a.id = p.account_id ";

const FLAG: &str = "SELECT f.id, f.script_id, s.name AS script, v.number, f.version_id, f.comment_id, a.alias, \
    f.reason, f.text, f.status, f.created_at, f.answer FROM flags f JOIN scripts s ON s.id = f.script_id \
    LEFT JOIN versions v ON v.id = f.version_id LEFT JOIN accounts a ON a.id = f.account_id ";

const EDIT: &str = "SELECT e.id, e.script_id, s.name AS script, a.alias, e.at, e.field, e.before_text, e.after_text \
    FROM edits e JOIN scripts s ON s.id = e.script_id LEFT JOIN accounts a ON a.id = e.account_id ";

/// The whole queue.
pub fn queue(db: &Db<'_>) -> Result<Queue> {
    let pending = "SELECT v.id, s.name AS script, s.title, v.label, v.urgent, a.alias AS author_alias, \
        COALESCE(a.name, v.author_name) AS author_name, v.submitted_at, l.number AS latest, \
        (SELECT COUNT(*) FROM findings f WHERE f.version_id = v.id AND f.level <> 'note') AS findings \
        FROM versions v JOIN scripts s ON s.id = v.script_id LEFT JOIN versions l ON l.id = s.latest_id \
        LEFT JOIN accounts a ON a.id = v.author_id WHERE v.status = 'pending' \
        ORDER BY v.urgent DESC, v.submitted_at, v.id LIMIT ?";
    let lines = [LINES.into()];
    let appeals = format!("{APPEAL} WHERE p.status = 'open' ORDER BY p.created_at, p.id LIMIT ?");
    let flags = format!("{FLAG} WHERE f.status = 'open' ORDER BY f.created_at, f.id LIMIT ?");
    let edits = format!("{EDIT} WHERE e.seen_at IS NULL ORDER BY e.at, e.id LIMIT ?");
    Ok(Queue {
        pending: db.query(pending, &lines)?.into()?,
        appeals: db.query(&appeals, &lines)?.into()?,
        flags: db.query(&flags, &lines)?.into()?,
        comments: talk::held(db)?,
        edits: db.query(&edits, &lines)?.into()?,
    })
}

/// How much waits, for the navigation.
pub fn waiting(db: &Db<'_>) -> Result<i64> {
    let sql = "SELECT (SELECT COUNT(*) FROM versions WHERE status = 'pending') \
               + (SELECT COUNT(*) FROM appeals WHERE status = 'open') \
               + (SELECT COUNT(*) FROM flags WHERE status = 'open') AS n";
    number(db, sql, &[])
}

/// An appeal, whatever its status.
pub fn appeal(db: &Db<'_>, id: i64) -> Result<Option<Appeal>> {
    let row = db.query_one(&format!("{APPEAL} WHERE p.id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// The appeal against the refusal of a version, if there is one.
pub fn appeal_of(db: &Db<'_>, version: i64) -> Result<Option<Appeal>> {
    let row = db.query_one(
        &format!("{APPEAL} WHERE p.version_id = ?"),
        &[version.into()],
    )?;
    row.map(harmonious::Row::into).transpose()
}

/// A flag, whatever its status.
pub fn flag(db: &Db<'_>, id: i64) -> Result<Option<Flag>> {
    let row = db.query_one(&format!("{FLAG} WHERE f.id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// An edit.
pub fn edit(db: &Db<'_>, id: i64) -> Result<Option<Edit>> {
    let row = db.query_one(&format!("{EDIT} WHERE e.id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// Marks an edit as seen. False if somebody did already.
pub fn seen(db: &Db<'_>, by: &Me, edit: i64) -> Result<bool> {
    let sql = "UPDATE edits SET seen_by = ?, seen_at = ? WHERE id = ? AND seen_at IS NULL";
    Ok(db.execute(sql, &[by.id.into(), now().into(), edit.into()])? == 1)
}

/// Puts back what a field said before an edit; in a transaction. The change is an edit itself.
///
/// # Errors
/// 409 if somebody looked at it already.
pub fn revert(db: &Db<'_>, by: &Me, edit: &Edit) -> Result<()> {
    // The stamps first: see `store`.
    scripts::touch(db, edit.script_id)?;
    if !seen(db, by, edit.id)? {
        return Err(Error::conflict(""));
    }
    let script = scripts::by_id(db, edit.script_id)?.or_404()?;
    let mut meta = scripts::of(&script);
    meta.set(&edit.field, &edit.before_text);
    let staff = Me {
        established: true,
        ..by.clone()
    };
    scripts::edit(db, &staff, &script, &meta)
}

/// Whether nobody but this account could decide about a script: the only reviewer decides about his own.
pub fn is_only_reviewer(db: &Db<'_>, account: i64) -> Result<bool> {
    // Bit 1 of the roles, without operators that differ between databases.
    let sql = "SELECT COUNT(*) AS n FROM accounts WHERE status = 'active' AND password IS NOT NULL \
               AND roles % 2 = 1 AND id <> ?";
    Ok(number(db, sql, &[account.into()])? == 0)
}
