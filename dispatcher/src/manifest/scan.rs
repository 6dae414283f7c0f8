//! Reads a site's folder: which files there are, and what their sources say. The only part of the
//! manifest that touches the file system.
//!
//! Follows no symbolic link: what a site serves lies in its folder.

use std::fs::{self, DirEntry};
use std::io::Read;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::config::{DOMAIN_DEPTH_MAX, SCAN_BATCH, SCAN_THREADS_MAX, SOURCE_BYTES_MAX};
use super::declare::{self, Fault};
use super::domain_toml::{self, Settings};
use super::lint::{self, Finding, Uses};
use super::model::Declared;
use super::names::{FileKind, file_kind};
use super::problem::Problem;

/// The folders below `domains/`, each after the one that it is in.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) folders: Vec<Folder>,
    /// What is no part of the site, and should not look as if it were.
    pub(super) problems: Vec<Problem>,
    /// The site cannot be read at all.
    pub(super) fatal: Vec<Problem>,
}

/// One folder, with its files in order of their names.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) parent: Option<usize>,
    /// On disk.
    pub(super) name: String,
    /// Below the site's folder.
    pub(super) path: PathBuf,
    pub(super) depth: usize,
    /// Names of the folders in it that may be domains.
    pub(super) children: Vec<String>,
    /// Names and what they are; those of templates in `_` folders have the folder in front.
    pub(super) files: Vec<(String, FileKind)>,
    pub(super) settings: Settings,
    pub(super) settings_faults: Vec<Fault>,
}

/// What a source says.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) declared: Declared,
    pub(super) faults: Vec<Fault>,
    pub(super) findings: Vec<Finding>,
}

enum Entry {
    Folder(String),
    File(String),
}

/// Lists a site's `domains/`.
pub(super) fn tree(site: &Path) -> Tree {
    let mut tree = Tree::default();
    if !site.join("domains").is_dir() {
        tree.fatal.push(Problem::error(
            "domains",
            format!("`{}` has no folder `domains`", site.display()),
            "create it, with an `index.rs` or `index.html`, or name a site's folder",
        ));
        return tree;
    }
    tree.folder(site, None, String::new(), PathBuf::from("domains"));
    tree
}

/// All Rust files of the site module (`site/`), below the site's folder.
pub(super) fn site_sources(site: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("site")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(site.join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|e| e == "rs") => {
                    found.push(path);
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Reads sources, on several threads; in the same order.
pub(super) fn sources(site: &Path, files: &[PathBuf]) -> Vec<Source> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.clamp(1, SCAN_THREADS_MAX);
    let next = AtomicUsize::new(0);
    let read: Mutex<Vec<(usize, Vec<Source>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            // A thread of its own also where one would do: the positions of tokens are kept in
            // thread-local memory, which ends with it.
            scope.spawn(|| {
                loop {
                    // Relaxed: the number is all that threads tell each other.
                    let start = next.fetch_add(SCAN_BATCH, Ordering::Relaxed);
                    if start >= files.len() {
                        return;
                    }
                    let batch = &files[start..files.len().min(start + SCAN_BATCH)];
                    let batch = batch.iter().map(|file| source(&site.join(file))).collect();
                    let mut read = read.lock().expect("no thread panics with the lock");
                    read.push((start, batch));
                }
            });
        }
    });
    let mut read = read.into_inner().expect("no thread panics with the lock");
    read.sort_by_key(|(start, _)| *start);
    read.into_iter().flat_map(|(_, batch)| batch).collect()
}

/// Reads one source.
fn source(file: &Path) -> Source {
    let fault = |what: String, advice: &str| Source {
        faults: vec![Fault {
            what,
            advice: advice.to_owned(),
            line: 0,
            column: 0,
        }],
        ..Source::default()
    };
    let bytes = match read_file(file) {
        Ok(bytes) if bytes.len() as u64 > SOURCE_BYTES_MAX => {
            return fault(
                format!("is larger than {} MiB", SOURCE_BYTES_MAX >> 20),
                "move what is generated into the site module or a crate",
            );
        }
        Ok(bytes) => bytes,
        Err(error) => {
            return fault(
                format!("cannot be read: {error}"),
                "look at its permissions",
            );
        }
    };
    let source_hash = *blake3::hash(&bytes).as_bytes();
    let mut source = match String::from_utf8(bytes) {
        Ok(text) => parse(&text),
        Err(_) => fault("is not UTF-8".into(), "save it as UTF-8"),
    };
    source.declared.source_hash = source_hash;
    source
}

fn parse(text: &str) -> Source {
    let source = match declare::tokens(text) {
        Ok(tokens) => {
            let uses = Uses::of(&tokens);
            let (declared, faults) = declare::declared(&tokens, &uses);
            let findings = lint::findings(text, &tokens, &uses);
            Source {
                declared,
                faults,
                findings,
            }
        }
        Err(fault) => Source {
            faults: vec![fault],
            ..Source::default()
        },
    };
    // The tokens are gone, so nothing asks for their positions any more.
    proc_macro2::extra::invalidate_current_thread_spans();
    source
}

