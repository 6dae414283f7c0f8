//! The files of a folder, in the order of their names, and why some of them are none for an import.

use std::ffi::OsString;
use std::fs::{self, DirEntry, FileType};
use std::path::Path;

use harmonious::prelude::*;

/// Folders in folders that are gone into.
const DEPTH_MAX: usize = 64;
/// Files of one import: their paths are in memory.
const FILES_MAX: usize = 1_000_000;

/// What is at a path below the folder; parts are joined by `/`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    /// Why it is not even read.
    pub(super) skipped: Option<&'static str>,
}

/// All that is below a folder. Dot files, links and whatever is neither file nor folder are told and not followed.
///
/// # Errors
/// A folder that cannot be read, too many files.
pub(super) fn files(root: &Path) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    below(root, "", 0, &mut all)?;
    Ok(all)
}

fn below(folder: &Path, path: &str, depth: usize, all: &mut Vec<Found>) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::unprocessable(format!("{} cannot be read: {error}", folder.display()))
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut entries: Vec<(OsString, DirEntry)> = entries
        .map(|entry| entry.map(|entry| (entry.file_name(), entry)))
        .collect::<std::io::Result<_>>()
        .map_err(failed)?;
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, entry) in entries {
        let lossy = name.to_string_lossy();
        let path = if path.is_empty() {
            lossy.to_string()
        } else {
            format!("{path}/{lossy}")
        };
        let kind = entry.file_type().map_err(failed)?;
        let skipped = why_not(&name, kind, depth);
        if skipped.is_none() && kind.is_dir() {
            below(&entry.path(), &path, depth + 1, all)?;
            continue;
        }
        if all.len() == FILES_MAX {
            let root = folder.display();
            return Err(Error::unprocessable(format!(
                "more than {FILES_MAX} files up to {root}: import its folders one by one"
            )));
        }
        all.push(Found { path, skipped });
    }
    Ok(())
}

fn why_not(name: &OsString, kind: FileType, depth: usize) -> Option<&'static str> {
    if kind.is_symlink() {
        return Some("a link");
    }
    match name.to_str() {
        None => return Some("its name is not UTF-8"),
        Some(name) if name.starts_with('.') => return Some("a dot file or folder"),
        Some(_) => {}
    }
    if kind.is_dir() {
        (depth >= DEPTH_MAX).then_some("too deep in folders")
    } else {
        (!kind.is_file()).then_some("neither file nor folder")
    }
}
