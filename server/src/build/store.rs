//! The libraries of a site: `SITE/.harmonious/`, with one index for each profile.
//!
//! A library's file name ends in the hash of its content. It comes under another name first and is
//! renamed; what is there is never written again, because a running server may have it open and the
//! system's loader takes an equal name for the same library.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::config::{LIBRARY_BYTES_MAX, UNNAMED_BYTES_MAX, UNNAMED_KEPT, UNNAMED_KEPT_LEAST};
use super::inputs::Stamp;
use super::{BuildError, Profile};

/// The folder of the libraries, in the site's folder.
pub const DIR: &str = ".harmonious";

/// The version of the index.
const VERSION: u32 = 1;

/// Characters of a content's hash in a file name.
const HASH_CHARS: usize = 16;

/// What a temporary name begins with.
const TEMPORARY: &str = ".new-";

/// What was built, for one profile: `modules.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    /// The version of this form.
    version: u32,
    /// The profile's name.
    profile: String,
    /// The hash of the shared sources (`site/`) that the last build compiled.
    #[serde(default)]
    pub library: String,
    /// Lists of files that modules read beside their source, by the hash of the list.
    #[serde(default)]
    pub reads: BTreeMap<String, Vec<String>>,
    /// The modules by their key.
    pub modules: BTreeMap<String, Built>,
}

/// A module that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The hash of the site's files that it was made from.
    pub inputs: String,
    /// The hash of what the machine added: the compiler, the sdk.
    #[serde(default)]
    pub tools: String,
    /// Which of the lists in the index it reads.
    #[serde(default)]
    pub reads: String,
    /// The library's file name.
    pub file: String,
}

impl Index {
    /// One without modules.
    pub fn new(profile: Profile) -> Index {
        Index {
            version: VERSION,
            profile: profile.name().to_owned(),
            library: String::new(),
            reads: BTreeMap::new(),
            modules: BTreeMap::new(),
        }
    }

    /// The files that a module reads.
    pub fn reads_of(&self, built: &Built) -> &[String] {
        self.reads.get(&built.reads).map_or(&[], Vec::as_slice)
    }

    /// Notes what a module reads; says under which name.
    pub fn note_reads(&mut self, reads: Vec<String>) -> String {
        let name = blake3::hash(reads.join("\n").as_bytes()).to_hex()[..HASH_CHARS].to_owned();
        self.reads.insert(name.clone(), reads);
        name
    }

    /// Leaves the modules with these keys, and the lists that they use.
    pub fn retain(&mut self, keys: &HashSet<&str>) {
        self.modules.retain(|key, _| keys.contains(key.as_str()));
        let used: HashSet<&str> = self
            .modules
            .values()
            .map(|built| built.reads.as_str())
            .collect();
        self.reads.retain(|name, _| used.contains(name.as_str()));
    }

    fn files(&self) -> impl Iterator<Item = &str> {
        self.modules.values().map(|built| built.file.as_str())
    }
}

/// The libraries of one site.
#[derive(Debug)]
pub struct Store {
    site: PathBuf,
    /// The index that was asked last. It is always replaced by another file, so its stamp tells.
    last: Mutex<Option<(Profile, Stamp, Index)>>,
}

impl Store {
    /// That of a site; nothing is looked at yet.
    pub fn of(site: &Path) -> Store {
        Store {
            site: site.to_owned(),
            last: Mutex::default(),
        }
    }

    /// The folder.
    pub fn dir(&self) -> PathBuf {
        self.site.join(DIR)
    }

