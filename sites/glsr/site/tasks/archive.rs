//! The container of snapshots: tar in zstd, `MANIFEST.json` first, then what that lists, in its order and nothing else.
//! Each header is the one that we would write, each file has the hash that the manifest says; so an archive cannot say
//! the same thing in two ways, and nothing of it is ever a path of a file system.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use harmonious::prelude::*;
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};
use zstd::stream::{read::Decoder, write::Encoder};

/// How archives of this kind are made up.
const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "MANIFEST.json";
/// How hard zstd tries; one thread, since more give other bytes.
const LEVEL: i32 = 12;
/// What zstd may look back to when it reads, as a power of two: level 12 needs 22.
const WINDOW_LOG_MAX: u32 = 23;
/// Files of one archive; the list of them is in memory.
const FILES_MAX: usize = 200_000;
/// Bytes of that list, of a file, and of all files.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const TOTAL_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;
/// Bytes that tar counts in.
const BLOCK: u64 = 512;
/// Characters of a path that a message shows.
const SHOWN_CHARS: usize = 120;

/// What the manifest says of a file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// In lower-case hexadecimal.
    pub(super) sha256: String,
    /// Of a script with a signature: the public key that it was verified with. The signature is the next file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_by: Option<String>,
}

/// `MANIFEST.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Other versions of zstd may make other bytes of the same files.
    zstd: String,
    files: Vec<Listed>,
}

/// An archive that is written; unless it is finished, nothing is left of it.
pub(super) struct Writer {
    tar: Option<Builder<Encoder<'static, BufWriter<File>>>>,
    to: PathBuf,
    part: PathBuf,
}

impl Writer {
    /// Begins one with this list.
    ///
    /// # Errors
    /// It cannot be written, or is more than an archive may be.
    pub(super) fn new(to: &Path, files: Vec<Listed>) -> Result<Writer> {
        let manifest = Manifest {
            format: FORMAT,
            zstd: zstd::zstd_safe::version_string().to_owned(),
            files,
        };
        judge(&manifest.files).map_err(|why| {
            Error::unprocessable(format!("{why}: \"harmonious db backup\" has no such limit"))
        })?;
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| cannot(&part, &error))?;
        // From here on it is removed unless it is finished.
        let mut writer = Writer {
            tar: None,
            to: to.to_owned(),
            part,
        };
        let mut encoder = Encoder::new(BufWriter::new(file), LEVEL)?;
        encoder.include_checksum(true)?;
        writer.tar = Some(Builder::new(encoder));
        let text = json(&manifest)?;
        if text.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(Error::unprocessable(format!(
                "{MANIFEST} would be too long"
            )));
        }
        writer.add(MANIFEST, &text)?;
        Ok(writer)
    }

    /// Adds a file: the next one of the list.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let header = header(path, bytes.len() as u64)?;
        let tar = self
            .tar
            .as_mut()
            .or_status(500, "an archive that is closed")?;
        let added = tar.append(&header, bytes);
        added.map_err(|error| cannot(&self.part, &error))
    }

    /// Puts it in its place, once it is on the disk.
    pub(super) fn finish(mut self) -> Result<()> {
        let tar = self
            .tar
            .take()
            .or_status(500, "an archive that is closed")?;
        self.close(tar).map_err(|error| cannot(&self.to, &error))
    }

    fn close(&self, tar: Builder<Encoder<'static, BufWriter<File>>>) -> io::Result<()> {
        let buffer = tar.into_inner()?.finish()?;
        buffer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        fs::rename(&self.part, &self.to)?;
        let folder = match self.to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.tar = None;
        // Finished, it is called otherwise.
        let _ = fs::remove_file(&self.part);
    }
}

