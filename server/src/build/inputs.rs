//! What a library was made from, as a hash: two builds from equal inputs are the same build.
//!
//! Contents only, no times: copied folders, version control and editors set times as they like. There
//! are two hashes. *Inputs* is of the site's own files; it is the same on any machine that has a copy.
//! *Tools* is of what the machine adds: the compiler, and the sdk's sources where the sdk is a folder.
//! Where those are not to be had, nothing could be built, and the libraries are taken as they are.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use blake3::{Hash, Hasher};

use super::config::{SITE_DEPTH_MAX, SITE_FILES_MAX, SOURCE_BYTES_MAX, TRUSTED_AFTER};
use super::{BuildError, Profile};

/// Changes when what is hashed does, so that libraries of another version of this file are stale.
const SCHEME: &str = "harmonious inputs 1";

/// Files of the site's folder that every module depends on, beside `Cargo.toml` and `site/`.
const SHARED_FILES: [&str; 6] = [
    "Cargo.lock",
    "build.rs",
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
];

/// Variables that change what the compiler makes.
const SHARED_VARIABLES: [&str; 3] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC"];

/// What tells two states of a file apart without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    /// The time of the last change, also of the times: nobody can set it.
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(unix)]
    inode: u64,
    length: u64,
}

impl Stamp {
    /// The stamp of a file; `None` if there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        Stamp::from(&fs::metadata(path).ok()?)
    }

    fn from(metadata: &Metadata) -> Option<Stamp> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Some(Stamp {
            modified: metadata.modified().ok()?,
            #[cfg(unix)]
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            #[cfg(unix)]
            inode: metadata.ino(),
            length: metadata.len(),
        })
    }

    /// Old enough that the next change will have another stamp.
    fn is_settled(&self) -> bool {
        let now = SystemTime::now();
        let old = |time| {
            now.duration_since(time)
                .is_ok_and(|age| age > TRUSTED_AFTER)
        };
        #[cfg(unix)]
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(self.changed.0.max(0) as u64);
        #[cfg(not(unix))]
        let changed = self.modified;
        old(self.modified) && old(changed)
    }
}

/// Hashes of files, kept for as long as the process lives and the files stay as they are.
#[derive(Debug, Default)]
pub struct FileHashes(Mutex<HashMap<PathBuf, (Stamp, Hash)>>);

impl FileHashes {
    /// The hash of a file's content.
    ///
    /// # Errors
    /// If it cannot be read, or is larger than any source.
    pub fn of(&self, path: &Path) -> io::Result<Hash> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() > SOURCE_BYTES_MAX {
            return Err(io::Error::other(
                "it is no source file: too large, or no file at all",
            ));
        }
        let stamp = Stamp::from(&metadata);
        let known = self.lock().get(path).copied();
        if let (Some(stamp), Some((of, hash))) = (stamp, known)
            && stamp == of
        {
            return Ok(hash);
        }
        let hash = blake3::hash(&fs::read(path)?);
        // Only what is the same before and after the reading belongs together.
        if let Some(stamp) =
            stamp.filter(|stamp| stamp.is_settled() && Stamp::of(path) == Some(*stamp))
        {
            self.lock().insert(path.to_owned(), (stamp, hash));
        }
        Ok(hash)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (Stamp, Hash)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The inputs that all modules of a site share, at one moment.
#[derive(Debug)]
pub struct Shared {
    /// The site's own: `Cargo.toml`, `Cargo.lock`, `site/` and so on.
    pub own: Hash,
    /// The sources in `site/` and `build.rs` alone.
    pub library: Hash,
    /// Those sources, to look at their times.
    pub library_files: Vec<PathBuf>,
}

impl Shared {
    /// Reads them.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub fn read(
        site: &Path,
        author: &str,
        profile: Profile,
        hashes: &FileHashes,
    ) -> Result<Shared, BuildError> {
        let mut library_files = Vec::new();
        let dir = site.join("site");
        if dir.is_dir() {
            collect(&dir, 0, &mut library_files)?;
        }
        library_files.sort();
        let build_script = site.join("build.rs");
        library_files.extend(build_script.is_file().then_some(build_script));
        let mut library = Hasher::new();
        for file in &library_files {
            add_file(&mut library, site, file, hashes)?;
        }
        let library = library.finalize();

        let mut own = Hasher::new();
        add(&mut own, SCHEME.as_bytes());
        add(&mut own, profile.name().as_bytes());
        add(&mut own, author.as_bytes());
        add(&mut own, library.as_bytes());
        for name in SHARED_FILES {
            let file = site.join(name);
            if file.is_file() {
                add_file(&mut own, site, &file, hashes)?;
            }
        }
        Ok(Shared {
            own: own.finalize(),
            library,
            library_files,
        })
    }

