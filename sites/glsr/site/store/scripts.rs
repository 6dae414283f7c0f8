//! Scripts: finding, listing, making, editing. Whatever changes what a page of one shows calls [`touch`].

use std::collections::HashMap;

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::{literal, now, places, search, settings, upsert, versions, window};
use crate::model::{
    Author, Dependency, Entry, Filter, Me, Meta, Page, Pin, Script, ScriptRow, Sort, Status, Tag,
};
use crate::{rules, view};

const HEAD: &str = "SELECT s.id, s.name, s.title, s.summary, s.readme, s.owner_id, a.alias AS owner_alias, \
    COALESCE(a.name, s.owner_name) AS owner_name, s.category_id, c.path AS category_path, \
    c.name AS category_name, s.language_id, l.slug AS language, l.name AS language_name, l.highlight, l.outline, \
    s.license, s.homepage, s.status, s.latest_id, s.created_at, s.published_at, s.updated_at, s.expires_at, \
    s.pinned_until, s.pin_text, s.replaced_by, s.stamp, s.downloads, s.rating_n, s.rating_sum, s.rating_score, \
    s.comment_n \
    FROM scripts s JOIN categories c ON c.id = s.category_id JOIN languages l ON l.id = s.language_id \
    LEFT JOIN accounts a ON a.id = s.owner_id ";

pub(super) const ROW: &str = "SELECT s.id, s.name, s.title, s.summary, l.slug AS language, l.name AS language_name, \
    c.path AS category_path, a.alias AS author, COALESCE(a.name, s.owner_name) AS author_name, v.number, \
    s.published_at, s.downloads, s.rating_score, s.rating_n \
    FROM scripts s JOIN versions v ON v.id = s.latest_id JOIN categories c ON c.id = s.category_id \
    JOIN languages l ON l.id = s.language_id LEFT JOIN accounts a ON a.id = s.owner_id ";

