//! News of the editors.

use harmonious::Db;
use harmonious::prelude::*;

use super::{now, settings, window};
use crate::model::{News, Page};

/// News that a page shows.
pub const NEWS: u32 = 20;

const ONE: &str = "SELECT n.id, a.name AS author_name, n.at, n.subject, n.body FROM news n \
    LEFT JOIN accounts a ON a.id = n.account_id ";

/// A page of them, the newest first.
pub fn list(db: &Db<'_>, page: u32, size: u32) -> Result<Page<News>> {
    let sql = format!("{ONE} ORDER BY n.at DESC, n.id DESC LIMIT ? OFFSET ?");
    Ok(Page::cut(
        db.query(&sql, &window(page, size))?.into()?,
        page,
        size,
    ))
}

/// One of them.
pub fn by_id(db: &Db<'_>, id: i64) -> Result<Option<News>> {
    let row = db.query_one(&format!("{ONE} WHERE n.id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// Adds one; in a transaction.
pub fn add(db: &Db<'_>, by: i64, subject: &str, body: &str) -> Result<i64> {
    settings::touch(db)?;
    let sql = "INSERT INTO news (account_id, at, subject, body) VALUES (?, ?, ?, ?)";
    db.insert(sql, &[by.into(), now().into(), subject.into(), body.into()])
}

/// Changes one; in a transaction.
pub fn change(db: &Db<'_>, id: i64, subject: &str, body: &str) -> Result<()> {
    settings::touch(db)?;
    let sql = "UPDATE news SET subject = ?, body = ? WHERE id = ?";
    db.execute(sql, &[subject.into(), body.into(), id.into()])?;
    Ok(())
}

/// Takes one away; in a transaction.
pub fn remove(db: &Db<'_>, id: i64) -> Result<()> {
    settings::touch(db)?;
    db.execute("DELETE FROM news WHERE id = ?", &[id.into()])?;
    Ok(())
}