/// One byte more than is allowed, at most.
fn read_file(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(SOURCE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Tree {
    fn folder(&mut self, site: &Path, parent: Option<usize>, name: String, path: PathBuf) {
        let depth = parent.map_or(0, |parent| self.folders[parent].depth + 1);
        if depth > DOMAIN_DEPTH_MAX {
            return self.problems.push(Problem::error(
                path,
                format!("is nested more than {DOMAIN_DEPTH_MAX} deep, where no path leads"),
                "move it up",
            ));
        }
        let Some(entries) = self.entries(site, &path) else {
            return;
        };
        let (settings, settings_faults) = self.settings(site, &path, &entries);
        let at = self.folders.len();
        self.folders.push(Folder {
            parent,
            name,
            path: path.clone(),
            depth,
            children: Vec::new(),
            files: Vec::new(),
            settings,
            settings_faults,
        });
        for entry in entries {
            match entry {
                Entry::File(name) => self.file(at, name),
                Entry::Folder(name) if name.starts_with('_') => {
                    let inner = path.join(&name);
                    self.templates(site, at, &inner, &name);
                }
                Entry::Folder(name) => {
                    let inner = path.join(&name);
                    if self.is_wanted(at, &name) {
                        self.folders[at].children.push(name.clone());
                        self.folder(site, Some(at), name, inner);
                    }
                }
            }
        }
    }

    /// What begins with a dot is not looked at unless it is asked for.
    fn is_wanted(&self, folder: usize, name: &str) -> bool {
        let allowed = &self.folders[folder].settings.allow_dot;
        let allows = |allowed: &String| {
            name == allowed
                || name
                    .strip_prefix(allowed.as_str())
                    .is_some_and(|e| e.starts_with('.'))
        };
        !name.starts_with('.') || allowed.iter().any(allows)
    }

    fn file(&mut self, folder: usize, name: String) {
        if !self.is_wanted(folder, &name) {
            return;
        }
        let kind = file_kind(&name);
        if kind == FileKind::Unknown {
            self.problems.push(Problem::warning(
                self.folders[folder].path.join(&name),
                "is no module and no template, so nothing uses it",
                "files that are served as they are belong into `static/`, others out of `domains/`",
            ));
        } else {
            self.folders[folder].files.push((name, kind));
        }
    }

    /// The templates of a folder that is no domain; they are looked up as `_parts/head.html`.
    fn templates(&mut self, site: &Path, folder: usize, path: &Path, prefix: &str) {
        if path.components().count() > 2 * DOMAIN_DEPTH_MAX {
            return;
        }
        for entry in self.entries(site, path).unwrap_or_default() {
            match entry {
                Entry::Folder(name) if !name.starts_with('.') => {
                    let prefix = format!("{prefix}/{name}");
                    self.templates(site, folder, &path.join(name), &prefix);
                }
                Entry::File(name) => {
                    let kind = file_kind(&name);
                    if matches!(kind, FileKind::Template(..)) && !name.starts_with('.') {
                        let name = format!("{prefix}/{name}");
                        self.folders[folder].files.push((name, kind));
                    }
                }
                Entry::Folder(_) => {}
            }
        }
    }

    fn settings(&mut self, site: &Path, path: &Path, entries: &[Entry]) -> (Settings, Vec<Fault>) {
        let has = |entry: &Entry| matches!(entry, Entry::File(name) if name == "domain.toml");
        if !entries.iter().any(has) {
            return Default::default();
        }
        match fs::read_to_string(site.join(path).join("domain.toml")) {
            Ok(text) => domain_toml::read(&text),
            Err(error) => {
                let fault = Fault {
                    what: format!("cannot be read: {error}"),
                    advice: "look at its permissions, and save it as UTF-8".into(),
                    line: 0,
                    column: 0,
                };
                (Settings::default(), vec![fault])
            }
        }
    }

    /// What is in a folder, in order; what cannot be part of a site is named and left out.
    fn entries(&mut self, site: &Path, path: &Path) -> Option<Vec<Entry>> {
        let unreadable = |error: std::io::Error| {
            let what = format!("cannot be read: {error}");
            Problem::error(path, what, "look at its permissions")
        };
        let listed: Result<Vec<DirEntry>, _> =
            fs::read_dir(site.join(path)).and_then(Iterator::collect);
        let mut listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.fatal.push(unreadable(error));
                return None;
            }
        };
        listed.sort_by_key(DirEntry::file_name);
        let entries = listed.iter().filter_map(|entry| self.entry(path, entry));
        Some(entries.collect())
    }

    fn entry(&mut self, folder: &Path, entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name();
        let path = folder.join(&name);
        let Some(name) = name.to_str() else {
            self.problems.push(Problem::error(
                path,
                format!("the name `{}` is not UTF-8", name.display()),
                "rename it",
            ));
            return None;
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => Some(Entry::Folder(name.to_owned())),
            Ok(kind) if kind.is_file() => Some(Entry::File(name.to_owned())),
            Ok(kind) if kind.is_symlink() => {
                self.problems.push(Problem::error(
                    path,
                    "is a symbolic link, and links are not followed",
                    "put the file itself here: what a site serves lies in its folder",
                ));
                None
            }
            Ok(_) => {
                self.problems.push(Problem::warning(
                    path,
                    "is neither a file nor a folder, so nothing uses it",
                    "take it out of `domains/`",
                ));
                None
            }
            Err(error) => {
                let what = format!("cannot be looked at: {error}");
                let problem = Problem::error(path, what, "look at its permissions");
                self.fatal.push(problem);
                None
            }
        }
    }
}