/// Without its lists and its latest version: one query.
pub fn head(db: &Db<'_>, name: &str) -> Result<Option<Script>> {
    if !super::can_be(name) {
        return Ok(None);
    }
    let row = db.query_one(&format!("{HEAD} WHERE s.name = ?"), &[name.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// With all that belongs to it.
pub fn find(db: &Db<'_>, name: &str) -> Result<Option<Script>> {
    head(db, name)?.map(|script| whole(db, script)).transpose()
}

/// As [`find`], by its key.
pub fn by_id(db: &Db<'_>, id: i64) -> Result<Option<Script>> {
    let row = db.query_one(&format!("{HEAD} WHERE s.id = ?"), &[id.into()])?;
    row.map(|row| whole(db, row.into()?)).transpose()
}

/// Fills the lists of what [`head()`] gives.
pub fn whole(db: &Db<'_>, mut script: Script) -> Result<Script> {
    let id = [script.id.into()];
    let tags = "SELECT t.slug, t.name FROM script_tags x JOIN tags t ON t.id = x.tag_id \
                WHERE x.script_id = ? ORDER BY t.slug";
    script.tags = db.query(tags, &id)?.into()?;
    let needs = "SELECT d.kind, d.what, d.versions, s.name AS target FROM dependencies d \
                 LEFT JOIN scripts s ON s.id = d.target_id AND s.status = 'published' \
                 WHERE d.script_id = ? ORDER BY d.id";
    script.needs = db.query(needs, &id)?.into()?;
    let applies = "SELECT what FROM applies_to WHERE script_id = ? ORDER BY id";
    let rows = db.query(applies, &id)?;
    script.applies = rows
        .iter()
        .map(|row| row.get("what"))
        .collect::<Result<_>>()?;
    script.maintainers = maintainers(db, script.id)?;
    script.latest = match script.latest_id {
        Some(latest) => versions::by_id(db, latest)?,
        None => None,
    };
    Ok(script)
}

/// Those who accepted to maintain it beside its owner.
pub fn maintainers(db: &Db<'_>, id: i64) -> Result<Vec<Author>> {
    let sql = "SELECT a.id, a.alias, a.name FROM maintainers m JOIN accounts a ON a.id = m.account_id \
               WHERE m.script_id = ? AND m.accepted_at IS NOT NULL ORDER BY m.accepted_at, a.id";
    db.query(sql, &[id.into()])?.into()
}

/// Whether that account owns it or accepted to maintain it.
pub fn maintained_by(db: &Db<'_>, script: &Script, account: i64) -> Result<bool> {
    if script.owner_id == Some(account) {
        return Ok(true);
    }
    let sql = "SELECT 1 AS n FROM maintainers WHERE script_id = ? AND account_id = ? AND accepted_at IS NOT NULL";
    Ok(super::number(db, sql, &[script.id.into(), account.into()])? == 1)
}

/// The scripts that an account may edit, whatever their status, by name.
pub fn maintained(db: &Db<'_>, account: i64) -> Result<Vec<Script>> {
    let sql = format!(
        "{HEAD} WHERE s.owner_id = ? OR EXISTS (SELECT 1 FROM maintainers m WHERE m.script_id = s.id \
         AND m.account_id = ? AND m.accepted_at IS NOT NULL) ORDER BY s.name"
    );
    db.query(&sql, &[account.into(), account.into()])?.into()
}

/// Published scripts, by filter and order; words are not looked at, `search::find` does that.
pub fn list(db: &Db<'_>, filter: &Filter, size: u32) -> Result<Page<ScriptRow>> {
    let (mut sql, mut values) = wanted(filter);
    sql.push_str(&format!(
        " ORDER BY {} LIMIT ? OFFSET ?",
        order(filter.sort)
    ));
    values.extend(window(filter.page, size));
    let rows = tagged(db, db.query(&sql, &values)?.into()?)?;
    Ok(Page::cut(rows, filter.page, size))
}

/// The rows of a filter, without an order.
pub(super) fn wanted(filter: &Filter) -> (String, Vec<Value>) {
    let mut sql = format!("{ROW} WHERE s.status = 'published'");
    let mut values: Vec<Value> = Vec::new();
    if let Some(path) = &filter.category {
        sql.push_str(" AND (c.path = ? OR c.path LIKE ? ESCAPE '!')");
        values.extend([path.into(), format!("{}/%", literal(path)).into()]);
    }
    if let Some(slug) = &filter.tag {
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM script_tags x JOIN tags t ON t.id = x.tag_id \
             WHERE x.script_id = s.id AND t.slug = ?)",
        );
        values.push(slug.into());
    }
    for (column, value) in [
        ("l.slug", &filter.language),
        ("s.license", &filter.license),
        ("a.alias", &filter.author),
    ] {
        if let Some(value) = value {
            sql.push_str(&format!(" AND {column} = ?"));
            values.push(value.into());
        }
    }
    (sql, values)
}

/// Scripts that the editors pinned, and whose time is not over.
pub fn pinned(db: &Db<'_>) -> Result<Vec<Pin>> {
    let sql = "SELECT s.name, COALESCE(s.pin_text, s.summary) AS text, s.pinned_until AS until FROM scripts s \
               WHERE s.status = 'published' AND s.pinned_until > ? ORDER BY s.pinned_until DESC, s.id";
    db.query(sql, &[now().into()])?.into()
}

/// Rows by their keys: in the order of the keys, or in that of `sort`.
pub fn rows(db: &Db<'_>, ids: &[i64], sort: Sort) -> Result<Vec<ScriptRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "{ROW} WHERE s.status = 'published' AND s.id IN ({}) ORDER BY {}",
        places(ids.len()),
        order(sort)
    );
    let values: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    let mut rows: Vec<ScriptRow> = db.query(&sql, &values)?.into()?;
    if sort == Sort::Fit {
        let place: HashMap<i64, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        rows.sort_by_key(|row| place.get(&row.id).copied());
    }
    Ok(rows)
}

