//! Search. A published script has a row in `search_texts`, written in the transaction that publishes, edits or
//! withdraws; the index follows that table.

use harmonious::prelude::*;
use harmonious::{Db, SearchIndex, Value};

use super::{literal, number, scripts, upsert};
use crate::model::{Filter, Page, ScriptRow, Sort};

/// Pages of a search: further down nobody finds anything.
pub const PAGES_MAX: u32 = 50;

/// Hits that are put into another order than how well they fit.
const SORTED: u32 = 400;

/// Letters of what was typed that are looked at.
pub const WORDS_MAX: usize = 200;

/// What is searched, and what it weighs.
#[must_use]
pub fn index() -> SearchIndex {
    SearchIndex::new("glsr_search", "search_texts", "id")
        .column("name", 8.0)
        .column("tags", 4.0)
        .column("summary", 2.0)
        .column("code", 1.0)
}

/// Published scripts that fit the words and the filter; without words the list. A script whose name was typed
/// comes first.
pub fn find(db: &Db<'_>, filter: &Filter, size: u32) -> Result<Page<ScriptRow>> {
    let words: String = filter.q.trim().chars().take(WORDS_MAX).collect();
    if words.is_empty() {
        return scripts::list(db, filter, size);
    }
    let (sql, values) = condition(db, filter)?;
    let (limit, skip) = match filter.sort {
        Sort::Fit => (size + 1, (filter.page - 1) * size),
        // Those that fit best, and then in that order.
        _ => (SORTED, 0),
    };
    let mut hits = db.search_where(&index(), &words, &sql, &values, limit, skip)?;
    if filter.sort == Sort::Fit
        && let Some(exact) = exact(db, &words, &sql, &values)?
    {
        let known = hits.iter().position(|hit| hit.key == exact);
        let hit = known.map(|at| hits.remove(at));
        if filter.page == 1 {
            let whole = || harmonious::Hit {
                key: exact,
                rank: 0.0,
                snippet: Vec::new(),
            };
            hits.insert(0, hit.unwrap_or_else(whole));
        }
    }
    let ids: Vec<i64> = hits.iter().map(|hit| hit.key).collect();
    let mut rows = scripts::rows(db, &ids, filter.sort)?;
    if filter.sort != Sort::Fit {
        rows.drain(..rows.len().min(((filter.page - 1) * size) as usize));
        rows.truncate(size as usize + 1);
    }
    let mut page = Page::cut(rows, filter.page, size);
    page.more &= filter.page < PAGES_MAX;
    page.items = scripts::tagged(db, page.items)?;
    for row in &mut page.items {
        if let Some(hit) = hits.iter_mut().find(|hit| hit.key == row.id) {
            row.snippet = std::mem::take(&mut hit.snippet);
        }
    }
    Ok(page)
}

/// Writes what is searched of a script, if it is published; in the transaction that changes it.
pub fn put(db: &Db<'_>, script: i64) -> Result<()> {
    let sql = "SELECT 1 AS n FROM scripts WHERE id = ? AND status = 'published'";
    if number(db, sql, &[script.into()])? == 0 {
        return Ok(());
    }
    let sql = "SELECT t.slug FROM script_tags x JOIN tags t ON t.id = x.tag_id WHERE x.script_id = ? ORDER BY t.slug";
    let rows = db.query(sql, &[script.into()])?;
    let tags: Vec<String> = rows
        .iter()
        .map(|row| row.get("slug"))
        .collect::<Result<_>>()?;
    let tags = tags.join(" ");
    let list = format!(" {tags} ");
    db.execute(upsert::SEARCHED, &[tags.into(), list.into(), script.into()])?;
    Ok(())
}

/// Takes a script out of the search.
pub fn drop(db: &Db<'_>, script: i64) -> Result<()> {
    db.execute("DELETE FROM search_texts WHERE id = ?", &[script.into()])?;
    Ok(())
}

/// The filter in SQL, on `search_texts` as `t`.
fn condition(db: &Db<'_>, filter: &Filter) -> Result<(String, Vec<Value>)> {
    let mut parts: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(path) = &filter.category {
        parts.push("(t.category_path = ? OR t.category_path LIKE ? ESCAPE '!')");
        values.extend([path.into(), format!("{}/%", literal(path)).into()]);
    }
    if let Some(slug) = &filter.language {
        let sql = "SELECT id AS n FROM languages WHERE slug = ?";
        parts.push("t.language_id = ?");
        values.push(number(db, sql, &[slug.into()])?.into());
    }
    if let Some(slug) = &filter.tag {
        parts.push("t.tag_list LIKE ? ESCAPE '!'");
        values.push(format!("% {} %", literal(slug)).into());
    }
    if let Some(license) = &filter.license {
        parts.push("t.license = ?");
        values.push(license.into());
    }
    if let Some(alias) = &filter.author {
        parts.push("t.author = ?");
        values.push(alias.into());
    }
    Ok((parts.join(" AND "), values))
}

/// The script that is called exactly so, if the filter lets it through.
fn exact(db: &Db<'_>, words: &str, sql: &str, values: &[Value]) -> Result<Option<i64>> {
    let and = if sql.is_empty() { "" } else { " AND " };
    let sql = format!("SELECT t.id FROM search_texts t WHERE t.name = ?{and}{sql}");
    let mut all: Vec<Value> = vec![words.to_lowercase().into()];
    all.extend_from_slice(values);
    db.query_one(&sql, &all)?
        .map(|row| row.get("id"))
        .transpose()
}