    /// Makes the folder, if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or is something else.
    pub fn create(&self) -> Result<(), BuildError> {
        let dir = self.dir();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
        match builder.create(&dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(BuildError::file("make the folder", dir)(error));
            }
            _ => {}
        }
        let found = fs::symlink_metadata(&dir).map_err(BuildError::file("look at", &dir))?;
        match found.is_dir() {
            true => Ok(()),
            false => Err(BuildError::Refused {
                path: dir,
                why: "it must be a folder of the site's own, no link: remove it".to_owned(),
            }),
        }
    }

    /// What was built for a profile; an index that cannot be read is one without modules.
    ///
    /// # Errors
    /// If there is an index and the system refuses to read it.
    pub fn index(&self, profile: Profile) -> Result<Index, BuildError> {
        let path = self.dir().join(profile.index());
        let text = match self
            .open(profile.index())
            .and_then(|mut file| read(&mut file))
        {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Index::new(profile)),
            Err(error) => return Err(BuildError::file("read", path)(error)),
        };
        let index = serde_json::from_slice::<Index>(&text).ok();
        let ours =
            index.filter(|index| index.version == VERSION && index.profile == profile.name());
        Ok(ours.unwrap_or_else(|| Index::new(profile)))
    }

    /// What is noted of a module. The index is read again only if it is another file by now.
    ///
    /// # Errors
    /// As [`Store::index`].
    pub fn built(&self, profile: Profile, key: &str) -> Result<Option<Built>, BuildError> {
        let stamp = Stamp::of(&self.dir().join(profile.index()));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, at, index)) if *of == profile && stamp == Some(*at) => {
                return Ok(index.modules.get(key).cloned());
            }
            _ => {}
        }
        let index = self.index(profile)?;
        let built = index.modules.get(key).cloned();
        *last = stamp.map(|stamp| (profile, stamp, index));
        Ok(built)
    }

    /// Takes a library in. Says its file name.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn add(&self, library: &Path, target: &str) -> Result<String, BuildError> {
        let bytes = fs::read(library).map_err(BuildError::file("read", library))?;
        let hash = blake3::hash(&bytes).to_hex();
        let name = format!("{target}-{}.so", &hash[..HASH_CHARS]);
        if self.checked(&name).is_err() {
            self.replace(&name, &bytes, 0o755)?;
        }
        Ok(name)
    }

    /// Makes this index the one that is read from now on, and removes what nothing names any more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn commit(&self, profile: Profile, index: &Index) -> Result<(), BuildError> {
        let before = self.index(profile)?;
        let text = serde_json::to_vec_pretty(index).map_err(|error| BuildError::Refused {
            path: self.dir(),
            why: error.to_string(),
        })?;
        self.replace(profile.index(), &text, 0o644)?;
        let named: HashSet<&str> = index.files().collect();
        for file in before.files().filter(|file| !named.contains(file)) {
            // From now on it is old: its age counts from when it was last named.
            if let Ok(file) = self.open(file) {
                let _ = file.set_modified(SystemTime::now());
            }
        }
        self.prune(UNNAMED_KEPT);
        Ok(())
    }

    /// The path of a library, after a look at what is there: a file of the site's folder, no link, that
    /// nobody else can write, with the content that its name says.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn library(&self, built: &Built) -> Result<PathBuf, String> {
        let path = self.dir().join(&built.file);
        match self.checked(&built.file) {
            Ok(()) => Ok(fs::canonicalize(self.dir()).map_or(path, |dir| dir.join(&built.file))),
            Err(why) => Err(format!("{}: {why}", path.display())),
        }
    }

    fn checked(&self, name: &str) -> Result<(), String> {
        let again = "remove it and build again (\"harmonious build --release SITE\"), or copy .harmonious/ again";
        let mut file = self
            .open(name)
            .map_err(|error| format!("cannot open it beneath {DIR}/: {error}: {again}"))?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        self.check_owner(&metadata)?;
        if !metadata.is_file() || metadata.len() > LIBRARY_BYTES_MAX {
            return Err(format!("it is no library: {again}"));
        }
        let bytes = read(&mut file).map_err(|error| error.to_string())?;
        let hash = blake3::hash(&bytes).to_hex();
        match name
            .strip_suffix(".so")
            .is_some_and(|stem| stem.ends_with(&hash[..HASH_CHARS]))
        {
            true => Ok(()),
            false => Err(format!(
                "its content is not what was built (its hash is {}): {again}",
                &hash[..HASH_CHARS]
            )),
        }
    }

    /// Whoever may write a library can run code in the server.
    #[cfg(unix)]
    fn check_owner(&self, metadata: &fs::Metadata) -> Result<(), String> {
        use std::os::unix::fs::MetadataExt;
        if metadata.mode() & 0o022 != 0 {
            return Err("its group or everybody may write it: \"chmod go-w\" it".to_owned());
        }
        let site = fs::metadata(&self.site).map(|site| site.uid()).unwrap_or(0);
        let ours = rustix::process::geteuid().as_raw();
        match [0, ours, site].contains(&metadata.uid()) {
            true => Ok(()),
            false => Err(format!(
                "it belongs to user {}, who is neither the server's, nor the site's, nor root: chown it",
                metadata.uid()
            )),
        }
    }

    #[cfg(not(unix))]
    fn check_owner(&self, _: &fs::Metadata) -> Result<(), String> {
        Ok(())
    }

    /// Opens a file of the folder for reading, following no link.
    fn open(&self, name: &str) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, open};
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "no name of a library",
            ));
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = open(self.dir(), flags | OFlags::DIRECTORY, Mode::empty())?;
        beneath(&dir, name, flags | OFlags::NONBLOCK).map(File::from)
    }

    fn replace(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), BuildError> {
        let dir = self.dir();
        let path = dir.join(name);
        let written = (|| {
            let mut builder = tempfile::Builder::new();
            builder.prefix(TEMPORARY);
            let mut file = builder.tempfile_in(&dir)?;
            file.write_all(bytes)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                file.as_file()
                    .set_permissions(fs::Permissions::from_mode(mode))?;
            }
            file.persist(&path).map_err(|error| error.error)
        })();
        written.map(drop).map_err(BuildError::file("write", &path))
    }

    /// Removes libraries that no index names: all that are older than `kept`, and the oldest of too
    /// many. What cannot be removed stays.
    fn prune(&self, kept: Duration) {
        let mut named = HashSet::new();
        for profile in [Profile::Dev, Profile::Release] {
            match self.index(profile) {
                Ok(index) => named.extend(index.files().map(str::to_owned)),
                Err(_) => return, // nothing is removed that might be in use
            }
        }
        let Ok(entries) = fs::read_dir(self.dir()) else {
            return;
        };
        let unnamed = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            (name.ends_with(".so") || name.starts_with(TEMPORARY)) && !named.contains(&*name)
        });
        let unnamed = unnamed.filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            let age = SystemTime::now().duration_since(metadata.modified().ok()?);
            Some((age.unwrap_or_default(), metadata.len(), entry.path()))
        });
        for path in superfluous(unnamed.collect(), kept) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Of files with age, bytes and path: those that are too old, and the oldest of too many bytes.