/// The key is last everywhere, so that pages do not overlap.
const fn order(sort: Sort) -> &'static str {
    match sort {
        Sort::Fit | Sort::New => "s.published_at DESC, s.id DESC",
        Sort::Used => "s.downloads DESC, s.id DESC",
        Sort::Rated => "s.rating_score DESC, s.id DESC",
    }
}

/// The rows with what no column says: tags (one query for all) and stars.
pub fn tagged(db: &Db<'_>, mut rows: Vec<ScriptRow>) -> Result<Vec<ScriptRow>> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let sql = format!(
        "SELECT x.script_id, t.slug FROM script_tags x JOIN tags t ON t.id = x.tag_id \
         WHERE x.script_id IN ({}) ORDER BY t.slug",
        places(rows.len())
    );
    let ids: Vec<Value> = rows.iter().map(|row| row.id.into()).collect();
    let mut of: HashMap<i64, Vec<String>> = HashMap::new();
    for row in &db.query(&sql, &ids)? {
        of.entry(row.get("script_id")?)
            .or_default()
            .push(row.get("slug")?);
    }
    for row in &mut rows {
        row.tags = of.remove(&row.id).unwrap_or_default();
        row.stars = view::stars(row.rating_score);
    }
    Ok(rows)
}

/// A script without versions, owned by `by`; in a transaction. A name that is taken is an error of the kind
/// `unique`; category and language have to be there.
pub fn create(db: &Db<'_>, by: &Me, meta: &Meta) -> Result<i64> {
    let sql = "INSERT INTO scripts (name, title, summary, readme, owner_id, owner_name, category_id, language_id, \
               license, homepage, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let now = now();
    let id = db.insert(
        sql,
        &[
            (&meta.name).into(),
            (&meta.title).into(),
            (&meta.summary).into(),
            (&meta.readme).into(),
            by.id.into(),
            (&by.name).into(),
            category(db, &meta.category)?.into(),
            language(db, &meta.language)?.into(),
            (&meta.license).into(),
            filled(&meta.homepage),
            now.into(),
            now.into(),
        ],
    )?;
    lists(db, id, meta)?;
    Ok(id)
}

/// Changes what is said about a script, at once; each field that changed is noted for the reviewers, as seen
/// already if `by` is established. In a transaction.
pub fn edit(db: &Db<'_>, by: &Me, script: &Script, meta: &Meta) -> Result<()> {
    touch(db, script.id)?;
    let before = of(script);
    let at = now();
    let seen: Option<i64> = by.established.then_some(at);
    let mut changed = false;
    for field in Meta::FIELDS {
        let (old, new) = (before.get(field), meta.get(field));
        if old != new {
            changed = true;
            // Nobody has read what was never published.
            if script.status == Status::Draft {
                continue;
            }
            let sql = "INSERT INTO edits (script_id, account_id, at, field, before_text, after_text, seen_at) \
                       VALUES (?, ?, ?, ?, ?, ?, ?)";
            let values = [
                script.id.into(),
                by.id.into(),
                at.into(),
                field.into(),
                old.into(),
                new.into(),
                seen.into(),
            ];
            db.execute(sql, &values)?;
        }
    }
    if !changed {
        return Ok(());
    }
    let sql = "UPDATE scripts SET title = ?, summary = ?, readme = ?, category_id = ?, language_id = ?, license = ?, \
               homepage = ?, updated_at = ? WHERE id = ?";
    db.execute(
        sql,
        &[
            (&meta.title).into(),
            (&meta.summary).into(),
            (&meta.readme).into(),
            category(db, &meta.category)?.into(),
            language(db, &meta.language)?.into(),
            (&meta.license).into(),
            filled(&meta.homepage),
            at.into(),
            script.id.into(),
        ],
    )?;
    for table in ["script_tags", "dependencies", "applies_to"] {
        db.execute(
            &format!("DELETE FROM {table} WHERE script_id = ?"),
            &[script.id.into()],
        )?;
    }
    lists(db, script.id, meta)?;
    search::put(db, script.id)
}