/// Reads an archive through: each file that it lists, with its bytes, in its order. What is not exactly as it should be
/// ends it.
///
/// # Errors
/// 422 with what is wrong where; what `each` says.
pub(super) fn read(
    path: &Path,
    mut each: impl FnMut(&Listed, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let refuse = |why: String| Error::unprocessable(format!("{}: {why}", path.display()));
    let broken = |error: io::Error| refuse(format!("not a snapshot, or a broken one: {error}"));
    let file = File::open(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let mut decoder = Decoder::new(file).map_err(broken)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(broken)?;
    {
        let mut archive = Archive::new(&mut decoder);
        let mut entries = archive.entries().map_err(broken)?.raw(true);
        let mut next = || entries.next().transpose().map_err(broken);
        let first = next()?.ok_or_else(|| refuse("it is empty".to_owned()))?;
        let text = one(first, MANIFEST, None, MANIFEST_BYTES_MAX).map_err(refuse)?;
        let manifest = manifest(&text).map_err(refuse)?;
        let mut seen: HashSet<&str> = HashSet::from([MANIFEST]);
        for listed in &manifest.files {
            let entry = next()?
                .ok_or_else(|| refuse(format!("{} is missing", shown(listed.path.as_bytes()))))?;
            let there = entry.path_bytes().into_owned();
            if let Ok(path) = str::from_utf8(&there)
                && seen.contains(path)
            {
                return Err(refuse(format!("{} stands twice in it", shown(&there))));
            }
            let bytes =
                one(entry, &listed.path, Some(listed.bytes), FILE_BYTES_MAX).map_err(refuse)?;
            if hex(&Sha256::digest(&bytes)) != listed.sha256 {
                let path = shown(listed.path.as_bytes());
                return Err(refuse(format!(
                    "{path} was changed: its SHA-256 is not that of {MANIFEST}"
                )));
            }
            seen.insert(&listed.path);
            each(listed, bytes)?;
        }
        if let Some(more) = next()? {
            let path = shown(&more.path_bytes());
            return Err(refuse(format!("{path} is not in {MANIFEST}")));
        }
    }
    // Of the two empty blocks at its end, a reader may leave one. At the end of the stream zstd compares its checksum.
    let mut rest = Vec::new();
    let read = decoder.by_ref().take(BLOCK + 1).read_to_end(&mut rest);
    read.map_err(broken)?;
    let is_end = rest.len() as u64 <= BLOCK && rest.iter().all(|byte| *byte == 0);
    let mut file: BufReader<File> = decoder.finish();
    if !is_end || !file.fill_buf().map_err(broken)?.is_empty() {
        return Err(refuse("something stands behind its end".to_owned()));
    }
    Ok(())
}

/// The bytes of an entry that is the one of this path.
fn one(
    mut entry: tar::Entry<'_, impl Read>,
    path: &str,
    bytes: Option<u64>,
    bytes_max: u64,
) -> std::result::Result<Vec<u8>, String> {
    let there = entry.path_bytes().into_owned();
    let name = shown(&there);
    let kind = entry.header().entry_type();
    if kind != EntryType::Regular {
        let what = match kind {
            EntryType::Symlink | EntryType::Link => "a link",
            EntryType::Directory => "a folder",
            _ => "no file",
        };
        return Err(format!("{name} is {what}: a snapshot has files alone"));
    }
    if there != path.as_bytes() {
        let is_outside =
            there.starts_with(b"/") || there.split(|byte| *byte == b'/').any(|part| part == b"..");
        return Err(match is_outside {
            true => format!("{name} leads out of the archive"),
            false => format!("{name} stands where {} should", shown(path.as_bytes())),
        });
    }
    let size = entry
        .header()
        .entry_size()
        .map_err(|error| format!("{name}: {error}"))?;
    if size > bytes_max {
        return Err(format!(
            "{name} has {size} bytes: at most {bytes_max} are taken"
        ));
    }
    if let Some(bytes) = bytes
        && bytes != size
    {
        return Err(format!(
            "{name} has {size} bytes, and {MANIFEST} says {bytes}"
        ));
    }
    let ours = header(path, size).map_err(|error| error.title().to_owned())?;
    if entry.header().as_bytes() != ours.as_bytes() {
        return Err(format!("{name} has a header that no snapshot has"));
    }
    let mut all = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let read = entry.read_to_end(&mut all);
    read.map_err(|error| format!("{name}: {error}"))?;
    match all.len() as u64 == size {
        true => Ok(all),
        false => Err(format!("{name} is cut")),
    }
}

fn manifest(text: &[u8]) -> std::result::Result<Manifest, String> {
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if manifest.format != FORMAT {
        let format = manifest.format;
        return Err(format!(
            "{MANIFEST}: format {format}, and this site reads {FORMAT}"
        ));
    }
    judge(&manifest.files)?;
    Ok(manifest)
}

/// Whether a list is one of an archive: that what it names is known is for whoever takes the files.
fn judge(files: &[Listed]) -> std::result::Result<(), String> {
    if files.len() > FILES_MAX {
        return Err(format!(
            "{} files: at most {FILES_MAX} are taken",
            files.len()
        ));
    }
    let mut total = 0_u64;
    let mut seen = HashSet::new();
    for file in files {
        let path = shown(file.path.as_bytes());
        let is_plain = |part: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(letter)
        };
        if !file.path.split('/').all(is_plain) {
            return Err(format!("{path} is no path of a snapshot"));
        }
        if file.path == MANIFEST || !seen.insert(&file.path) {
            return Err(format!("{path} stands twice in {MANIFEST}"));
        }
        if file.bytes > FILE_BYTES_MAX {
            let bytes = file.bytes;
            return Err(format!(
                "{path} has {bytes} bytes: at most {FILE_BYTES_MAX} are taken"
            ));
        }
        total += file.bytes;
    }
    match total > TOTAL_BYTES_MAX {
        true => Err(format!(
            "{total} bytes: at most {TOTAL_BYTES_MAX} are taken"
        )),
        false => Ok(()),
    }
}

/// The one header that a file of this path and size has.
fn header(path: &str, size: u64) -> Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|error| {
        Error::unprocessable(format!(
            "{} is no path of a snapshot: {error}",
            shown(path.as_bytes())
        ))
    })?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// A record as its file has it.