fn superfluous(mut files: Vec<(Duration, u64, PathBuf)>, kept: Duration) -> Vec<PathBuf> {
    files.sort();
    let mut total = 0;
    files.retain(|(age, bytes, _)| {
        total += bytes;
        *age >= kept || (total > UNNAMED_BYTES_MAX && *age >= UNNAMED_KEPT_LEAST)
    });
    files.into_iter().map(|(_, _, path)| path).collect()
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LIBRARY_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn beneath(
    dir: &rustix::fd::OwnedFd,
    name: &str,
    flags: rustix::fs::OFlags,
) -> io::Result<rustix::fd::OwnedFd> {
    use rustix::fs::{Mode, ResolveFlags, openat, openat2};
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opened = match openat2(dir, name, flags, Mode::empty(), resolve) {
        // Kernels before 5.6, and sandboxes; a name without separators cannot leave the folder anyway.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            openat(dir, name, flags, Mode::empty())
        }
        opened => opened,
    };
    Ok(opened?)
}

#[cfg(not(target_os = "linux"))]
fn beneath(
    dir: &rustix::fd::OwnedFd,
    name: &str,
    flags: rustix::fs::OFlags,
) -> io::Result<rustix::fd::OwnedFd> {
    Ok(rustix::fs::openat(
        dir,
        name,
        flags,
        rustix::fs::Mode::empty(),
    )?)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
