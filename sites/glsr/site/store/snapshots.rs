//! What snapshots take out of the tables, and put back into those of a new site. Nothing here sorts by a text: each
//! database has an order of its own for these.

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::{keyed, number, places, scripts, search, settings, upsert};
use crate::checks;
use crate::model::Status;
use crate::store::alike;
use crate::tasks::records::{
    AuthorRecord, CategoryRecord, CommentRecord, KeyRecord, LanguageRecord, MaintainerRecord,
    NewsRecord, ScriptRecord, VersionRecord,
};

// ---- out ----

/// Keys and names of all scripts that were ever published, by name.
pub(crate) fn scripts_of_all(db: &Db<'_>) -> Result<Vec<(i64, String)>> {
    let mut all = keyed(
        db,
        "SELECT s.id, s.name AS said FROM scripts s WHERE s.status <> 'fresh' AND s.id > ?",
    )?;
    all.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(all)
}

/// Keys and aliases of all whose name stands beside something that was published, by alias.
pub(crate) fn authors(db: &Db<'_>) -> Result<Vec<(i64, String)>> {
    let mut all = keyed(
        db,
        "SELECT a.id, a.alias AS said FROM accounts a WHERE a.status <> 'gone' AND (\
         EXISTS (SELECT 1 FROM scripts s WHERE s.owner_id = a.id AND s.status <> 'fresh') \
         OR EXISTS (SELECT 1 FROM versions v WHERE v.author_id = a.id AND v.number IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM maintainers m JOIN scripts s ON s.id = m.script_id \
         WHERE m.account_id = a.id AND m.accepted_at IS NOT NULL AND s.status <> 'fresh') \
         OR EXISTS (SELECT 1 FROM comments c JOIN scripts s ON s.id = c.script_id \
         WHERE c.account_id = a.id AND c.status = 'shown' AND s.status <> 'fresh') \
         OR EXISTS (SELECT 1 FROM news n WHERE n.account_id = a.id)) AND a.id > ?",
    )?;
    all.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(all)
}

/// An author, with all keys.
pub(crate) fn author(db: &Db<'_>, id: i64) -> Result<AuthorRecord> {
    let sql = "SELECT alias, name, status, about, website, created_at FROM accounts WHERE id = ?";
    let row = db.query_one(sql, &[id.into()])?.or_404()?;
    let sql =
        "SELECT public_key, label, created_at, revoked_at FROM signing_keys WHERE account_id = ?";
    let mut keys: Vec<KeyRecord> = db.query(sql, &[id.into()])?.into()?;
    keys.sort_by(|one, other| {
        (one.created_at, &one.public_key).cmp(&(other.created_at, &other.public_key))
    });
    let blocked = row.get::<String>("status")? == "blocked";
    Ok(AuthorRecord {
        alias: row.get("alias")?,
        name: row.get("name")?,
        blocked,
        // Nobody is shown what a blocked account says of itself.
        about: if blocked {
            String::new()
        } else {
            row.get("about")?
        },
        website: if blocked { None } else { row.get("website")? },
        created_at: row.get("created_at")?,
        keys,
    })
}

/// Who maintains a script beside its owner, by alias.
pub(crate) fn maintainers(db: &Db<'_>, script: i64) -> Result<Vec<MaintainerRecord>> {
    let sql = "SELECT a.alias, m.since, m.accepted_at FROM maintainers m JOIN accounts a ON a.id = m.account_id \
               WHERE m.script_id = ? AND m.accepted_at IS NOT NULL AND a.status <> 'gone'";
    let mut all: Vec<MaintainerRecord> = db.query(sql, &[script.into()])?.into()?;
    all.sort_by(|one, other| one.alias.cmp(&other.alias));
    Ok(all)
}