/// What is said about it, as a form has it.
#[must_use]
pub fn of(script: &Script) -> Meta {
    let need = |need: &Dependency| (need.kind.clone(), need.what.clone(), need.versions.clone());
    Meta {
        name: script.name.clone(),
        title: script.title.clone(),
        summary: script.summary.clone(),
        readme: script.readme.clone(),
        category: script.category_path.clone(),
        language: script.language.clone(),
        license: script.license.clone(),
        homepage: script.homepage.clone().unwrap_or_default(),
        tags: script
            .tags
            .iter()
            .map(|tag: &Tag| tag.name.clone())
            .collect(),
        needs: script.needs.iter().map(need).collect(),
        applies: script.applies.clone(),
    }
}

/// Raises the stamp of a script, and that of all lists: in whatever transaction changes what is seen of it, and
/// there first, since those who change the same script wait here for each other.
pub fn touch(db: &Db<'_>, id: i64) -> Result<()> {
    settings::touch(db)?;
    let sql = "UPDATE scripts SET stamp = stamp + 1 WHERE id = ?";
    db.execute(sql, &[id.into()])?;
    Ok(())
}

/// Takes all its published versions back, with a reason for all; in a transaction.
pub fn withdraw(db: &Db<'_>, by: i64, id: i64, reason: &str) -> Result<()> {
    versions::close(db, by, id, None, Status::Withdrawn, reason)
}

/// Takes it down, for reviewers and administrators; in a transaction. Its pages stay, its bodies are not shown.
pub fn remove(db: &Db<'_>, by: &Me, script: &Script, reason: &str) -> Result<()> {
    versions::close(db, by.id, script.id, None, Status::Removed, reason)?;
    let entry = Entry {
        actor: Some((by.id, &by.alias)),
        action: "remove",
        script: Some(script.id),
        subject: &script.name,
        reason,
        ..Entry::default()
    };
    super::talk::log(db, &entry)
}

/// Names the script that takes its place; empty: none.
pub fn replaced_by(db: &Db<'_>, id: i64, name: &str) -> Result<()> {
    touch(db, id)?;
    let sql = "UPDATE scripts SET replaced_by = ? WHERE id = ?";
    db.execute(sql, &[filled(name), id.into()])?;
    Ok(())
}

/// Pins it until then, with a text beside it; None takes the pin off.
pub fn pin(db: &Db<'_>, id: i64, until: Option<i64>, text: &str) -> Result<()> {
    touch(db, id)?;
    let sql = "UPDATE scripts SET pinned_until = ?, pin_text = ? WHERE id = ?";
    db.execute(sql, &[until.into(), filled(text), id.into()])?;
    Ok(())
}

/// From when on it may be out of date.
pub fn expires(db: &Db<'_>, id: i64, at: Option<i64>) -> Result<()> {
    touch(db, id)?;
    db.execute(
        "UPDATE scripts SET expires_at = ? WHERE id = ?",
        &[at.into(), id.into()],
    )?;
    Ok(())
}

/// Asks somebody to maintain it too.
pub fn invite(db: &Db<'_>, id: i64, account: i64, by: i64) -> Result<()> {
    upsert::invitation(db, id, account, by)
}

/// Says yes to an invitation; whether there was one.
pub fn accept(db: &Db<'_>, id: i64, account: i64) -> Result<bool> {
    touch(db, id)?;
    let sql = "UPDATE maintainers SET accepted_at = ? WHERE script_id = ? AND account_id = ? AND accepted_at IS NULL";
    Ok(db.execute(sql, &[now().into(), id.into(), account.into()])? == 1)
}

/// Takes somebody out of its maintainers, or an invitation back.
pub fn leave(db: &Db<'_>, id: i64, account: i64) -> Result<()> {
    touch(db, id)?;
    let sql = "DELETE FROM maintainers WHERE script_id = ? AND account_id = ?";
    db.execute(sql, &[id.into(), account.into()])?;
    Ok(())
}

