//! The site's `Cargo.toml`: its author's part, which is only read, and the marked section with one
//! target for each module, which is kept here.
//!
//! The section is written only if it would change, so that cargo and editors see a changed file only
//! when the set of modules changed.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{BuildError, Module};

/// The first line of the section.
pub const SECTION_START: &str = "# --- modules: kept by \"harmonious build\", do not edit ---";
/// Its last line.
pub const SECTION_END: &str = "# --- end of modules ---";

/// The name of the file.
pub const FILE: &str = "Cargo.toml";

/// The dependency that is the sdk.
const SDK: &str = "harmonious";

/// A site's `Cargo.toml` as its author wrote it.
#[derive(Debug)]
pub struct SiteManifest {
    path: PathBuf,
    text: String,
    /// Where the section stands in `text`, if there is one.
    section: Option<Range<usize>>,
    author: Table,
}

impl SiteManifest {
    /// Reads it and looks at what would go wrong later, at worst in a running server.
    ///
    /// # Errors
    /// If there is none, or it cannot be used; the message says what to do.
    pub fn read(site: &Path) -> Result<SiteManifest, BuildError> {
        let path = site.join(FILE);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => BuildError::NoManifest {
                site: site.display().to_string(),
            },
            _ => BuildError::file("read", &path)(source),
        })?;
        let section = section(&text).map_err(|(line, why)| bad(&path, Some(line), why))?;
        let author = blanked(&text, section.clone());
        let author: Table = toml::from_str(&author).map_err(|error| {
            let line = error.span().map(|span| line_of(&author, span.start));
            bad(&path, line, error.message().to_owned())
        })?;
        check_package(&path, &author)?;
        check_panics(&path, &author)?;
        Ok(SiteManifest {
            path,
            text,
            section,
            author,
        })
    }

    /// What the author wrote, without the section: an input of every build.
    pub fn author_text(&self) -> String {
        let Some(section) = &self.section else {
            return self.text.trim_end().to_owned();
        };
        let (before, after) = (&self.text[..section.start], &self.text[section.end..]);
        format!("{}\n{}", before.trim_end(), after.trim())
            .trim_end()
            .to_owned()
    }

    /// The name of the package.
    pub fn package(&self) -> &str {
        let package = self.author.get("package").and_then(Value::as_table);
        let name = package.and_then(|package| package.get("name"));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    /// The path of the sdk as it is written, if it is a dependency by path.
    pub fn sdk_path(&self) -> Option<&str> {
        let dependencies = self.author.get("dependencies").and_then(Value::as_table)?;
        let sdk = dependencies.get(SDK).and_then(Value::as_table)?;
        sdk.get("path").and_then(Value::as_str)
    }

    /// Brings the section up to date with the modules and the names of their targets. Says whether
    /// the file was written.
    ///
    /// # Errors
    /// If it cannot be written, or what the author wrote does not go together with the section.
    pub fn keep(
        &self,
        site: &Path,
        modules: &[Module],
        names: &[String],
    ) -> Result<bool, BuildError> {
        let text = self.with_section(&self.section_text(site, modules, names));
        if text == self.text {
            return Ok(false);
        }
        if let Err(error) = toml::from_str::<Table>(&text) {
            let line = error.span().map(|span| line_of(&text, span.start));
            let why = format!(
                "with the section of the modules in it, it is no longer TOML: {}. Move what \
                 follows the section above it, and write targets of your own as [[example]]",
                error.message()
            );
            return Err(bad(&self.path, line, why));
        }
        self.write(&text)?;
        Ok(true)
    }

    fn section_text(&self, site: &Path, modules: &[Module], names: &[String]) -> String {
        let mut text = format!("{SECTION_START}\n");
        if !self.author.contains_key("lib") && site.join("site/lib.rs").is_file() {
            text.push_str("[lib]\npath = \"site/lib.rs\"\n\n");
        }
        // Cargo refuses a whole package for one target whose file was just removed.
        let there = |(module, _): &(&Module, _)| module.source.is_file();
        let mut targets: Vec<_> = modules.iter().zip(names).filter(there).collect();
        targets.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        for (module, name) in targets {
            let path = module.source.strip_prefix(site).unwrap_or(&module.source);
            // What JSON writes as a text, TOML reads as the same text.
            let path = Json::from(path.to_string_lossy());
            let _ = write!(
                text,
                "[[example]]\nname = \"{name}\"\npath = {path}\ncrate-type = [\"cdylib\"]\ntest = true\n\n"
            );
        }
        text.push_str(SECTION_END);
        text.push('\n');
        text
    }

    /// Where there was a section it is replaced, else it comes last.
    fn with_section(&self, section: &str) -> String {
        let section = match self.text.contains("\r\n") {
            true => section.replace('\n', "\r\n"),
            false => section.to_owned(),
        };
        let line_end = if section.contains('\r') { "\r\n" } else { "\n" };
        match &self.section {
            Some(old) => {
                let after = &self.text[old.end..];
                format!("{}{section}{after}", &self.text[..old.start])
            }
            None if self.text.ends_with('\n') => format!("{}{line_end}{section}", self.text),
            None => format!("{}{line_end}{line_end}{section}", self.text),
        }
    }

    /// Under another name first, so that whoever reads it sees the old file or the new one.
    fn write(&self, text: &str) -> Result<(), BuildError> {
        let path = fs::canonicalize(&self.path).map_err(BuildError::file("find", &self.path))?;
        let written = (|| {
            let dir = path.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::Builder::new()
                .prefix(".Cargo.toml.")
                .tempfile_in(dir)?;
            file.write_all(text.as_bytes())?;
            file.as_file()
                .set_permissions(fs::metadata(&path)?.permissions())?;
            file.persist(&path).map_err(|error| error.error)
        })();
        written
            .map(drop)
            .map_err(BuildError::file("write", &self.path))
    }
}