/// Keys of the comments on a script that all may see, in their order.
pub(crate) fn comments(db: &Db<'_>, script: i64) -> Result<Vec<i64>> {
    let sql =
        "SELECT id FROM comments WHERE script_id = ? AND status = 'shown' ORDER BY created_at, id";
    let rows = db.query(sql, &[script.into()])?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Some of them, in the same order.
pub(crate) fn comments_of(db: &Db<'_>, ids: &[i64]) -> Result<Vec<CommentRecord>> {
    let sql = format!(
        "SELECT v.number, a.alias AS author, COALESCE(a.name, c.author_name) AS author_name, c.subject, c.body, \
         c.created_at, c.edited_at FROM comments c LEFT JOIN versions v ON v.id = c.version_id \
         LEFT JOIN accounts a ON a.id = c.account_id AND a.status <> 'gone' WHERE c.id IN ({}) ORDER BY c.created_at, c.id",
        places(ids.len())
    );
    let values: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    db.query(&sql, &values)?.into()
}

/// Some news, the oldest first.
pub(crate) fn news(db: &Db<'_>, count: usize, skip: usize) -> Result<Vec<NewsRecord>> {
    let sql = "SELECT a.alias AS author, n.at, n.subject, n.body FROM news n \
               LEFT JOIN accounts a ON a.id = n.account_id AND a.status <> 'gone' ORDER BY n.at, n.id LIMIT ? OFFSET ?";
    let [count, skip] = [count, skip].map(|number| Value::from(number as i64));
    db.query(sql, &[count, skip])?.into()
}

// ---- in ----

/// What says that a site is not new: a script that is no seed, news, or what people said of seeds.
pub(crate) fn used(db: &Db<'_>) -> Result<Option<String>> {
    let sql = "SELECT s.name FROM scripts s WHERE EXISTS (SELECT 1 FROM versions v WHERE v.script_id = s.id \
               AND v.source <> 'seed') OR NOT EXISTS (SELECT 1 FROM versions v WHERE v.script_id = s.id) \
               ORDER BY s.id LIMIT 1";
    if let Some(row) = db.query_one(sql, &[])? {
        return Ok(Some(format!("the script {}", row.get::<String>("name")?)));
    }
    for (table, what) in [
        ("news", "news"),
        ("comments", "comments"),
        ("ratings", "stars of members"),
        ("flags", "reports"),
        ("edits", "edits of members"),
        ("maintainers", "co-maintainers"),
    ] {
        if number(db, &format!("SELECT COUNT(*) AS n FROM {table}"), &[])? > 0 {
            return Ok(Some(what.to_owned()));
        }
    }
    Ok(None)
}

/// Takes away what a new site begins with; in a transaction.
pub(crate) fn clear(db: &Db<'_>, site: &str) -> Result<()> {
    settings::touch(db)?;
    for sql in [
        "DELETE FROM search_texts",
        "DELETE FROM imports",
        "DELETE FROM comments",
        "DELETE FROM versions",
        "DELETE FROM scripts",
        "DELETE FROM bodies",
        "DELETE FROM tags",
        "DELETE FROM categories",
        "DELETE FROM languages",
    ] {
        db.execute(sql, &[])?;
    }
    let sql =
        "DELETE FROM signing_keys WHERE account_id = (SELECT id FROM accounts WHERE alias = ?)";
    db.execute(sql, &[site.into()]).map(drop)
}

/// A language of a snapshot; its key.
pub(crate) fn put_language(db: &Db<'_>, one: &LanguageRecord) -> Result<i64> {
    let sql = "INSERT INTO languages (slug, name, extensions, shebangs, highlight, checker, outline) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let values = [
        &one.slug,
        &one.name,
        &one.extensions,
        &one.shebangs,
        &one.highlight,
        &one.checker,
        &one.outline,
    ];
    db.insert(sql, &values.map(Value::from))
}

/// A category of a snapshot, below one that is there; its key.
pub(crate) fn put_category(
    db: &Db<'_>,
    parent: Option<i64>,
    slug: &str,
    one: &CategoryRecord,
) -> Result<i64> {
    let sql = "INSERT INTO categories (parent_id, slug, path, name, descr, position) VALUES (?, ?, ?, ?, ?, ?)";
    let values = [
        parent.into(),
        slug.into(),
        (&one.path).into(),
        (&one.name).into(),
        (&one.descr).into(),
        one.position.into(),
    ];
    db.insert(sql, &values)
}

/// An author of a snapshot, in place of what an account that is there says of itself, or as a new account without a
/// password; with the key ids of the keys. The key of the account.
pub(crate) fn put_author(
    db: &Db<'_>,
    there: Option<i64>,
    one: &AuthorRecord,
    key_ids: &[String],
) -> Result<i64> {
    let said = [
        (&one.name).into(),
        (&one.about).into(),
        one.website.as_deref().into(),
        one.created_at.into(),
    ];
    let id = match there {
        Some(id) => {
            let sql =
                "UPDATE accounts SET name = ?, about = ?, website = ?, created_at = ? WHERE id = ?";
            let mut values = said.to_vec();
            values.push(id.into());
            db.execute(sql, &values)?;
            db.execute(
                "DELETE FROM signing_keys WHERE account_id = ?",
                &[id.into()],
            )?;
            id
        }
        None => {
            let sql = "INSERT INTO accounts (name, about, website, created_at, alias, status) VALUES (?, ?, ?, ?, ?, ?)";
            let mut values = said.to_vec();
            let status = if one.blocked { "blocked" } else { "active" };
            values.extend([(&one.alias).into(), status.into()]);
            db.insert(sql, &values)?
        }
    };
    for (key, key_id) in one.keys.iter().zip(key_ids) {
        let sql = "INSERT INTO signing_keys (account_id, key_id, public_key, label, created_at, revoked_at) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        let values = [
            id.into(),
            key_id.into(),
            (&key.public_key).into(),
            (&key.label).into(),
            key.created_at.into(),
            key.revoked_at.into(),
        ];
        db.execute(sql, &values)?;
    }
    Ok(id)
}