    /// The inputs of one module: these, its source, and what else of the site it reads.
    pub fn with_module(
        &self,
        site: &Path,
        source: &Hash,
        reads: &[String],
        hashes: &FileHashes,
    ) -> Hash {
        let mut inputs = Hasher::new();
        add(&mut inputs, self.own.as_bytes());
        add(&mut inputs, source.as_bytes());
        for read in reads.iter().filter(|read| !is_outside(read)) {
            add(&mut inputs, read.as_bytes());
            add(&mut inputs, content(&site.join(read), hashes).as_bytes());
        }
        inputs.finalize()
    }
}

/// What the machine adds to the inputs.
#[derive(Debug)]
pub struct Tools {
    /// What the compiler says of itself, and the variables that it obeys.
    compiler: String,
}

impl Tools {
    /// Asks the compiler of that folder; `None` if there is none, or no sdk at this path.
    pub fn find(site: &Path, sdk_path: Option<&str>) -> Option<Tools> {
        if sdk_path.is_some_and(|path| !site.join(path).join("Cargo.toml").is_file()) {
            return None;
        }
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut asked = Command::new(rustc);
        asked
            .arg("-vV")
            .current_dir(site)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let output = asked
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let mut compiler = String::from_utf8_lossy(&output.stdout).into_owned();
        for name in SHARED_VARIABLES {
            let value = std::env::var_os(name).unwrap_or_default();
            compiler.push_str(&format!("{name}={}\n", value.to_string_lossy()));
        }
        Some(Tools { compiler })
    }

    /// The hash of the tools for a module that reads these files outside of the site.
    pub fn hash(&self, site: &Path, reads: &[String], hashes: &FileHashes) -> Hash {
        let mut tools = Hasher::new();
        add(&mut tools, SCHEME.as_bytes());
        add(&mut tools, self.compiler.as_bytes());
        for read in reads.iter().filter(|read| is_outside(read)) {
            add(&mut tools, content(&site.join(read), hashes).as_bytes());
        }
        tools.finalize()
    }
}

/// Whether a file that a module reads is none of the site's.
pub fn is_outside(read: &str) -> bool {
    read.starts_with("../") || Path::new(read).is_absolute()
}

/// The files that cargo says a library depends on, relative to the site, without the module's own
/// source and what all modules share. `depends` is what cargo wrote beside the library, in the form
/// of `make`: the library, a colon, and absolute paths with their spaces escaped.
pub fn reads(site: &Path, source: &Path, depends: &str) -> Vec<String> {
    let Some((_, files)) = depends.split_once(": ") else {
        return Vec::new();
    };
    let shared = site.join("site");
    let script = site.join("build.rs");
    let mut reads: Vec<String> = unescaped(files)
        .map(PathBuf::from)
        .filter(|file| file != source && !file.starts_with(&shared) && *file != script)
        .filter_map(|file| relative(site, &file))
        .collect();
    reads.sort();
    reads.dedup();
    reads
}

fn unescaped(files: &str) -> impl Iterator<Item = String> + '_ {
    let files = files.lines().next().unwrap_or_default();
    let files = files.replace("\\ ", "\0");
    let files: Vec<String> = files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| file.replace('\0', " "))
        .collect();
    files.into_iter()
}

/// The path from a folder to a file, with `..` for what they do not share.
fn relative(from: &Path, to: &Path) -> Option<String> {
    let (mut a, mut b) = (from.components().peekable(), to.components().peekable());
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
    }
    let mut path = PathBuf::new();
    a.for_each(|_| path.push(Component::ParentDir));
    b.for_each(|component| path.push(component));
    path.into_os_string().into_string().ok()
}

