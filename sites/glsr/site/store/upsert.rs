//! The statements with `ON CONFLICT`, which SQLite and PostgreSQL share; another back end would need its own
//! here and nowhere else.

use harmonious::Db;
use harmonious::prelude::*;

use super::now;

/// Sets a setting.
pub fn setting(db: &Db<'_>, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?, ?) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, &[name.into(), value.into()])?;
    Ok(())
}

/// Sets a setting that nobody set yet.
pub fn setting_once(db: &Db<'_>, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
    db.execute(sql, &[name.into(), value.into()])?;
    Ok(())
}

/// Raises the number that is a setting, from 0.
pub fn raise(db: &Db<'_>, name: &str) -> Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?, '1') \
               ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)";
    db.execute(sql, &[name.into()])?;
    Ok(())
}

/// Keeps a text under its hash, once; also where [`no_body`] kept its place.
pub fn body(db: &Db<'_>, sha256: &str, text: &str) -> Result<()> {
    let sql = "INSERT INTO bodies (sha256, bytes, lines, text) VALUES (?, ?, ?, ?) \
               ON CONFLICT (sha256) DO UPDATE SET text = excluded.text WHERE bodies.text = ''";
    let (bytes, lines) = (text.len() as i64, text.lines().count() as i64);
    db.execute(
        sql,
        &[sha256.into(), bytes.into(), lines.into(), text.into()],
    )?;
    Ok(())
}

/// Keeps the hash of a text that is not to be had any more: what it was was taken down.
pub fn no_body(db: &Db<'_>, sha256: &str, bytes: i64, lines: i64) -> Result<()> {
    let sql = "INSERT INTO bodies (sha256, bytes, lines, text) VALUES (?, ?, ?, '') ON CONFLICT (sha256) DO NOTHING";
    db.execute(sql, &[sha256.into(), bytes.into(), lines.into()])?;
    Ok(())
}

/// The key of a tag, made if it is new.
pub fn tag(db: &Db<'_>, slug: &str, name: &str) -> Result<i64> {
    let sql = "INSERT INTO tags (slug, name) VALUES (?, ?) ON CONFLICT (slug) DO NOTHING";
    db.execute(sql, &[slug.into(), name.into()])?;
    super::number(
        db,
        "SELECT id AS n FROM tags WHERE slug = ?",
        &[slug.into()],
    )
}

/// The stars that an account gives.
pub fn rating(db: &Db<'_>, script: i64, account: i64, stars: i64) -> Result<()> {
    let sql = "INSERT INTO ratings (script_id, account_id, stars, created_at) VALUES (?, ?, ?, ?) \
               ON CONFLICT (script_id, account_id) DO UPDATE SET stars = excluded.stars";
    db.execute(
        sql,
        &[script.into(), account.into(), stars.into(), now().into()],
    )?;
    Ok(())
}

/// Somebody who is asked to maintain a script too; asked twice is asked once.
pub fn invitation(db: &Db<'_>, script: i64, account: i64, by: i64) -> Result<()> {
    let sql = "INSERT INTO maintainers (script_id, account_id, invited_by, since) VALUES (?, ?, ?, ?) \
               ON CONFLICT (script_id, account_id) DO NOTHING";
    db.execute(
        sql,
        &[script.into(), account.into(), by.into(), now().into()],
    )?;
    Ok(())
}

/// Uses up a nonce until then; whether it was unused.
pub fn nonce(db: &Db<'_>, nonce: &str, expires_at: i64) -> Result<bool> {
    let sql =
        "INSERT INTO used_nonces (nonce, expires_at) VALUES (?, ?) ON CONFLICT (nonce) DO NOTHING";
    Ok(db.execute(sql, &[nonce.into(), expires_at.into()])? == 1)
}

/// Where a script was imported from, and what was found there.
pub fn imported(db: &Db<'_>, source: &str, path: &str, script: i64, sha256: &str) -> Result<()> {
    let sql = "INSERT INTO imports (source, path, script_id, sha256, at) VALUES (?, ?, ?, ?, ?) \
               ON CONFLICT (source, path) DO UPDATE SET script_id = excluded.script_id, sha256 = excluded.sha256, \
               at = excluded.at";
    let values = [
        source.into(),
        path.into(),
        script.into(),
        sha256.into(),
        now().into(),
    ];
    db.execute(sql, &values)?;
    Ok(())
}

/// One download more of that day.
pub(crate) const DOWNLOADED: &str = "INSERT INTO downloads (version_id, script_id, day, n) VALUES (?, ?, ?, 1) \
    ON CONFLICT (version_id, day) DO UPDATE SET n = downloads.n + 1";

/// What is searched of a published script, out of the tables themselves.
pub(crate) const SEARCHED: &str = "INSERT INTO search_texts \
    (id, name, summary, tags, code, language_id, category_path, license, author, tag_list) \
    SELECT s.id, s.name, s.title || ' ' || s.summary, ?, b.text, s.language_id, c.path, s.license, \
    COALESCE(a.alias, ''), ? \
    FROM scripts s JOIN versions v ON v.id = s.latest_id JOIN bodies b ON b.sha256 = v.sha256 \
    JOIN categories c ON c.id = s.category_id LEFT JOIN accounts a ON a.id = s.owner_id WHERE s.id = ? \
    ON CONFLICT (id) DO UPDATE SET summary = excluded.summary, tags = excluded.tags, code = excluded.code, \
    language_id = excluded.language_id, category_path = excluded.category_path, license = excluded.license, \
    author = excluded.author, tag_list = excluded.tag_list";
