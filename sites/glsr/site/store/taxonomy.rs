//! Categories, languages, tags.

use std::collections::HashMap;

use harmonious::Db;
use harmonious::prelude::*;

use super::{number, settings};
use crate::header;
use crate::model::{Category, Language, Tag};

/// All categories in the order of the tree, each with the number of published scripts in it and below.
pub fn categories(db: &Db<'_>) -> Result<Vec<Category>> {
    let sql = "SELECT c.id, c.parent_id, c.slug, c.path, c.name, c.descr, c.position, COUNT(s.id) AS n \
               FROM categories c LEFT JOIN scripts s ON s.category_id = c.id AND s.status = 'published' \
               GROUP BY c.id, c.parent_id, c.slug, c.path, c.name, c.descr, c.position ORDER BY c.position, c.path";
    Ok(tree(db.query(sql, &[])?.into()?))
}

/// In the order of the tree, with depths, and with counts of what is below.
fn tree(all: Vec<Category>) -> Vec<Category> {
    let mut below: HashMap<Option<i64>, Vec<Category>> = HashMap::new();
    for category in all {
        below.entry(category.parent_id).or_default().push(category);
    }
    let mut ordered = Vec::new();
    hang(None, 0, &mut below, &mut ordered);
    ordered
}

fn hang(
    parent: Option<i64>,
    depth: i64,
    below: &mut HashMap<Option<i64>, Vec<Category>>,
    ordered: &mut Vec<Category>,
) -> i64 {
    let mut sum = 0;
    for mut category in below.remove(&parent).unwrap_or_default() {
        category.depth = depth;
        let (id, at) = (category.id, ordered.len());
        ordered.push(category);
        let n = hang(Some(id), depth + 1, below, ordered);
        ordered[at].n += n;
        sum += ordered[at].n;
    }
    sum
}

