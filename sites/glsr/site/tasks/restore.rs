//! `restore`: a new site becomes the one that a snapshot was taken of. The archive is read twice: once to see that all
//! of it is as it should be, once to put it into the tables, in one transaction.

use std::collections::HashMap;
use std::path::Path;

use harmonious::Db;
use harmonious::prelude::*;
use harmonious::task::Progress;
use serde::de::DeserializeOwned;

use super::archive::{self, Listed};
use super::records::{
    AuthorRecord, CategoryRecord, CommentRecord, LanguageRecord, NewsRecord, ScriptRecord,
    VersionRecord,
};
use super::words::Words;
use crate::model::{Meta, Source, Status};
use crate::rules::{self, Limits};
use crate::start::SITE_ALIAS;
use crate::store::{imports, snapshots};
use crate::{flow, sign};

/// `restore IN.tar.zst`.
///
/// # Errors
/// Wrong words; a site that is not new; an archive of which anything is not as it should be: then nothing was changed.
pub fn run(req: &Request, args: &[String]) -> Result<()> {
    let words = Words::read("restore IN.tar.zst", args, 1..=1, &[])?;
    let from = Path::new(words.plain[0]);
    is_new(&req.db())?;
    let max = req
        .config::<Option<usize>>("script-bytes-max")?
        .unwrap_or(flow::SCRIPT_BYTES_MAX);
    let mut checked = Restore::new(None, max);
    archive::read(from, |file, bytes| checked.take(file, bytes))?;
    checked.end_script()?;
    let mut progress = Progress::new(checked.files);
    let scripts = checked.scripts;
    req.db().transaction(|tx| {
        is_new(&tx)?;
        snapshots::clear(&tx, SITE_ALIAS)?;
        let mut restore = Restore::new(Some(tx), max);
        archive::read(from, |file, bytes| {
            restore.take(file, bytes)?;
            progress.advance(1);
            Ok(())
        })?;
        restore.end_script()?;
        imports::link(&tx)
    })?;
    println!(
        "{scripts} scripts are there. No account of a snapshot has a password: \"admin reset ALIAS\" gives one."
    );
    Ok(())
}

/// A site that somebody uses is not overwritten.
fn is_new(db: &Db<'_>) -> Result<()> {
    match snapshots::used(db)? {
        None => Ok(()),
        Some(what) => Err(Error::conflict(format!(
            "{what} is here already: restore into a new site, which has nothing but its seeds"
        ))),
    }
}

/// What was read so far. Without a database it is looked at alone; keys are 0 then.
struct Restore<'r> {
    db: Option<Db<'r>>,
    bytes_max: usize,
    files: u64,
    scripts: u64,
    languages: HashMap<String, i64>,
    categories: HashMap<String, i64>,
    authors: HashMap<String, i64>,
    script: Option<Open>,
}

/// The script that is being read.
struct Open {
    record: ScriptRecord,
    id: i64,
    /// By number.
    versions: HashMap<i64, i64>,
    /// Of which the text is next.
    awaited: Option<VersionRecord>,
    /// Of which a signature may be next: path and text, and the key.
    signable: Option<(String, String, Option<String>, i64)>,
}

