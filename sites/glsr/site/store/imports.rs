//! Scripts by the hundred: what imports ask and write. What a run needs again and again (keys of categories,
//! languages and tags, names of scripts) is asked once.

use std::collections::{BTreeMap, HashMap};

use harmonious::prelude::*;
use harmonious::{Db, Value};

use super::{ROWS, alike, keyed, now, places, scripts, taxonomy, upsert, versions};
use crate::model::{Finding, Language, Me, Meta, NewVersion};
use crate::rules;

/// What a run knows of the site.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Names of all scripts, of drafts too, with their [skeletons](rules::skeleton).
    names: BTreeMap<String, String>,
    /// Keys by path, by slug, by slug.
    categories: HashMap<String, i64>,
    languages: HashMap<String, i64>,
    tags: HashMap<String, i64>,
}

impl Known {
    /// Asks for all of it.
    pub fn load(db: &Db<'_>, languages: &[Language]) -> Result<Known> {
        let mut known = Known::default();
        for (_, name) in keyed(db, "SELECT id, name AS said FROM scripts WHERE id > ?")? {
            known.name(name);
        }
        known.categories = keyed(db, "SELECT id, path AS said FROM categories WHERE id > ?")?
            .into_iter()
            .map(|(id, path)| (path, id))
            .collect();
        let languages = languages.iter().map(|one| (one.slug.clone(), one.id));
        known.languages = languages.collect();
        Ok(known)
    }

    /// Whether a script has that name.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Whether there is a category of that path.
    #[must_use]
    pub fn has_category(&self, path: &str) -> bool {
        self.categories.contains_key(path)
    }

    /// Names that could be taken for this one: few of all, which [`name_findings`](crate::checks::name_findings)
    /// looks at.
    pub fn near<'k>(&'k self, name: &str) -> impl Iterator<Item = &'k str> + use<'k> {
        let length = rules::skeleton(name).len();
        self.names
            .iter()
            .filter(move |(_, skeleton)| skeleton.len().abs_diff(length) <= 1)
            .map(|(name, _)| &**name)
    }

    /// Of a site that has these scripts, and nothing else.
    #[cfg(test)]
    pub(crate) fn with_names(names: &[&str]) -> Known {
        let mut known = Known::default();
        names.iter().for_each(|name| known.name((*name).to_owned()));
        known
    }

    fn name(&mut self, name: String) {
        let skeleton = rules::skeleton(&name);
        self.names.insert(name, skeleton);
    }

    /// Makes a category below another one that is there, unless it is there itself; in a transaction.
    pub fn add_category(
        &mut self,
        db: &Db<'_>,
        parent: &str,
        slug: &str,
        name: &str,
    ) -> Result<()> {
        let path = format!("{parent}/{slug}");
        if self.has_category(&path) {
            return Ok(());
        }
        let parent = taxonomy::category(db, parent)?.or_status(422, "no such category")?;
        let id = taxonomy::add_category(db, Some(&parent), slug, name, "")?;
        self.categories.insert(path, id);
        Ok(())
    }

    fn tag(&mut self, db: &Db<'_>, slug: &str, name: &str) -> Result<i64> {
        if let Some(id) = self.tags.get(slug) {
            return Ok(*id);
        }
        let id = upsert::tag(db, slug, name)?;
        self.tags.insert(slug.to_owned(), id);
        Ok(id)
    }
}

/// What was imported from a source: the script and the hash of what was found, by path.
pub fn seen(db: &Db<'_>, source: &str) -> Result<HashMap<String, (i64, String)>> {
    let sql = "SELECT path, script_id, sha256 FROM imports WHERE source = ? AND path > ? ORDER BY path LIMIT ?";
    let mut all = HashMap::new();
    let mut last = String::new();
    loop {
        let rows = db.query(sql, &[source.into(), (&last).into(), ROWS.into()])?;
        for row in &rows {
            last = row.get("path")?;
            all.insert(last.clone(), (row.get("script_id")?, row.get("sha256")?));
        }
        if rows.len() < ROWS as usize {
            return Ok(all);
        }
    }
}

/// Which of these texts were ever published, and as what: the name of a script by hash.
pub fn published(db: &Db<'_>, hashes: &[&str]) -> Result<HashMap<String, String>> {
    if hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT v.sha256, s.name FROM versions v JOIN scripts s ON s.id = v.script_id \
         WHERE v.number IS NOT NULL AND v.sha256 IN ({}) ORDER BY v.id DESC",
        places(hashes.len())
    );
    let values: Vec<Value> = hashes.iter().map(|hash| (*hash).into()).collect();
    let rows = db.query(&sql, &values)?;
    rows.iter()
        .map(|row| Ok((row.get("sha256")?, row.get("name")?)))
        .collect()
}