fn bad(path: &Path, line: Option<usize>, why: impl Into<String>) -> BuildError {
    let file = path.display();
    BuildError::Manifest {
        file: line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}")),
        why: why.into(),
    }
}

fn check_package(path: &Path, author: &Table) -> Result<(), BuildError> {
    let package = author.get("package").and_then(Value::as_table);
    match package
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
    {
        Some(_) => Ok(()),
        None => Err(bad(
            path,
            None,
            "there is no [package] with a name in it, and a site is one package: add [package] with \
             name, version and edition",
        )),
    }
}

/// A module that aborts takes the server along: a panic has to unwind to the sdk, which makes an
/// answer with status 500 of it.
fn check_panics(path: &Path, author: &Table) -> Result<(), BuildError> {
    let profiles = author.get("profile").and_then(Value::as_table);
    for (name, profile) in profiles.into_iter().flatten() {
        if profile.get("panic").and_then(Value::as_str) == Some("abort") {
            let why = format!(
                "[profile.{name}] has panic = \"abort\": a panic in a page would end the whole \
                 server instead of that request. Remove the line"
            );
            return Err(bad(path, None, why));
        }
    }
    Ok(())
}

/// Where the section stands, whole lines; or the line that is wrong and why.
fn section(text: &str) -> Result<Option<Range<usize>>, (usize, String)> {
    let mut found: Option<(usize, usize)> = None; // offset and line of the start
    let mut whole = None;
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = number + 1;
        match line.trim_end() {
            SECTION_START if found.is_none() && whole.is_none() => found = Some((offset, number)),
            SECTION_START => {
                return Err((number, "a second section of modules: remove one".to_owned()));
            }
            SECTION_END => match found.take() {
                Some((start, _)) => whole = Some(start..offset + line.len()),
                None => {
                    return Err((
                        number,
                        "the end of a section that does not begin: remove it".to_owned(),
                    ));
                }
            },
            _ => {}
        }
        offset += line.len();
    }
    match found {
        Some((_, line)) => Err((
            line,
            format!("the section of modules does not end: add the line {SECTION_END:?} behind it"),
        )),
        None => Ok(whole),
    }
}

/// The text with a section of empty lines, so that all others keep their number.
fn blanked(text: &str, section: Option<Range<usize>>) -> String {
    let Some(section) = section else {
        return text.to_owned();
    };
    let lines = text[section.clone()].matches('\n').count();
    let (before, after) = (&text[..section.start], &text[section.end..]);
    format!("{before}{}{after}", "\n".repeat(lines))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&b| b == b'\n').count()
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
