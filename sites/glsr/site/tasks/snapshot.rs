//! `snapshot`: all that is public, as one archive. The same site gives the same bytes.

use std::path::Path;

use harmonious::Db;
use harmonious::prelude::*;
use harmonious::task::Progress;

use super::archive::{self, Listed, Writer};
use super::records::{CategoryRecord, LanguageRecord, ScriptRecord, VersionRecord};
use super::words::Words;
use crate::model::{Script, Status, Version};
use crate::store::{scripts, settings, snapshots, taxonomy, versions};
use crate::{rules, sign};

/// Records of one file: so many are in memory.
const TOGETHER: usize = 100;
/// How often it is tried while the site is changed; the last time the site waits.
const TRIES: usize = 3;

/// `snapshot OUT.tar.zst`.
///
/// # Errors
/// Wrong words, a file that cannot be written, more than an archive may hold.
pub fn run(req: &Request, args: &[String]) -> Result<()> {
    let words = Words::read("snapshot OUT.tar.zst", args, 1..=1, &[])?;
    let to = Path::new(words.plain[0]);
    for _ in 1..TRIES {
        // Whoever publishes something meanwhile need not wait: what was read is what there was, or it is read again.
        let before = settings::stamp(&req.db())?;
        let writer = write(&req.db(), to)?;
        if let Some((writer, count)) = writer
            && settings::stamp(&req.db())? == before
        {
            return finish(writer, to, count);
        }
    }
    let written = req.db().transaction(|tx| {
        settings::touch(&tx)?;
        write(&tx, to)
    })?;
    match written {
        Some((writer, count)) => finish(writer, to, count),
        None => Err(Error::conflict(
            "the site was changed all the time: try it later",
        )),
    }
}

fn finish(writer: Writer, to: &Path, count: usize) -> Result<()> {
    writer.finish()?;
    println!("{}: {count} files", to.display());
    Ok(())
}

/// Reads all of it twice: for the list, and for what it lists. None if that was not the same.
fn write(db: &Db<'_>, to: &Path) -> Result<Option<(Writer, usize)>> {
    let mut files: Vec<Listed> = Vec::new();
    walk(db, &mut |path, content| {
        let (bytes, sha256, signed_by) = match content {
            Content::Bytes(bytes) => (bytes.len() as u64, rules::sha256(bytes), None),
            Content::Text(version) => (
                version.bytes.unsigned_abs(),
                version.sha256.clone(),
                version.signature.as_ref().and(version.signing_key.clone()),
            ),
        };
        files.push(Listed {
            path,
            bytes,
            sha256,
            signed_by,
        });
        Ok(true)
    })?;
    let mut writer = Writer::new(to, files.clone())?;
    let mut progress = Progress::new(files.len() as u64);
    let mut listed = files.iter();
    let is_same = walk(db, &mut |path, content| {
        let text;
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::Text(version) => {
                text = versions::body(db, &version.sha256)?;
                proven(&path, version, &text)?;
                text.as_bytes()
            }
        };
        let is_listed = listed
            .next()
            .is_some_and(|one| one.path == path && one.sha256 == rules::sha256(bytes));
        if is_listed {
            writer.add(&path, bytes)?;
            progress.advance(1);
        }
        Ok(is_listed)
    })?;
    let count = files.len();
    Ok((is_same && listed.next().is_none()).then_some((writer, count)))
}

/// What would not be taken back is not given out.
fn proven(path: &str, version: &Version, text: &str) -> Result<()> {
    if rules::sha256(text.as_bytes()) != version.sha256 {
        return Err(Error::unprocessable(format!(
            "the text of {path} is not what it was: restore the database from a backup"
        )));
    }
    match (&version.signature, &version.signing_key) {
        (Some(signature), Some(key)) if sign::verify(key, signature, text.as_bytes()).is_err() => {
            Err(Error::unprocessable(format!(
                "the signature of {path} is not of its text"
            )))
        }
        _ => Ok(()),
    }
}

/// What a file has.
enum Content<'a> {
    Bytes(&'a [u8]),
    /// The text of a version: its hash is known without it.
    Text(&'a Version),
}

/// Goes through all files in their order, until somebody says false; whether nobody did.
type Each<'a> = dyn FnMut(String, Content<'_>) -> Result<bool> + 'a;

