//! Keys in a file that only its owner may read: the newest seals, all of them open.
//!
//! A line for each key, the newest last: eight hexadecimal digits of its id, a space, 64 of the key.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::config::{KEY_FILE_BYTES_MAX, KEYS_MAX};
use crate::error::{Result, SessionError};
use crate::id::random;

/// What the key of a purpose is derived for.
const SEAL_CONTEXT: &str = "harmonious session 2026-11 sealed cookies";

/// Keys with ids.
///
/// To rotate without logging anybody out: [`rotate`](KeyRing::rotate) on one server, then load the file
/// again on all of them; what was sealed before opens until its key is the oldest of
/// [`KEYS_MAX`] and one more is made.
pub struct KeyRing {
    /// The newest last; at least one.
    keys: Vec<Key>,
}

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: u32,
    secret: [u8; 32],
    /// For sealed cookies only.
    pub(crate) sealing: [u8; 32],
}

impl KeyRing {
    /// One with a new key, kept nowhere: for tests, and for what need not outlive the process.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn new() -> Result<KeyRing> {
        let keys = vec![Key::draw(&[])?];
        Ok(KeyRing { keys })
    }

    /// The keys of a file, which is made with one key if it is not there.
    ///
    /// # Errors
    /// If others than its owner may read or write it, it is no file of keys, or it cannot be read or
    /// written.
    pub fn load(path: &Path) -> Result<KeyRing> {
        match read(path)? {
            Some(ring) => Ok(ring),
            None => {
                write(path, &KeyRing::new()?, Existing::Stays)?;
                // Another process may have been first.
                read(path)?.ok_or_else(|| bad(path, "was removed at once", None))
            }
        }
    }

    /// Adds a key to a file of keys, which seals from now on; the oldest one goes when there are more
    /// than [`KEYS_MAX`]. To be called by one process at a time.
    ///
    /// # Errors
    /// As for [`load`](KeyRing::load).
    pub fn rotate(path: &Path) -> Result<KeyRing> {
        let mut ring = KeyRing::load(path)?;
        ring.add()?;
        write(path, &ring, Existing::Goes)?;
        Ok(ring)
    }

    /// Adds a key to this ring only.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn add(&mut self) -> Result<()> {
        let key = Key::draw(&self.keys)?;
        self.keys.push(key);
        if self.keys.len() > KEYS_MAX {
            self.keys.remove(0);
        }
        Ok(())
    }

    /// How many keys it has.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The one that seals.
    pub(crate) fn newest(&self) -> &Key {
        // Invariant: there is one.
        &self.keys[self.keys.len() - 1]
    }

    pub(crate) fn find(&self, id: u32) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    fn to_text(&self) -> String {
        let lines = self.keys.iter();
        lines
            .map(|key| format!("{:08x} {}\n", key.id, hex(&key.secret)))
            .collect()
    }

    fn from_text(text: &str) -> Option<KeyRing> {
        let keys: Option<Vec<Key>> = text.lines().map(Key::from_line).collect();
        let keys = keys.filter(|keys| (1..=KEYS_MAX).contains(&keys.len()))?;
        let twice = (1..keys.len()).any(|at| keys[..at].iter().any(|key| key.id == keys[at].id));
        (!twice).then_some(KeyRing { keys })
    }
}

impl Key {
    fn new(id: u32, secret: [u8; 32]) -> Key {
        let sealing = blake3::derive_key(SEAL_CONTEXT, &secret);
        Key {
            id,
            secret,
            sealing,
        }
    }

    fn draw(others: &[Key]) -> Result<Key> {
        loop {
            let id = u32::from_le_bytes(random()?);
            if others.iter().all(|other| other.id != id) {
                return Ok(Key::new(id, random()?));
            }
        }
    }

    fn from_line(line: &str) -> Option<Key> {
        let (id, secret) = line.split_once(' ')?;
        let is_hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
        if id.len() != 8 || secret.len() != 64 || !is_hex(id) || !is_hex(secret) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Key::new(u32::from_str_radix(id, 16).ok()?, bytes))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ring of that file; none if there is no such file.
fn read(path: &Path) -> Result<Option<KeyRing>> {
    let unreadable = |error| bad(path, "cannot be read", Some(error));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Of the open file: the name may mean another one by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(bad(path, "is no file: name another place", None));
    }
    if is_open_to_others(&metadata) {
        let reason = "may be read by others: make new keys, or, if nobody has read them, chmod 600";
        return Err(bad(path, reason, None));
    }
    let mut text = String::new();
    let mut start = file.take(KEY_FILE_BYTES_MAX + 1);
    start.read_to_string(&mut text).map_err(unreadable)?;
    match KeyRing::from_text(&text) {
        Some(ring) => Ok(Some(ring)),
        None => Err(bad(
            path,
            "holds no keys that this version wrote: restore it",
            None,
        )),
    }
}

/// What becomes of a file that is there.
#[derive(PartialEq)]
enum Existing {
    Stays,
    Goes,
}

/// Writes a new file beside it and gives it the name when it is on disk: there is a whole one at any
/// time.
fn write(path: &Path, ring: &KeyRing, existing: Existing) -> Result<()> {
    let unwritable = |error| bad(path, "cannot be written", Some(error));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", hex(&random::<8>()?)));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, &ring.to_text()).and_then(|()| match existing {
        Existing::Goes => fs::rename(&temporary, path),
        // Unlike a renaming, this fails if there is one.
        Existing::Stays => match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        },
    });
    if written.is_err() || existing == Existing::Stays {
        // That it cannot be removed matters less than what went wrong before.
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| sync_folder(path)).map_err(unwritable)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The name of the file is on disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    #[cfg(unix)]
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    let _ = folder;
    Ok(())
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

fn bad(path: &Path, reason: &str, source: Option<io::Error>) -> SessionError {
    SessionError::KeyFile {
        path: path.to_owned(),
        reason: reason.to_owned(),
        source,
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_keys_is_read_as_it_was_written() {
        let mut ring = KeyRing::new().unwrap();
        for _ in 0..KEYS_MAX + 3 {
            ring.add().unwrap();
        }
        assert_eq!(ring.count(), KEYS_MAX);
        let text = ring.to_text();
        assert!(text.len() as u64 <= KEY_FILE_BYTES_MAX);
        let again = KeyRing::from_text(&text).unwrap();
        assert_eq!(again.newest().sealing, ring.newest().sealing);
        assert_ne!(again.newest().sealing, again.newest().secret);
        assert_eq!(format!("{again:?}"), "KeyRing(8 keys)");
        let line = text.lines().next().unwrap();
        for bad in [
            "",
            "\n",
            "a",
            &line[1..],
            &line.replace(' ', "x"),
            &format!("{line}\n{line}"),
        ] {
            assert!(KeyRing::from_text(bad).is_none(), "{bad:.10}");
        }
        assert!(KeyRing::from_text(&format!("{text}{:08x} {}", 1, hex(&[0; 32]))).is_none());
    }
}