impl<'r> Restore<'r> {
    fn new(db: Option<Db<'r>>, bytes_max: usize) -> Restore<'r> {
        Restore {
            db,
            bytes_max,
            files: 0,
            scripts: 0,
            languages: HashMap::new(),
            categories: HashMap::new(),
            authors: HashMap::new(),
            script: None,
        }
    }

    /// Takes the next file.
    fn take(&mut self, file: &Listed, bytes: Vec<u8>) -> Result<()> {
        self.files += 1;
        let parts: Vec<&str> = file.path.split('/').collect();
        let taken = match parts.as_slice() {
            ["languages.json"] => self.all(&bytes, Self::language),
            ["categories.json"] => self.all(&bytes, Self::category),
            ["authors", _] => self.all(&bytes, Self::author),
            ["news", _] => {
                self.end_script()?;
                self.all(&bytes, Self::news)
            }
            ["scripts", name, "meta.json"] => {
                self.end_script()?;
                read(&bytes).and_then(|record| self.script(name, record))
            }
            ["scripts", name, "comments", _] => {
                self.of(name)?;
                self.all(&bytes, Self::comment)
            }
            ["scripts", name, version] => {
                self.of(name)?;
                read(&bytes).and_then(|record| self.version(version, record))
            }
            ["scripts", name, number, _] => {
                self.of(name)?;
                self.text(file, number, bytes)
            }
            _ => Err(wrong("no file of this name belongs into a snapshot")),
        };
        taken.map_err(|error| match error.status() {
            // What is wrong with the archive says where.
            422 => Error::unprocessable(format!("{}: {}", file.path, error.title())),
            _ => error,
        })
    }

    /// Each record of a file.
    fn all<T: DeserializeOwned>(
        &mut self,
        bytes: &[u8],
        each: impl Fn(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        let records: Vec<T> = read(bytes)?;
        records
            .into_iter()
            .try_for_each(|record| each(self, record))
    }

    fn language(&mut self, one: LanguageRecord) -> Result<()> {
        let id = match &self.db {
            Some(db) => snapshots::put_language(db, &one)?,
            None => 0,
        };
        match self.languages.insert(one.slug.clone(), id) {
            None => Ok(()),
            Some(_) => Err(wrong(&format!("the language {} stands twice", one.slug))),
        }
    }

    fn category(&mut self, one: CategoryRecord) -> Result<()> {
        let (parent, slug) = match one.path.rsplit_once('/') {
            Some((parent, slug)) => (Some(key(&self.categories, "category", parent)?), slug),
            None => (None, one.path.as_str()),
        };
        let id = match &self.db {
            Some(db) => snapshots::put_category(db, parent, slug, &one)?,
            None => 0,
        };
        match self.categories.insert(one.path.clone(), id) {
            None => Ok(()),
            Some(_) => Err(wrong(&format!("the category {} stands twice", one.path))),
        }
    }

    fn author(&mut self, one: AuthorRecord) -> Result<()> {
        if let Err(refused) = rules::alias(&one.alias)
            && refused.key != "alias_reserved"
        {
            return Err(wrong(&format!("{:?} is no alias", one.alias)));
        }
        let mut key_ids = Vec::new();
        for key in &one.keys {
            let id = sign::key_id(&key.public_key);
            key_ids.push(id.map_err(|_| wrong(&format!("a key of {} is none", one.alias)))?);
        }
        let id = match &self.db {
            Some(db) => match snapshots::place_of(db, &one.alias)? {
                Ok(there) => snapshots::put_author(db, there, &one, &key_ids)?,
                Err(()) => {
                    return Err(Error::conflict(format!(
                        "the account {} is here already, and is not an administrator's: restore into a new site",
                        one.alias
                    )));
                }
            },
            None => 0,
        };
        match self.authors.insert(one.alias.clone(), id) {
            None => Ok(()),
            Some(_) => Err(wrong(&format!("the account {} stands twice", one.alias))),
        }
    }

    fn news(&mut self, one: NewsRecord) -> Result<()> {
        let author = self.account(one.author.as_deref())?;
        match &self.db {
            Some(db) => snapshots::put_news(db, &one, author),
            None => Ok(()),
        }
    }

    fn script(&mut self, name: &str, one: ScriptRecord) -> Result<()> {
        if name != one.name {
            return Err(wrong(&format!(
                "it is about another script, {:?}",
                one.name
            )));
        }
        judge(&one)?;
        let category = key(&self.categories, "category", &one.category)?;
        let language = key(&self.languages, "language", &one.language)?;
        let owner = self.account(one.owner.as_deref())?;
        let maintainers = one
            .maintainers
            .iter()
            .map(|record| key(&self.authors, "account", &record.alias))
            .collect::<Result<Vec<i64>>>()?;
        let id = match &self.db {
            Some(db) => snapshots::put_script(db, &one, [category, language], owner, &maintainers)?,
            None => 0,
        };
        self.scripts += 1;
        self.script = Some(Open {
            record: one,
            id,
            versions: HashMap::new(),
            awaited: None,
            signable: None,
        });
        Ok(())
    }

    fn version(&mut self, file: &str, one: VersionRecord) -> Result<()> {
        if file != format!("{}.json", one.number) || one.number < 1 {
            return Err(wrong(&format!(
                "it is about another version, {}",
                one.number
            )));
        }
        if !matches!(
            one.status,
            Status::Published | Status::Withdrawn | Status::Removed
        ) {
            return Err(wrong("its version is not published"));
        }
        let is_hash = one.sha256.len() == 64
            && one
                .sha256
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_hash || flow::file_name(&one.file_name, "") != one.file_name {
            return Err(wrong("its sha256 or its file_name is none"));
        }
        let open = self
            .script
            .as_mut()
            .or_status(422, "it belongs to no script")?;
        if open.versions.contains_key(&one.number) {
            return Err(wrong("it stands twice"));
        }
        open.complete()?;
        open.signable = None;
        if one.status == Status::Removed {
            return self.put_version(&one, None).map(drop);
        }
        open.awaited = Some(one);
        Ok(())
    }

    /// The text of a version, or the signature of the one before.
    fn text(&mut self, file: &Listed, number: &str, bytes: Vec<u8>) -> Result<()> {
        let open = self
            .script
            .as_mut()
            .or_status(422, "it belongs to no script")?;
        let Some(record) = open.awaited.take() else {
            return self.signature(file, &bytes);
        };
        let path = format!("scripts/{}/{number}/{}", open.record.name, record.file_name);
        if number != record.number.to_string() || path != file.path {
            return Err(wrong("it is not the text of the version before it"));
        }
        let source = Source {
            bytes,
            ..Source::default()
        };
        let taken = rules::source(source, self.bytes_max);
        let (text, _) = taken.map_err(|refused| {
            wrong(&format!(
                "its text breaks a rule of the site ({}, {})",
                refused.key, refused.n
            ))
        })?;
        if file.sha256 != record.sha256 {
            return Err(wrong("its SHA-256 is not that of its version"));
        }
        let id = self.put_version(&record, Some(&text))?;
        if let Some(open) = &mut self.script {
            open.signable = Some((path, text, file.signed_by.clone(), id));
        }
        Ok(())
    }

    fn signature(&mut self, file: &Listed, bytes: &[u8]) -> Result<()> {
        let signable = self.script.as_mut().and_then(|open| open.signable.take());
        let Some((path, text, Some(key), id)) = signable else {
            return Err(wrong("it belongs to no version"));
        };
        if file.path != format!("{path}.minisig") {
            return Err(wrong("it belongs to no version"));
        }
        let signature = str::from_utf8(bytes)
            .ok()
            .or_status(422, "it is no signature")?;
        sign::verify(&key, signature, text.as_bytes())
            .map_err(|refused| wrong(&format!("the signature is not good ({})", refused.key)))?;
        match &self.db {
            Some(db) => snapshots::put_signature(db, id, signature, &key),
            None => Ok(()),
        }
    }

    fn put_version(&mut self, one: &VersionRecord, text: Option<&str>) -> Result<i64> {
        let author = self.account(one.author.as_deref())?;
        let open = self
            .script
            .as_mut()
            .or_status(422, "it belongs to no script")?;
        let id = match &self.db {
            Some(db) => snapshots::put_version(db, open.id, one, author, text)?,
            None => 0,
        };
        open.versions.insert(one.number, id);
        Ok(id)
    }

    fn comment(&mut self, one: CommentRecord) -> Result<()> {
        let author = self.account(one.author.as_deref())?;
        let open = self
            .script
            .as_ref()
            .or_status(422, "it belongs to no script")?;
        let version = match one.number {
            Some(number) => match open.versions.get(&number) {
                Some(id) => Some(*id),
                None => return Err(wrong(&format!("there is no version {number}"))),
            },
            None => None,
        };
        match &self.db {
            Some(db) => snapshots::put_comment(db, open.id, &one, version, author),
            None => Ok(()),
        }
    }

    /// What follows is of another script.
    fn end_script(&mut self) -> Result<()> {
        let Some(open) = self.script.take() else {
            return Ok(());
        };
        open.complete()?;
        let latest = open.versions.get(&open.record.latest);
        let latest = latest.copied().ok_or_else(|| {
            let (name, number) = (&open.record.name, open.record.latest);
            wrong(&format!("scripts/{name}: there is no version {number}"))
        })?;
        match &self.db {
            Some(db) => snapshots::close_script(db, open.id, latest),
            None => Ok(()),
        }
    }

    /// Whether the script that is being read is that one.
    fn of(&self, name: &str) -> Result<()> {
        match &self.script {
            Some(open) if open.record.name == name => Ok(()),
            _ => Err(wrong(&format!(
                "scripts/{name}: its meta.json has to come first"
            ))),
        }
    }

    fn account(&self, alias: Option<&str>) -> Result<Option<i64>> {
        alias
            .map(|alias| key(&self.authors, "account", alias))
            .transpose()
    }
}

impl Open {
    /// Whether nothing of a version is missing.
    fn complete(&self) -> Result<()> {
        let (name, missing) = (&self.record.name, "is missing");
        if let Some(version) = &self.awaited {
            let number = version.number;
            return Err(wrong(&format!(
                "scripts/{name}: the text of version {number} {missing}"
            )));
        }
        match &self.signable {
            Some((path, _, Some(_), _)) => {
                Err(wrong(&format!("the signature of {path} {missing}")))
            }
            _ => Ok(()),
        }
    }
}

/// What is said about a script keeps the rules of the site; an import may have no licence.
fn judge(one: &ScriptRecord) -> Result<()> {
    if !matches!(
        one.status,
        Status::Published | Status::Withdrawn | Status::Removed
    ) {
        return Err(wrong("it is not published"));
    }
    let meta = Meta {
        name: one.name.clone(),
        title: one.title.clone(),
        summary: one.summary.clone(),
        readme: one.readme.clone(),
        category: one.category.clone(),
        language: one.language.clone(),
        license: one.license.clone(),
        homepage: one.homepage.clone().unwrap_or_default(),
        tags: one.tags.clone(),
        needs: one.needs.clone(),
        applies: one.applies.clone(),
    };
    let broken = rules::meta(&meta, &Limits::default())
        .into_iter()
        .find(|broken| broken.field != "license" || one.license != rules::NO_LICENSE);
    match broken {
        None => Ok(()),
        Some(broken) => Err(wrong(&format!(
            "its {} breaks a rule of the site ({}, {})",
            broken.field, broken.key, broken.n
        ))),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))
}

fn key(keys: &HashMap<String, i64>, what: &str, of: &str) -> Result<i64> {
    keys.get(of)
        .copied()
        .ok_or_else(|| wrong(&format!("there is no {what} {of:?} in the snapshot")))
}

fn wrong(why: &str) -> Error {
    Error::unprocessable(why)
}