fn walk(db: &Db<'_>, each: &mut Each<'_>) -> Result<bool> {
    let mut languages = taxonomy::languages(db)?;
    languages.sort_by(|one, other| one.slug.cmp(&other.slug));
    let languages: Vec<LanguageRecord> = languages.into_iter().map(Into::into).collect();
    let mut categories = taxonomy::categories(db)?;
    categories.sort_by(|one, other| one.path.cmp(&other.path));
    let categories: Vec<CategoryRecord> = categories.into_iter().map(Into::into).collect();
    if !record(each, "languages.json".to_owned(), &languages)?
        || !record(each, "categories.json".to_owned(), &categories)?
    {
        return Ok(false);
    }
    for (at, some) in snapshots::authors(db)?.chunks(TOGETHER).enumerate() {
        let authors = some.iter().map(|(id, _)| snapshots::author(db, *id));
        let authors: Vec<_> = authors.collect::<Result<_>>()?;
        if !record(each, format!("authors/{}.json", at + 1), &authors)? {
            return Ok(false);
        }
    }
    for (id, _) in snapshots::scripts_of_all(db)? {
        if !script(db, id, each)? {
            return Ok(false);
        }
    }
    for at in 0.. {
        let news = snapshots::news(db, TOGETHER, at * TOGETHER)?;
        if news.is_empty() {
            break;
        }
        if !record(each, format!("news/{}.json", at + 1), &news)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn record(each: &mut Each<'_>, path: String, record: &impl Serialize) -> Result<bool> {
    each(path, Content::Bytes(&archive::json(record)?))
}

fn script(db: &Db<'_>, id: i64, each: &mut Each<'_>) -> Result<bool> {
    // Gone meanwhile, it was changed.
    let Some(script) = scripts::by_id(db, id)? else {
        return Ok(false);
    };
    let mut all = versions::of(db, id, false)?;
    all.reverse();
    let Some(meta) = meta(db, &script)? else {
        return Ok(false);
    };
    let folder = format!("scripts/{}", script.name);
    if !record(each, format!("{folder}/meta.json"), &meta)? {
        return Ok(false);
    }
    for version in &all {
        if !one_version(&folder, version, each)? {
            return Ok(false);
        }
    }
    let comments = snapshots::comments(db, id)?;
    for (at, some) in comments.chunks(TOGETHER).enumerate() {
        let comments = snapshots::comments_of(db, some)?;
        if !record(
            each,
            format!("{folder}/comments/{}.json", at + 1),
            &comments,
        )? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// None if nothing of it was published.
fn meta(db: &Db<'_>, script: &Script) -> Result<Option<ScriptRecord>> {
    let Some(latest) = script.latest.as_ref().and_then(|latest| latest.number) else {
        return Ok(None);
    };
    let said = scripts::of(script);
    let mut tags: Vec<_> = script.tags.iter().collect();
    tags.sort_by(|one, other| one.slug.cmp(&other.slug));
    Ok(Some(ScriptRecord {
        name: said.name,
        title: said.title,
        summary: said.summary,
        // Nobody is shown what was taken down.
        readme: match script.status {
            Status::Removed => String::new(),
            _ => said.readme,
        },
        owner: script.owner_alias.clone(),
        owner_name: script.owner_name.clone(),
        category: said.category,
        language: said.language,
        license: said.license,
        homepage: script.homepage.clone(),
        status: script.status,
        latest,
        created_at: script.created_at,
        published_at: script.published_at,
        updated_at: script.updated_at,
        expires_at: script.expires_at,
        pinned_until: script.pinned_until,
        pin_text: script.pin_text.clone(),
        replaced_by: script.replaced_by.clone(),
        tags: tags.into_iter().map(|tag| tag.name.clone()).collect(),
        needs: said.needs,
        applies: said.applies,
        maintainers: snapshots::maintainers(db, script.id)?,
    }))
}

fn one_version(folder: &str, version: &Version, each: &mut Each<'_>) -> Result<bool> {
    let number = version.number.unwrap_or_default();
    let said = VersionRecord {
        number,
        label: version.label.clone(),
        status: version.status,
        sha256: version.sha256.clone(),
        bytes: version.bytes,
        lines: version.lines,
        file_name: version.file_name.clone(),
        changelog: version.changelog.clone(),
        urgent: version.urgent,
        author: version.author_alias.clone(),
        author_name: version.author_name.clone(),
        created_at: version.created_at,
        submitted_at: version.submitted_at,
        decided_at: version.decided_at,
        reason: version.reason.clone(),
    };
    if !record(each, format!("{folder}/{number}.json"), &said)? {
        return Ok(false);
    }
    if version.status == Status::Removed {
        return Ok(true);
    }
    let path = format!("{folder}/{number}/{}", version.file_name);
    if !each(path.clone(), Content::Text(version))? {
        return Ok(false);
    }
    match (&version.signature, &version.signing_key) {
        (Some(signature), Some(_)) => each(
            format!("{path}.minisig"),
            Content::Bytes(signature.as_bytes()),
        ),
        _ => Ok(true),
    }
}