/// By path.
pub fn category(db: &Db<'_>, path: &str) -> Result<Option<Category>> {
    if !super::can_be(path) {
        return Ok(None);
    }
    let sql =
        "SELECT id, parent_id, slug, path, name, descr, position FROM categories WHERE path = ?";
    let row = db.query_one(sql, &[path.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// Adds one below a parent, or at the root. A path that is taken is an error of the kind `unique`.
pub fn add_category(
    db: &Db<'_>,
    parent: Option<&Category>,
    slug: &str,
    name: &str,
    descr: &str,
) -> Result<i64> {
    settings::touch(db)?;
    let path = match parent {
        Some(parent) => format!("{}/{slug}", parent.path),
        None => slug.to_owned(),
    };
    let siblings = match parent {
        Some(parent) => number(
            db,
            "SELECT COUNT(*) AS n FROM categories WHERE parent_id = ?",
            &[parent.id.into()],
        )?,
        None => number(
            db,
            "SELECT COUNT(*) AS n FROM categories WHERE parent_id IS NULL",
            &[],
        )?,
    };
    let sql = "INSERT INTO categories (parent_id, slug, path, name, descr, position) VALUES (?, ?, ?, ?, ?, ?)";
    let parent = parent.map(|parent| parent.id);
    db.insert(
        sql,
        &[
            parent.into(),
            slug.into(),
            path.into(),
            name.into(),
            descr.into(),
            siblings.into(),
        ],
    )
}

/// Changes what a category is called and where it stands among those beside it; its path stays.
pub fn describe_category(
    db: &Db<'_>,
    id: i64,
    name: &str,
    descr: &str,
    position: i64,
) -> Result<()> {
    settings::touch(db)?;
    let sql = "UPDATE categories SET name = ?, descr = ?, position = ? WHERE id = ?";
    db.execute(
        sql,
        &[name.into(), descr.into(), position.into(), id.into()],
    )?;
    // Pages of its scripts name it.
    let sql = "UPDATE scripts SET stamp = stamp + 1 WHERE category_id = ?";
    db.execute(sql, &[id.into()])?;
    Ok(())
}

/// Takes an empty one away; one with scripts or categories in it is an error of the kind `foreign-key`.
pub fn drop_category(db: &Db<'_>, id: i64) -> Result<()> {
    settings::touch(db)?;
    db.execute("DELETE FROM categories WHERE id = ?", &[id.into()])?;
    Ok(())
}

/// All languages by name, each with the number of published scripts.
pub fn languages(db: &Db<'_>) -> Result<Vec<Language>> {
    let sql = "SELECT l.id, l.slug, l.name, l.extensions, l.shebangs, l.highlight, l.checker, l.outline, \
               COUNT(s.id) AS n FROM languages l \
               LEFT JOIN scripts s ON s.language_id = l.id AND s.status = 'published' \
               GROUP BY l.id, l.slug, l.name, l.extensions, l.shebangs, l.highlight, l.checker, l.outline \
               ORDER BY LOWER(l.name), l.id";
    db.query(sql, &[])?.into()
}

/// By slug.
pub fn language(db: &Db<'_>, slug: &str) -> Result<Option<Language>> {
    if !super::can_be(slug) {
        return Ok(None);
    }
    let sql = "SELECT id, slug, name, extensions, shebangs, highlight, checker, outline FROM languages WHERE slug = ?";
    let row = db.query_one(sql, &[slug.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// The language of a file: by its first line, else by its name.
#[must_use]
pub fn guess<'l>(languages: &'l [Language], file_name: &str, text: &str) -> Option<&'l Language> {
    let known = languages
        .iter()
        .map(|one| (&*one.slug, &*one.extensions, &*one.shebangs));
    let slug = header::language(file_name, text, known)?;
    languages.iter().find(|one| one.slug == slug)
}

/// Adds or changes a language, by its slug; in a transaction.
pub fn set_language(db: &Db<'_>, language: &Language) -> Result<()> {
    settings::touch(db)?;
    let values = [
        (&language.name).into(),
        (&language.extensions).into(),
        (&language.shebangs).into(),
        (&language.highlight).into(),
        (&language.checker).into(),
        (&language.outline).into(),
        (&language.slug).into(),
    ];
    let sql = "UPDATE languages SET name = ?, extensions = ?, shebangs = ?, highlight = ?, checker = ?, outline = ? \
               WHERE slug = ?";
    if db.execute(sql, &values)? == 0 {
        let sql = "INSERT INTO languages (name, extensions, shebangs, highlight, checker, outline, slug) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        db.insert(sql, &values)?;
    }
    // Pages of its scripts are coloured and outlined by it.
    let sql = "UPDATE scripts SET stamp = stamp + 1 \
               WHERE language_id = (SELECT id FROM languages WHERE slug = ?)";
    db.execute(sql, &[(&language.slug).into()])?;
    Ok(())
}

/// Takes one away that no script is in; else that is an error of the kind `foreign-key`.
pub fn drop_language(db: &Db<'_>, id: i64) -> Result<()> {
    settings::touch(db)?;
    db.execute("DELETE FROM languages WHERE id = ?", &[id.into()])?;
    Ok(())
}

/// Tags of published scripts with their numbers, by slug.
pub fn tags_with_counts(db: &Db<'_>) -> Result<Vec<Tag>> {
    let sql = "SELECT t.slug, t.name, COUNT(*) AS n FROM tags t JOIN script_tags x ON x.tag_id = t.id \
               JOIN scripts s ON s.id = x.script_id AND s.status = 'published' GROUP BY t.slug, t.name ORDER BY t.slug";
    db.query(sql, &[])?.into()
}

/// One of them, if a published script has it.
pub fn tag(db: &Db<'_>, slug: &str) -> Result<Option<Tag>> {
    if !super::can_be(slug) {
        return Ok(None);
    }
    let sql = "SELECT t.slug, t.name, COUNT(*) AS n FROM tags t JOIN script_tags x ON x.tag_id = t.id \
               JOIN scripts s ON s.id = x.script_id AND s.status = 'published' WHERE t.slug = ? GROUP BY t.slug, t.name";
    db.query_one(sql, &[slug.into()])?
        .map(harmonious::Row::into)
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(id: i64, parent_id: Option<i64>, path: &str, n: i64) -> Category {
        Category {
            id,
            parent_id,
            path: path.to_owned(),
            n,
            ..Category::default()
        }
    }

    #[test]
    fn a_tree_is_in_order_and_counts_what_is_below() {
        let all = vec![
            category(1, None, "b", 1),
            category(2, None, "a", 0),
            category(3, Some(1), "b/c", 4),
        ];
        let tree = tree(all);
        let seen: Vec<_> = tree
            .iter()
            .map(|one| (one.path.as_str(), one.depth, one.n))
            .collect();
        assert_eq!(seen, [("b", 0, 5), ("b/c", 1, 4), ("a", 0, 0)]);
    }
}
