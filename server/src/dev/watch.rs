//! Hears of changed files, waits until a save is over, and says what it means for the site.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;
use std::{fs, io, thread};

use notify::event::{MetadataKind, ModifyKind};
use notify::{
    Config, ErrorKind, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher,
};

use super::config::{DEBOUNCE, DEBOUNCE_MAX, POLL};

/// The folders of a site that are watched with all below them.
const FOLDERS: [&str; 4] = ["domains", "site", "static", "locales"];

/// The files in a site's folder that a build depends on.
const BUILD_FILES: [&str; 4] = [
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "rust-toolchain.toml",
];

/// The files in a site's folder that say how it is served.
const SETTINGS: [&str; 3] = ["site.toml", "secrets.toml", "harmonious.toml"];

/// What changed, since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys of modules whose source was saved, added or removed.
    pub modules: BTreeSet<String>,
    /// The set of files in `domains/` is another; or a `domain.toml` changed.
    pub structure: bool,
    /// Templates changed, or catalogues.
    pub templates: bool,
    /// Files of `static/` changed.
    pub statics: bool,
    /// What all modules depend on changed: `site/`, `Cargo.toml`.
    pub shared: bool,
    /// `site.toml` or `secrets.toml` changed.
    pub settings: bool,
}

impl Changes {
    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// Everything may have changed: the system lost count.
    fn everything(&mut self) {
        self.structure = true;
        self.templates = true;
        self.statics = true;
        self.shared = true;
        self.settings = true;
    }

    /// Says whether files of `domains/` may have come, gone or changed names. Editors replace a file by
    /// another of its name, which changes nothing of the kind: only a look can tell.
    fn add(&mut self, site: &Path, event: &Event) -> bool {
        if event.need_rescan() {
            self.everything();
        }
        let names = match event.kind {
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Metadata(
                MetadataKind::WriteTime | MetadataKind::Any,
            ))
            | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => false,
            EventKind::Modify(ModifyKind::Metadata(_)) => return false,
            _ => true,
        };
        for path in &event.paths {
            if let Ok(path) = path.strip_prefix(site) {
                self.add_path(site, path, names);
            }
        }
        names
            && event
                .paths
                .iter()
                .any(|path| path.starts_with(site.join("domains")))
    }

    /// `names`: the file came, went or has another name.
    fn add_path(&mut self, site: &Path, path: &Path, names: bool) {
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| !is_editors(name))
        else {
            return;
        };
        let mut parts = path.components();
        let first = parts
            .next()
            .map(|first| first.as_os_str().to_string_lossy().into_owned());
        let below = parts.as_path();
        match first.as_deref() {
            Some("domains") => self.add_domain_path(&site.join(path), below, name, names),
            Some("site") => self.shared = true,
            Some("static") => self.statics = true,
            Some("locales") => self.templates = true,
            Some(name) if BUILD_FILES.contains(&name) => self.shared = true,
            Some(name) if SETTINGS.contains(&name) => self.settings = true,
            _ => {}
        }
    }

    fn add_domain_path(&mut self, file: &Path, below: &Path, name: &str, names: bool) {
        let extension = below.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("rs") => {
                let key = below.with_extension("");
                self.modules.insert(
                    key.to_string_lossy()
                        .replace(std::path::MAIN_SEPARATOR, "/"),
                );
            }
            Some("toml") if name == "domain.toml" => self.structure = true,
            _ if file.is_dir() => {} // what a folder means, its files say
            _ if names && extension.is_none() => {} // a folder that went
            _ => self.templates = true,
        }
    }
}

/// Swap files, backups, the names under which editors write before they rename.
fn is_editors(name: &str) -> bool {
    let vim_asks_whether_it_may_write = name == "4913";
    name.starts_with(['.', '#'])
        || name.ends_with(['~', '#'])
        || [".swp", ".swx", ".tmp", ".bak"]
            .iter()
            .any(|end| name.ends_with(end))
        || vim_asks_whether_it_may_write
}