/// Gives it to one of its maintainers; the former owner stays a maintainer. False if that account is none.
pub fn hand_over(db: &Db<'_>, script: &Script, to: i64) -> Result<bool> {
    touch(db, script.id)?;
    let sql = "DELETE FROM maintainers WHERE script_id = ? AND account_id = ? AND accepted_at IS NOT NULL";
    if db.execute(sql, &[script.id.into(), to.into()])? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE scripts SET owner_id = ?, owner_name = (SELECT name FROM accounts WHERE id = ?) \
               WHERE id = ? AND owner_id = ?";
    let values = [
        to.into(),
        to.into(),
        script.id.into(),
        script.owner_id.into(),
    ];
    if db.execute(sql, &values)? == 0 {
        // Somebody else has it by now.
        return Err(Error::conflict(""));
    }
    if let Some(former) = script.owner_id {
        upsert::invitation(db, script.id, former, to)?;
        accept(db, script.id, former)?;
    }
    search::put(db, script.id)?;
    Ok(true)
}

/// Invitations that an account has not answered: scripts, and who asks.
pub fn invitations(db: &Db<'_>, account: i64) -> Result<Vec<(i64, String, String)>> {
    let sql = "SELECT s.id, s.name, COALESCE(a.alias, '') AS alias FROM maintainers m \
               JOIN scripts s ON s.id = m.script_id LEFT JOIN accounts a ON a.id = m.invited_by \
               WHERE m.account_id = ? AND m.accepted_at IS NULL ORDER BY m.since, s.id";
    let rows = db.query(sql, &[account.into()])?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.get("name")?, row.get("alias")?)))
        .collect()
}

/// Those who are asked and have not answered.
pub fn invited(db: &Db<'_>, id: i64) -> Result<Vec<Author>> {
    let sql = "SELECT a.id, a.alias, a.name FROM maintainers m JOIN accounts a ON a.id = m.account_id \
               WHERE m.script_id = ? AND m.accepted_at IS NULL ORDER BY m.since, a.id";
    db.query(sql, &[id.into()])?.into()
}

/// Tags, dependencies and what it applies to.
fn lists(db: &Db<'_>, id: i64, meta: &Meta) -> Result<()> {
    put_lists(db, id, &meta.tags, &meta.needs, &meta.applies)
}

/// The same, one by one.
pub(crate) fn put_lists(
    db: &Db<'_>,
    id: i64,
    tags: &[String],
    needs: &[(String, String, String)],
    applies: &[String],
) -> Result<()> {
    for name in tags {
        let slug = rules::tag_slug(name).or_status(422, "a tag without letters")?;
        let tag = upsert::tag(db, &slug, name)?;
        let sql = "INSERT INTO script_tags (script_id, tag_id) VALUES (?, ?)";
        db.execute(sql, &[id.into(), tag.into()])?;
    }
    for (kind, what, versions) in needs {
        let sql = "INSERT INTO dependencies (script_id, kind, what, target_id, versions) \
                   VALUES (?, ?, ?, (SELECT id FROM scripts WHERE name = ? AND id <> ?), ?)";
        let values = [
            id.into(),
            kind.into(),
            what.into(),
            what.into(),
            id.into(),
            versions.into(),
        ];
        db.execute(sql, &values)?;
    }
    for what in applies {
        db.execute(
            "INSERT INTO applies_to (script_id, what) VALUES (?, ?)",
            &[id.into(), what.into()],
        )?;
    }
    Ok(())
}

fn category(db: &Db<'_>, path: &str) -> Result<i64> {
    let row = db.query_one("SELECT id FROM categories WHERE path = ?", &[path.into()])?;
    row.or_status(422, "no such category")?.get("id")
}

fn language(db: &Db<'_>, slug: &str) -> Result<i64> {
    let row = db.query_one("SELECT id FROM languages WHERE slug = ?", &[slug.into()])?;
    row.or_status(422, "no such language")?.get("id")
}

/// Nothing instead of an empty text.
pub(crate) fn filled(text: &str) -> Value {
    match text {
        "" => Value::Null,
        some => some.into(),
    }
}