pub(super) fn json(record: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(record)
        .map_err(|error| Error::internal(format!("a record of the snapshot: {error}")))?;
    text.push(b'\n');
    Ok(text)
}

/// As it can stand in a message, whatever it is.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let text: String = text.escape_debug().take(SHOWN_CHARS).collect();
    format!("\"{text}\"")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::unprocessable(format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str, bytes: &[u8]) -> Listed {
        Listed {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
            signed_by: None,
        }
    }

    /// An archive of these files with this list, and what is read of it.
    fn round(
        files: &[(&str, &[u8])],
        list: Vec<Listed>,
    ) -> std::result::Result<Vec<String>, String> {
        let dir = std::env::temp_dir().join(format!(
            "glsr-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.tar.zst");
        let written = Writer::new(&path, list).and_then(|mut writer| {
            files
                .iter()
                .try_for_each(|(path, bytes)| writer.add(path, bytes))?;
            writer.finish()
        });
        let mut paths = Vec::new();
        let done = written.and_then(|()| {
            read(&path, |file, bytes| {
                assert_eq!(bytes.len() as u64, file.bytes);
                paths.push(file.path.clone());
                Ok(())
            })
        });
        let left: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.is_empty() || left == ["a.tar.zst"], "{left:?}");
        fs::remove_dir_all(&dir).unwrap();
        done.map(|()| paths)
            .map_err(|error| error.title().to_owned())
    }

    #[test]
    fn what_is_written_is_read() {
        let long = format!(
            "scripts/{}/1234567890/{}.minisig",
            "n".repeat(64),
            "f".repeat(80)
        );
        let files: [(&str, &[u8]); 3] = [("a.json", b"[]\n"), ("b/1.json", b""), (&long, b"text")];
        let list = files
            .iter()
            .map(|(path, bytes)| listed(path, bytes))
            .collect();
        assert_eq!(
            round(&files, list),
            Ok(files.map(|(path, _)| path.to_owned()).to_vec())
        );
    }

    #[test]
    fn what_is_not_as_listed_is_refused() {
        let a = || listed("a", b"1");
        for (files, list, why) in [
            (
                &[("a", &b"2"[..])][..],
                vec![a()],
                "\"a\" was changed: its SHA-256",
            ),
            (
                &[("a", b"22")],
                vec![a()],
                "\"a\" has 2 bytes, and MANIFEST.json says 1",
            ),
            (&[("b", b"1")], vec![a()], "\"b\" stands where \"a\" should"),
            (&[], vec![a()], "\"a\" is missing"),
            (
                &[("a", b"1"), ("c", b"1")],
                vec![a()],
                "\"c\" is not in MANIFEST.json",
            ),
            (
                &[("a", b"1"), ("a", b"1")],
                vec![a(), listed("b", b"1")],
                "\"a\" stands twice in it",
            ),
            (&[], vec![a(), a()], "\"a\" stands twice in MANIFEST.json"),
            (
                &[],
                vec![listed("../a", b"1")],
                "\"../a\" is no path of a snapshot",
            ),
            (
                &[],
                vec![listed("/a", b"1")],
                "\"/a\" is no path of a snapshot",
            ),
            (
                &[],
                vec![Listed {
                    bytes: 1 << 40,
                    ..a()
                }],
                "\"a\" has 1099511627776 bytes: at most",
            ),
        ] {
            let error = round(files, list).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