/// The watching, until it is dropped.
pub struct Watching {
    /// Ends the thread when it goes.
    end: Sender<Heard>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Heard {
    Event(notify::Result<Event>),
    End,
}

impl Watching {
    /// Watches a site. `changed` is called for each save, on a thread of its own.
    ///
    /// # Errors
    /// If neither the system can tell of changes nor the folder can be read.
    pub fn start(
        site: &Path,
        changed: impl FnMut(Changes) + Send + 'static,
    ) -> io::Result<Watching> {
        let site = fs::canonicalize(site)?;
        let (sender, heard) = channel();
        // Before the watching: what comes from now on is either told of or not in the list.
        let files = files_of(&site);
        let watcher = Watched::new(&site, &sender).map_err(io::Error::other)?;
        let run = move || run(&site, &heard, watcher, files, changed);
        let thread = thread::Builder::new()
            .name("dev watch".to_owned())
            .spawn(run)?;
        Ok(Watching {
            end: sender,
            thread: Some(thread),
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.end.send(Heard::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The system's watcher, or one that looks.
struct Watched {
    watcher: Box<dyn Watcher + Send>,
    folders: Vec<PathBuf>,
}

impl Watched {
    fn new(site: &Path, sender: &Sender<Heard>) -> notify::Result<Watched> {
        let tell = |sender: &Sender<Heard>| {
            let sender = sender.clone();
            move |event| drop(sender.send(Heard::Event(event)))
        };
        let native = RecommendedWatcher::new(tell(sender), Config::default());
        match native.and_then(|watcher| Watched::with(Box::new(watcher), site)) {
            Ok(watched) => return Ok(watched),
            Err(error) => {
                let site = site.display();
                tracing::warn!(
                    "the system does not tell of changes in {site} ({}): looking every {POLL:?} instead{}",
                    error,
                    advice(&error)
                );
            }
        }
        let config = Config::default()
            .with_poll_interval(POLL)
            .with_compare_contents(true);
        Watched::with(Box::new(PollWatcher::new(tell(sender), config)?), site)
    }

    fn with(mut watcher: Box<dyn Watcher + Send>, site: &Path) -> notify::Result<Watched> {
        watcher.watch(site, RecursiveMode::NonRecursive)?;
        let mut watched = Watched {
            watcher,
            folders: FOLDERS.iter().map(|folder| site.join(folder)).collect(),
        };
        watched.watch_folders()?;
        Ok(watched)
    }

    /// The folders that exist by now. One that went and came is another one.
    fn watch_folders(&mut self) -> notify::Result<()> {
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            self.watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(())
    }

    fn is_folder(&self, event: &Event) -> bool {
        let comes = matches!(
            event.kind,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        comes && event.paths.iter().any(|path| self.folders.contains(path))
    }
}

fn advice(error: &notify::Error) -> &'static str {
    let is_limit = match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ),
        _ => false,
    };
    match is_limit {
        true => "; raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with sysctl",
        false => "",
    }
}

fn run(
    site: &Path,
    heard: &Receiver<Heard>,
    watched: Watched,
    mut files: BTreeSet<PathBuf>,
    mut changed: impl FnMut(Changes),
) {
    let mut round = Round {
        site,
        watched,
        changes: Changes::default(),
        names: false,
    };
    loop {
        let Ok(first) = heard.recv() else { return };
        if round.take(first) {
            return;
        }
        let began = Instant::now();
        while round.heard_something() && began.elapsed() < DEBOUNCE_MAX {
            match heard.recv_timeout(DEBOUNCE) {
                Ok(next) => {
                    if round.take(next) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if std::mem::take(&mut round.names) {
            let now = files_of(site);
            round.changes.structure |= now != files;
            files = now;
        }
        let changes = std::mem::take(&mut round.changes);
        if !changes.is_empty() {
            changed(changes);
        }
    }
}

/// What was heard of since the last time.
struct Round<'s> {
    site: &'s Path,
    watched: Watched,
    changes: Changes,
    names: bool,
}

impl Round<'_> {
    fn heard_something(&self) -> bool {
        self.names || !self.changes.is_empty()
    }

    /// Says whether it is to end.
    fn take(&mut self, heard: Heard) -> bool {
        let event = match heard {
            Heard::End => return true,
            Heard::Event(Ok(event)) => event,
            Heard::Event(Err(error)) => {
                self.warn(&error);
                self.changes.everything();
                return false;
            }
        };
        if self.watched.is_folder(&event) {
            if let Err(error) = self.watched.watch_folders() {
                self.warn(&error);
            }
            self.changes.everything();
        }
        self.names |= self.changes.add(self.site, &event);
        false
    }

    fn warn(&self, error: &notify::Error) {
        tracing::warn!("watching {}: {error}{}", self.site.display(), advice(error));
    }
}

/// All files in `domains/` that mean something.
fn files_of(site: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![site.join("domains")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) if !entry.file_name().to_str().is_none_or(is_editors) => {
                    files.insert(entry.path());
                }
                _ => {}
            }
        }
    }
    files
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
