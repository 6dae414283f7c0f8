//! `import`: the scripts of a folder become scripts of the site.
//!
//! One run knows what it has read, so that 2,000 files do not ask the database 2,000 times.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use harmonious::Db;
use harmonious::prelude::*;
use harmonious::task::Progress;

use super::guess::{self, CATEGORY_BELOW};
use super::report::{Fate, Report};
use super::walk::{self, Found};
use super::words::Words;
use crate::checks::{self, Given};
use crate::header::{self, Header};
use crate::model::{Finding, Language, Me, Meta, NewVersion, Source, Status};
use crate::rules::{self, Kind};
use crate::start::SITE_ALIAS;
use crate::store::imports::{self, Known};
use crate::store::{accounts, alike, scripts, settings, taxonomy};
use crate::{checking, flow};

/// Files that are taken in together or not at all.
const TOGETHER: usize = 200;
/// How often that is tried when somebody else takes a name meanwhile.
const TRIES: usize = 3;
/// Characters as in `migrations/`.
const SOURCE_CHARS_MAX: usize = 200;
const PATH_CHARS_MAX: usize = 300;

/// The flags that `import` and `import-git` share.
pub(super) const FLAGS: [&str; 3] = ["--owner", "--report", "--category"];

/// `import DIR [--owner ALIAS] [--report FILE] [--category PATH]`.
///
/// # Errors
/// Wrong words, a folder that cannot be read; what went wrong with a file is in the report instead.
pub fn run(req: &Request, args: &[String]) -> Result<()> {
    let usage = "import DIR [--owner ALIAS] [--report FILE] [--category PATH]";
    let words = Words::read(usage, args, 1..=1, &FLAGS)?;
    let folder = Path::new(words.plain[0]);
    let whole = folder.canonicalize().map_err(|error| {
        Error::unprocessable(format!("{} cannot be read: {error}", folder.display()))
    })?;
    if !whole.is_dir() {
        let folder = folder.display();
        return Err(Error::unprocessable(format!("{folder} is no folder")));
    }
    folder_of(req, &whole, &whole.to_string_lossy(), &words)
}

/// Imports the files of a folder as those of a source.
pub(super) fn folder_of(
    req: &Request,
    folder: &Path,
    source: &str,
    words: &Words<'_>,
) -> Result<()> {
    let mut import = Import::new(req, folder, source, words)?;
    let mut report = Report::new(words.flag("--report"))?;
    let files = walk::files(folder)?;
    let mut progress = Progress::new(files.len() as u64);
    for some in files.chunks(TOGETHER) {
        report.add(&import.take(some)?)?;
        progress.advance(some.len() as u64);
    }
    print!("{report}");
    Ok(())
}

/// A run.
struct Import<'r> {
    req: &'r Request,
    folder: &'r Path,
    /// As the table `imports` has it.
    source: String,
    owner: Me,
    category: Option<&'r str>,
    bytes_max: usize,
    languages: Vec<Language>,
    seen: HashMap<String, (i64, String)>,
    known: Known,
    made: usize,
}

/// A file that is a script.
struct Script<'f> {
    path: &'f str,
    text: String,
    sha256: String,
    language: usize,
    /// The script that was imported from there before.
    before: Option<i64>,
}