/// A script of a snapshot, without versions; its key. `owner` and the maintainers are keys of accounts.
pub(crate) fn put_script(
    db: &Db<'_>,
    one: &ScriptRecord,
    [category, language]: [i64; 2],
    owner: Option<i64>,
    maintainers: &[i64],
) -> Result<i64> {
    let status = match one.status {
        Status::Withdrawn => "withdrawn",
        Status::Removed => "removed",
        _ => "published",
    };
    let sql = "INSERT INTO scripts (name, title, summary, readme, owner_id, owner_name, category_id, language_id, \
               license, homepage, status, created_at, published_at, updated_at, expires_at, pinned_until, pin_text, \
               replaced_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = [
        (&one.name).into(),
        (&one.title).into(),
        (&one.summary).into(),
        (&one.readme).into(),
        owner.into(),
        (&one.owner_name).into(),
        category.into(),
        language.into(),
        (&one.license).into(),
        one.homepage.as_deref().into(),
        status.into(),
        one.created_at.into(),
        one.published_at.into(),
        one.updated_at.into(),
        one.expires_at.into(),
        one.pinned_until.into(),
        one.pin_text.as_deref().into(),
        one.replaced_by.as_deref().into(),
    ];
    let id = db.insert(sql, &values)?;
    scripts::put_lists(db, id, &one.tags, &one.needs, &one.applies)?;
    for (record, account) in one.maintainers.iter().zip(maintainers) {
        let sql = "INSERT INTO maintainers (script_id, account_id, since, accepted_at) VALUES (?, ?, ?, ?)";
        let values = [
            id.into(),
            (*account).into(),
            record.since.into(),
            record.accepted_at.into(),
        ];
        db.execute(sql, &values)?;
    }
    Ok(id)
}

/// A version of a snapshot; its key. Without a text it was removed: the hash of what it was stays.
pub(crate) fn put_version(
    db: &Db<'_>,
    script: i64,
    one: &VersionRecord,
    author: Option<i64>,
    text: Option<&str>,
) -> Result<i64> {
    match text {
        Some(text) => upsert::body(db, &one.sha256, text)?,
        None => upsert::no_body(db, &one.sha256, one.bytes, one.lines)?,
    }
    let sql = "INSERT INTO versions (script_id, number, label, status, sha256, file_name, changelog, urgent, author_id, \
               author_name, source, created_at, submitted_at, decided_at, reason) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'restore', ?, ?, ?, ?)";
    let values = [
        script.into(),
        one.number.into(),
        (&one.label).into(),
        one.status.text().into(),
        (&one.sha256).into(),
        (&one.file_name).into(),
        (&one.changelog).into(),
        one.urgent.into(),
        author.into(),
        (&one.author_name).into(),
        one.created_at.into(),
        one.submitted_at.into(),
        one.decided_at.into(),
        (&one.reason).into(),
    ];
    let id = db.insert(sql, &values)?;
    if let Some(text) = text {
        alike::add(db, id, &checks::shingles(text))?;
    }
    Ok(id)
}

/// The signature of a version of a snapshot, and the key that it was verified with.
pub(crate) fn put_signature(db: &Db<'_>, version: i64, signature: &str, key: &str) -> Result<()> {
    let sql = "UPDATE versions SET signature = ?, signing_key = ? WHERE id = ?";
    db.execute(sql, &[signature.into(), key.into(), version.into()])
        .map(drop)
}

/// All versions of a script are there: that one is what it shows.
pub(crate) fn close_script(db: &Db<'_>, script: i64, latest: i64) -> Result<()> {
    let sql = "UPDATE scripts SET latest_id = ? WHERE id = ?";
    db.execute(sql, &[latest.into(), script.into()])?;
    search::put(db, script)
}

/// Comments of a snapshot on a script; `versions` and `authors` are keys.
pub(crate) fn put_comment(
    db: &Db<'_>,
    script: i64,
    one: &CommentRecord,
    version: Option<i64>,
    author: Option<i64>,
) -> Result<()> {
    let sql = "INSERT INTO comments (script_id, version_id, account_id, author_name, subject, body, created_at, \
               edited_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = [
        script.into(),
        version.into(),
        author.into(),
        (&one.author_name).into(),
        (&one.subject).into(),
        (&one.body).into(),
        one.created_at.into(),
        one.edited_at.into(),
    ];
    db.execute(sql, &values)?;
    db.execute(
        "UPDATE scripts SET comment_n = comment_n + 1 WHERE id = ?",
        &[script.into()],
    )
    .map(drop)
}

/// News of a snapshot.
pub(crate) fn put_news(db: &Db<'_>, one: &NewsRecord, author: Option<i64>) -> Result<()> {
    let sql = "INSERT INTO news (account_id, at, subject, body) VALUES (?, ?, ?, ?)";
    let values = [
        author.into(),
        one.at.into(),
        (&one.subject).into(),
        (&one.body).into(),
    ];
    db.execute(sql, &values).map(drop)
}

/// Whether an account's alias may be that of an author of a snapshot: it is free, or whoever has it runs the site.
/// The key of the account, if there is one.
pub(crate) fn place_of(db: &Db<'_>, alias: &str) -> Result<std::result::Result<Option<i64>, ()>> {
    let Some(account) = super::accounts::by_alias(db, alias)? else {
        return Ok(Ok(None));
    };
    let runs =
        account.alias == crate::start::SITE_ALIAS || account.roles.has(crate::model::Role::Admin);
    Ok(if runs && account.status == "active" {
        Ok(Some(account.id))
    } else {
        Err(())
    })
}
