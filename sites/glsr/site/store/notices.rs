//! What an account is told on its page: decisions, comments on its scripts, answers. Nothing is kept for it: all is
//! asked of the tables themselves.

use harmonious::Db;
use harmonious::prelude::*;

/// Notices of each kind, and of all together, that a page shows: the newest.
const NOTICES: usize = 50;

/// Something that happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub at: i64,
    /// What: a key below `notice.`.
    pub what: String,
    /// The script.
    pub script: String,
    /// The version, if that was decided about, and its number.
    pub version: Option<i64>,
    pub number: Option<i64>,
    /// The comment, if it is one.
    pub comment: Option<i64>,
    /// Who did it.
    pub who: String,
    /// The reason, the answer, or what was said.
    pub text: String,
}

/// Decided by others about what is one's own.
const DECIDED: &str = "SELECT v.decided_at AS at, v.status AS what, s.name AS script, v.id AS version, v.number, \
    CAST(NULL AS BIGINT) AS comment, COALESCE(d.alias, '') AS who, v.reason AS text \
    FROM versions v JOIN scripts s ON s.id = v.script_id LEFT JOIN accounts d ON d.id = v.decided_by \
    WHERE v.decided_at > ? AND v.status IN ('published', 'refused', 'withdrawn', 'removed') \
    AND v.decided_by <> ? AND (v.author_id = ? OR v.script_id IN (SELECT id FROM scripts WHERE owner_id = ?)) \
    ORDER BY v.decided_at DESC, v.id DESC LIMIT ?";
/// Said by others about what one maintains.
const SAID: &str = "SELECT c.created_at AS at, 'comment' AS what, s.name AS script, CAST(NULL AS BIGINT) AS version, \
    CAST(NULL AS BIGINT) AS number, c.id AS comment, COALESCE(a.name, c.author_name) AS who, c.body AS text \
    FROM comments c JOIN scripts s ON s.id = c.script_id LEFT JOIN accounts a ON a.id = c.account_id \
    WHERE c.created_at > ? AND c.status = 'shown' AND COALESCE(c.account_id, 0) <> ? AND (s.owner_id = ? OR s.id IN \
    (SELECT m.script_id FROM maintainers m WHERE m.account_id = ? AND m.accepted_at IS NOT NULL)) \
    ORDER BY c.created_at DESC, c.id DESC LIMIT ?";
/// Answers to reports.
const REPORTS: &str = "SELECT f.decided_at AS at, f.status AS what, s.name AS script, CAST(NULL AS BIGINT) AS version, \
    CAST(NULL AS BIGINT) AS number, f.comment_id AS comment, COALESCE(d.alias, '') AS who, f.answer AS text \
    FROM flags f JOIN scripts s ON s.id = f.script_id LEFT JOIN accounts d ON d.id = f.decided_by \
    WHERE f.decided_at > ? AND f.account_id = ? ORDER BY f.decided_at DESC, f.id DESC LIMIT ?";
/// Answers to appeals.
const APPEALS: &str = "SELECT p.decided_at AS at, p.status AS what, s.name AS script, v.id AS version, v.number, \
    CAST(NULL AS BIGINT) AS comment, COALESCE(d.alias, '') AS who, p.answer AS text \
    FROM appeals p JOIN versions v ON v.id = p.version_id JOIN scripts s ON s.id = v.script_id \
    LEFT JOIN accounts d ON d.id = p.decided_by \
    WHERE p.decided_at > ? AND p.account_id = ? ORDER BY p.decided_at DESC, p.id DESC LIMIT ?";

/// What happened for an account since then, the newest first.
pub fn since(db: &Db<'_>, account: i64, at: i64) -> Result<Vec<Notice>> {
    let mut all: Vec<Notice> = Vec::new();
    for (sql, times) in [(DECIDED, 3), (SAID, 3), (REPORTS, 1), (APPEALS, 1)] {
        let mut values = vec![at.into()];
        values.extend(vec![account.into(); times]);
        values.push((NOTICES as i64).into());
        let some: Vec<Notice> = db.query(sql, &values)?.into()?;
        all.extend(some);
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    all.truncate(NOTICES);
    Ok(all)
}
