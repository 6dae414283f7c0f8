//! Scripts of this machine: what its packages brought, in an order that is the same in each run.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where they are: a folder, how the names of folders in it begin, and what is looked for in each of these.
const ROOTS: [(&str, &str, &str); 3] = [
    ("/usr/share/doc", "", "examples"),
    ("/usr/lib", "python3", ""),
    ("/usr/share", "perl", ""),
];
/// Ends of names that say which language it is; others have to begin with `#!` and one of these programs.
const ENDS: [&str; 10] = [
    "sh", "bash", "py", "pl", "pm", "awk", "tcl", "lua", "rb", "js",
];
const PROGRAMS: [&str; 8] = [
    "sh", "bash", "python3", "perl", "awk", "tclsh", "ruby", "node",
];
/// As the site has them.
const BYTES_MAX: usize = 256 * 1024;
const LINES_MAX: usize = 20_000;
const LINE_BYTES_MAX: usize = 10_000;
/// Letters of a word that is searched.
const WORD_LETTERS: std::ops::RangeInclusive<usize> = 4..=16;

/// Copies the first so many that a site takes into a folder; the words that are in them.
///
/// # Errors
/// Where the system refuses, or this machine has not so many.
pub(crate) fn gather(to: &Path, count: usize) -> Result<Vec<String>, String> {
    let mut words = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut taken = 0;
    for root in roots().map_err(|error| error.to_string())? {
        let mut files = Vec::new();
        // What cannot be read is not of this corpus.
        let _ = below(&root, &mut files);
        for file in files {
            if taken == count {
                return Ok(words.into_iter().collect());
            }
            let Some(text) = fitting(&file) else { continue };
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            if !seen.insert(hasher.finish()) {
                continue;
            }
            let there = to.join(file.strip_prefix("/usr").unwrap_or(&file));
            let copied = fs::create_dir_all(there.parent().unwrap_or(to))
                .and_then(|()| fs::write(&there, &text));
            copied.map_err(|error| format!("{}: {error}", there.display()))?;
            taken += 1;
            let is_letter = |c: char| c.is_ascii_alphabetic();
            let found = text.split(|c| !is_letter(c));
            words.extend(
                found
                    .filter(|word| WORD_LETTERS.contains(&word.len()))
                    .map(str::to_lowercase),
            );
        }
    }
    match taken == count {
        true => Ok(words.into_iter().collect()),
        false => Err(format!(
            "this machine has {taken} scripts and not {count}: --scripts {taken}"
        )),
    }
}

fn roots() -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for (folder, begin, inside) in ROOTS {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(begin) {
                found.push(entry.path().join(inside));
            }
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

/// Files of a folder and those in it, by name; links and dot files are left out.
fn below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            below(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The text of a file that is a script.
fn fitting(file: &Path) -> Option<String> {
    let bytes = fs::metadata(file).ok()?.len();
    if bytes == 0 || bytes > BYTES_MAX as u64 {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or("");
    let is_script = ENDS.contains(&end) || {
        let first = text.lines().next().unwrap_or("");
        let program = first
            .strip_prefix("#!")
            .and_then(|line| line.split(['/', ' ']).next_back());
        program.is_some_and(|program| PROGRAMS.contains(&program))
    };
    let fits = is_script
        && !text.contains('\0')
        && !text.trim().is_empty()
        && text.lines().count() <= LINES_MAX
        && text.lines().all(|line| line.len() <= LINE_BYTES_MAX);
    fits.then_some(text)
}