/// A new script with its first version, published at once; its key. What the checks find is asked of `look`, which
/// gets the key of the script. In a transaction that raised the stamp of the site; [`link`] belongs to its end. A
/// name that is taken is an error of the kind `unique`.
pub fn take_in(
    db: &Db<'_>,
    known: &mut Known,
    by: &Me,
    meta: &Meta,
    new: &NewVersion<'_>,
    shingles: &[i64],
    look: impl FnOnce(&Known, i64) -> Result<Vec<Finding>>,
) -> Result<i64> {
    let now = now();
    let key = |keys: &HashMap<String, i64>, of: &str| {
        keys.get(of)
            .copied()
            .or_status(422, "no such category or language")
    };
    let sql = "INSERT INTO scripts (name, title, summary, readme, owner_id, owner_name, category_id, language_id, \
               license, homepage, status, created_at, published_at, updated_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'published', ?, ?, ?)";
    let values = [
        (&meta.name).into(),
        (&meta.title).into(),
        (&meta.summary).into(),
        (&meta.readme).into(),
        by.id.into(),
        (&by.name).into(),
        key(&known.categories, &meta.category)?.into(),
        key(&known.languages, &meta.language)?.into(),
        (&meta.license).into(),
        scripts::filled(&meta.homepage),
        now.into(),
        now.into(),
        now.into(),
    ];
    let id = db.insert(sql, &values)?;
    let tags = lists(db, known, id, meta)?;
    let version = version(db, by, id, new)?;
    let sql = "UPDATE scripts SET latest_id = ? WHERE id = ?";
    db.execute(sql, &[version.into(), id.into()])?;
    versions::add_findings(db, version, &look(known, id)?)?;
    alike::add(db, version, shingles)?;
    let list = format!(" {tags} ");
    db.execute(upsert::SEARCHED, &[tags.into(), list.into(), id.into()])?;
    known.name(meta.name.clone());
    Ok(id)
}

/// Dependencies on scripts that came after them lead there; once, in the transaction that took them in.
pub fn link(db: &Db<'_>) -> Result<()> {
    let target = "SELECT s.id FROM scripts s WHERE s.name = dependencies.what AND s.id <> dependencies.script_id";
    let sql = format!(
        "UPDATE dependencies SET target_id = ({target}) WHERE target_id IS NULL AND EXISTS ({target})"
    );
    db.execute(&sql, &[]).map(drop)
}

/// The first version, published.
fn version(db: &Db<'_>, by: &Me, script: i64, new: &NewVersion<'_>) -> Result<i64> {
    let sha256 = rules::sha256(new.text.as_bytes());
    upsert::body(db, &sha256, new.text)?;
    let sql = "INSERT INTO versions (script_id, number, label, status, sha256, file_name, changelog, urgent, author_id, \
               author_name, source, created_at, submitted_at, decided_at) \
               VALUES (?, 1, ?, 'published', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let now = now();
    let values = [
        script.into(),
        new.label.into(),
        sha256.into(),
        new.file_name.into(),
        new.changelog.into(),
        new.urgent.into(),
        by.id.into(),
        (&by.name).into(),
        new.source.into(),
        now.into(),
        now.into(),
        now.into(),
    ];
    db.insert(sql, &values)
}

/// Tags, dependencies and what it applies to; the slugs of the tags, in order.
fn lists(db: &Db<'_>, known: &mut Known, id: i64, meta: &Meta) -> Result<String> {
    let mut slugs = Vec::new();
    for name in &meta.tags {
        let slug = rules::tag_slug(name).or_status(422, "a tag without letters")?;
        let tag = known.tag(db, &slug, name)?;
        let sql = "INSERT INTO script_tags (script_id, tag_id) VALUES (?, ?)";
        db.execute(sql, &[id.into(), tag.into()])?;
        slugs.push(slug);
    }
    for (kind, what, versions) in &meta.needs {
        let sql = "INSERT INTO dependencies (script_id, kind, what, versions) VALUES (?, ?, ?, ?)";
        let values = [id.into(), kind.into(), what.into(), versions.into()];
        db.execute(sql, &values)?;
    }
    for what in &meta.applies {
        let sql = "INSERT INTO applies_to (script_id, what) VALUES (?, ?)";
        db.execute(sql, &[id.into(), what.into()])?;
    }
    slugs.sort_unstable();
    Ok(slugs.join(" "))
}