impl<'r> Import<'r> {
    fn new(
        req: &'r Request,
        folder: &'r Path,
        source: &str,
        words: &Words<'r>,
    ) -> Result<Import<'r>> {
        let db = req.db();
        let alias = words.flag("--owner").unwrap_or(SITE_ALIAS);
        let owner = match accounts::by_alias(&db, alias)? {
            Some(account) => accounts::me(&db, account.id)?,
            None => None,
        };
        let no_owner = || {
            Error::unprocessable(format!(
                "no account {alias:?} that is active: --owner names another"
            ))
        };
        let languages = taxonomy::languages(&db)?;
        let known = Known::load(&db, &languages)?;
        let category = words.flag("--category").map(|path| path.trim_matches('/'));
        if let Some(path) = category.filter(|path| !known.has_category(path)) {
            return Err(Error::unprocessable(format!(
                "no category {path:?}: make it under /editor/categories, or leave --category out"
            )));
        }
        if category.is_none() && !known.has_category(CATEGORY_BELOW) {
            return Err(Error::unprocessable(format!(
                "no category {CATEGORY_BELOW:?} for what the folders name: --category names one"
            )));
        }
        let source = match source.chars().count() > SOURCE_CHARS_MAX {
            true => format!("sha256:{}", rules::sha256(source.as_bytes())),
            false => source.to_owned(),
        };
        let max = req.config::<Option<usize>>("script-bytes-max")?;
        Ok(Import {
            req,
            folder,
            seen: imports::seen(&db, &source)?,
            source,
            owner: owner.ok_or_else(no_owner)?,
            category,
            bytes_max: max.unwrap_or(flow::SCRIPT_BYTES_MAX),
            languages,
            known,
            made: 0,
        })
    }

    /// Takes some files in, all or none; what became of each, in their order.
    fn take<'f>(&mut self, files: &'f [Found]) -> Result<Vec<(&'f str, Fate)>> {
        let mut fates: Vec<(&str, Fate)> = Vec::new();
        let mut read: Vec<(usize, Script<'_>)> = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let fate = match self.look(file) {
                Ok(script) => {
                    read.push((at, script));
                    Fate::Unchanged // until it is decided below
                }
                Err(fate) => fate,
            };
            fates.push((&file.path, fate));
        }
        if read.is_empty() {
            return Ok(fates);
        }
        for tried in 1.. {
            match self.write(&read) {
                Ok(all) => {
                    for ((at, _), fate) in read.iter().zip(all) {
                        fates[*at].1 = fate;
                    }
                    break;
                }
                // Somebody took a name meanwhile; what was made is undone, and known again as it is.
                Err(error) if error.kind() == "unique" && tried < TRIES => {
                    self.known = Known::load(&self.req.db(), &self.languages)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(fates)
    }

    /// Reads a file; or what it is if it is none to take in.
    fn look<'f>(&self, file: &'f Found) -> std::result::Result<Script<'f>, Fate> {
        let skip = |why| Err(Fate::Skipped(why, String::new()));
        if let Some(why) = file.skipped {
            return skip(why);
        }
        if file.path.chars().count() > PATH_CHARS_MAX {
            return skip("its path is too long");
        }
        let bytes = match self.bytes(&file.path) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Fate::Skipped("it cannot be read", format!(": {error}"))),
        };
        if bytes.len() > self.bytes_max {
            return skip("too large");
        }
        let sha256 = rules::sha256(&bytes);
        let before = self.seen.get(&file.path);
        if before.is_some_and(|(_, known)| *known == sha256) {
            return Err(Fate::Unchanged);
        }
        let source = Source {
            bytes,
            ..Source::default()
        };
        let text = match rules::source(source, self.bytes_max) {
            Ok((text, _)) => text,
            Err(wrong) => return skip(refusal(wrong.key)),
        };
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let language = taxonomy::guess(&self.languages, name, &text)
            .and_then(|found| self.languages.iter().position(|one| one.id == found.id));
        match language {
            Some(language) => Ok(Script {
                path: &file.path,
                text,
                sha256,
                language,
                before: before.map(|(script, _)| *script),
            }),
            None => skip("no language that the site knows"),
        }
    }

    /// One byte more than a script may have tells that it has too many.
    fn bytes(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.folder.join(path))?;
        file.take(self.bytes_max as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// In one transaction: what becomes of each.
    fn write(&mut self, read: &[(usize, Script<'_>)]) -> Result<Vec<Fate>> {
        let req = self.req;
        // Undone, it is not what the site has: whoever tries again loads it again.
        let (mut known, mut made) = (std::mem::take(&mut self.known), self.made);
        let fates = req.db().transaction(|tx| {
            settings::touch(&tx)?;
            let hashes: Vec<&str> = read.iter().map(|(_, one)| &*one.sha256).collect();
            let there = imports::published(&tx, &hashes)?;
            let mut new: HashSet<&str> = HashSet::new();
            let mut fates = Vec::new();
            for (_, script) in read {
                let fate = match script.before {
                    Some(before) => self.again(&tx, script, before)?,
                    None if let Some(other) = there.get(&script.sha256) => {
                        Fate::Skipped("its text is here already", format!(": {other}"))
                    }
                    None if !new.insert(&script.sha256) => {
                        Fate::Skipped("its text stands twice in the folder", String::new())
                    }
                    None => self.new_script(&tx, &mut known, &mut made, script)?,
                };
                fates.push(fate);
            }
            imports::link(&tx)?;
            Ok(fates)
        })?;
        (self.known, self.made) = (known, made);
        Ok(fates)
    }

    /// A new version of what was imported before.
    fn again(&self, tx: &Db<'_>, script: &Script<'_>, before: i64) -> Result<Fate> {
        let now = scripts::by_id(tx, before)?.or_404()?;
        match now.status {
            Status::Removed => {
                return Ok(Fate::Skipped(
                    "its script was taken down",
                    format!(": {}", now.name),
                ));
            }
            Status::Withdrawn => {
                return Ok(Fate::Skipped(
                    "its script was withdrawn",
                    format!(": {}", now.name),
                ));
            }
            _ => {}
        }
        let header = header::read(&script.text);
        let file = file_name(script.path, &now.name);
        flow::bring_in(tx, &self.owner, before, &version(script, &header, &file))?;
        self.noted(tx, script, before)?;
        Ok(Fate::Version(now.name))
    }

    fn new_script(
        &self,
        tx: &Db<'_>,
        known: &mut Known,
        made: &mut usize,
        script: &Script<'_>,
    ) -> Result<Fate> {
        let header = header::read(&script.text);
        let Some(name) = guess::free_name(known, &header, script.path) else {
            return Ok(Fate::Skipped(
                "no name can be made of its own",
                String::new(),
            ));
        };
        let category = match self.category {
            Some(path) => path.to_owned(),
            None => guess::category(tx, known, made, script.path)?,
        };
        let language = &self.languages[script.language];
        let meta = guess::meta(&header, name, script.path, category, &language.slug);
        let file = file_name(script.path, &meta.name);
        let new = version(script, &header, &file);
        let shingles = checks::shingles(&script.text);
        let look = |known: &Known, id| self.findings(tx, known, id, &meta, script, &shingles);
        let id = imports::take_in(tx, known, &self.owner, &meta, &new, &shingles, look)?;
        self.noted(tx, script, id)?;
        Ok(Fate::Taken(meta.name))
    }

    /// As `checking::pure`, with what the run knows.
    fn findings(
        &self,
        tx: &Db<'_>,
        known: &Known,
        id: i64,
        meta: &Meta,
        script: &Script<'_>,
        shingles: &[i64],
    ) -> Result<Vec<Finding>> {
        let given = Given {
            language: &meta.language,
            shebangs: &self.languages[script.language].shebangs,
            license: &meta.license,
            text: &script.text,
        };
        let mut found = checks::pure(&given);
        found.extend(checks::name_findings(&meta.name, known.near(&meta.name)));
        let most = alike::most(tx, id, shingles)?;
        found.extend(checking::alike_finding(most, shingles.len()));
        Ok(found)
    }

    fn noted(&self, tx: &Db<'_>, script: &Script<'_>, id: i64) -> Result<()> {
        crate::store::upsert::imported(tx, &self.source, script.path, id, &script.sha256)
    }
}

/// Why a text is no script, in the words of a report.
fn refusal(key: &str) -> &'static str {
    match key {
        "source_empty" => "empty",
        "source_large" => "too large",
        "source_utf8" => "not UTF-8",
        "source_nul" => "a zero byte is in it",
        "source_lines" => "too many lines",
        "source_line" => "a line is too long",
        _ => "no text",
    }
}

fn file_name(path: &str, script: &str) -> String {
    flow::file_name(path, script)
}

fn version<'a>(script: &'a Script<'_>, header: &'a Header, file_name: &'a str) -> NewVersion<'a> {
    let label = rules::free_text("label", &header.version, flow::LABEL_MAX, Kind::Line);
    NewVersion {
        text: &script.text,
        file_name,
        label: if label.is_ok() { &header.version } else { "" },
        source: "import",
        ..NewVersion::default()
    }
}