/// The hash of a file, and something else for a file that is not there: that it went is a change.
fn content(path: &Path, hashes: &FileHashes) -> Hash {
    hashes
        .of(path)
        .unwrap_or_else(|_| blake3::hash(b"no such file"))
}

/// Each part with its length, so that no two lists of parts look the same.
fn add(hasher: &mut Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn add_file(
    hasher: &mut Hasher,
    site: &Path,
    file: &Path,
    hashes: &FileHashes,
) -> Result<(), BuildError> {
    let name = file.strip_prefix(site).unwrap_or(file);
    add(hasher, name.as_os_str().as_encoded_bytes());
    let hash = hashes.of(file).map_err(BuildError::file("read", file))?;
    add(hasher, hash.as_bytes());
    Ok(())
}

/// All files below a folder but those of editors, which begin with a dot or end in `~`.
fn collect(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    for entry in fs::read_dir(dir).map_err(BuildError::file("read", dir))? {
        let entry = entry.map_err(BuildError::file("read", dir))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") || name.ends_with(b"~") {
            continue;
        }
        let path = entry.path();
        let kind = entry
            .file_type()
            .map_err(BuildError::file("look at", &path))?;
        if kind.is_dir() && depth < SITE_DEPTH_MAX {
            collect(&path, depth + 1, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
        if files.len() > SITE_FILES_MAX {
            let why = format!(
                "more than {SITE_FILES_MAX} files in it: it holds the code that modules share, no data"
            );
            return Err(BuildError::Refused {
                path: dir.to_owned(),
                why,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("domains/a.rs", "a"),
            ("site/lib.rs", "lib"),
            ("Cargo.lock", "lock"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn inputs(site: &Path, author: &str, reads: &[String]) -> Hash {
        let hashes = FileHashes::default();
        let shared = Shared::read(site, author, Profile::Dev, &hashes).unwrap();
        let source = hashes.of(&site.join("domains/a.rs")).unwrap();
        shared.with_module(site, &source, reads, &hashes)
    }

    #[test]
    fn any_input_that_changes_changes_the_hash_and_a_time_does_not() {
        let dir = site();
        let reads = ["domains/data.json".to_owned()];
        let first = inputs(dir.path(), "author", &reads);
        assert_ne!(inputs(dir.path(), "other", &reads), first);
        for name in [
            "domains/a.rs",
            "site/lib.rs",
            "Cargo.lock",
            "site/new.rs",
            "build.rs",
            "domains/data.json",
        ] {
            let path = dir.path().join(name);
            let before = fs::read(&path).ok();
            fs::write(&path, "changed").unwrap();
            assert_ne!(inputs(dir.path(), "author", &reads), first, "{name}");
            match before {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            assert_eq!(
                inputs(dir.path(), "author", &reads),
                first,
                "{name} as it was, with a new time"
            );
        }
    }

    #[test]
    fn a_change_that_keeps_length_and_modification_time_is_seen() {
        let dir = site();
        let path = dir.path().join("domains/a.rs");
        let hashes = FileHashes::default();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let set = || {
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(old)
                .unwrap()
        };
        set();
        let first = hashes.of(&path).unwrap();
        assert_eq!(hashes.of(&path).unwrap(), first);
        fs::write(&path, "b").unwrap();
        set();
        assert_ne!(hashes.of(&path).unwrap(), first);
    }

    #[test]
    fn what_cargo_lists_is_told_relative_and_without_what_is_known() {
        let site = Path::new("/s/hello");
        let depends = "/s/t/liba.so: /s/hello/domains/a.rs /s/hello/domains/my\\ data.json /s/hello/site/lib.rs /s/sdk/src/lib.rs\n";
        let found = reads(site, Path::new("/s/hello/domains/a.rs"), depends);
        assert_eq!(found, ["../sdk/src/lib.rs", "domains/my data.json"]);
        assert!(is_outside(&found[0]) && !is_outside(&found[1]));
    }

    #[test]
    fn an_sdk_that_is_not_there_leaves_the_tools_unknown() {
        let dir = site();
        assert!(Tools::find(dir.path(), Some("../no/sdk")).is_none());
    }
}
