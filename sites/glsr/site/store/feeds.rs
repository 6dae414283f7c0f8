//! What is new, for feeds.

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::literal;

/// Whose versions a feed has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    All,
    /// A category and those below, by path.
    Category(&'a str),
    /// A tag, by slug.
    Tag(&'a str),
    /// Versions that an account sent in.
    Author(i64),
    Script(i64),
}

/// A published version, as a feed shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Published {
    pub id: i64,
    pub number: i64,
    pub script: String,
    pub title: String,
    pub summary: String,
    pub category_path: String,
    pub changelog: String,
    pub bytes: i64,
    pub author_alias: Option<String>,
    pub author_name: String,
    /// When it was published.
    pub at: i64,
}

/// The newest ones.
pub fn versions(db: &Db<'_>, of: Of<'_>, count: u32) -> Result<Vec<Published>> {
    let mut values: Vec<Value> = Vec::new();
    let which = match of {
        Of::All => "",
        Of::Category(path) => {
            values.extend([path.into(), format!("{}/%", literal(path)).into()]);
            "AND (c.path = ? OR c.path LIKE ? ESCAPE '!')"
        }
        Of::Tag(slug) => {
            values.push(slug.into());
            "AND EXISTS (SELECT 1 FROM script_tags x JOIN tags t ON t.id = x.tag_id \
             WHERE x.script_id = s.id AND t.slug = ?)"
        }
        Of::Author(id) => {
            values.push(id.into());
            "AND v.author_id = ?"
        }
        Of::Script(id) => {
            values.push(id.into());
            "AND s.id = ?"
        }
    };
    let sql = format!(
        "SELECT v.id, v.number, s.name AS script, s.title, s.summary, c.path AS category_path, v.changelog, b.bytes, \
         a.alias AS author_alias, COALESCE(a.name, v.author_name) AS author_name, \
         COALESCE(v.decided_at, v.created_at) AS at \
         FROM versions v JOIN scripts s ON s.id = v.script_id JOIN categories c ON c.id = s.category_id \
         JOIN bodies b ON b.sha256 = v.sha256 LEFT JOIN accounts a ON a.id = v.author_id \
         WHERE v.status = 'published' {which} ORDER BY v.decided_at DESC, v.id DESC LIMIT ?"
    );
    values.push(i64::from(count).into());
    db.query(&sql, &values)?.into()
}
