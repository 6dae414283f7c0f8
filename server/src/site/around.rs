//! What the templates of a site ask of it: URLs of its pages, its files with a hash of their content, the
//! fragments that it keeps.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use harmonious_dispatcher::Manifest;
use harmonious_dispatcher::manifest::Links;
use harmonious_http::file_tag;
use harmonious_templating::{Fragments, Site};
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};

use super::locales::Spoken;

/// Digits of a content hash in a URL: 64 bits, so that no two contents of a file share one.
const HASH_DIGITS: usize = 16;
/// Files whose hash is remembered; the others are read each time they are named.
const ASSETS_MAX: usize = 10_000;
/// The name of the hash in a query.
const VERSION: &str = "v";

/// A site, as its templates see it.
pub struct Around {
    /// The folder of files that are served as they are.
    files: PathBuf,
    links: RwLock<Arc<Links>>,
    fragments: Arc<Fragments>,
    assets: Mutex<HashMap<String, Asset>>,
    spoken: RwLock<Spoken>,
}

/// What is known of a file, for as long as it is this one.
struct Asset {
    /// As the front tags it.
    tag: String,
    hash: String,
}

impl Around {
    /// Of a site with that folder of files, which keeps so many bytes of fragments.
    pub fn new(files: PathBuf, fragments_bytes: u64) -> Around {
        Around {
            files,
            links: RwLock::default(),
            fragments: Arc::new(Fragments::new(fragments_bytes)),
            assets: Mutex::default(),
            spoken: RwLock::default(),
        }
    }

    /// The domains and the catalogues were read: pages may have other URLs, modules make other fragments.
    pub fn follow(&self, manifest: &Manifest, spoken: Spoken) {
        *self.spoken.write() = spoken;
        *self.links.write() = Arc::new(Links::of(manifest));
        self.fragments.forget_modules();
    }

    /// Its catalogues.
    pub fn spoken(&self) -> Spoken {
        self.spoken.read().clone()
    }

    /// Whether an answer with that tag is the file whose content the URL names by its hash: then it never
    /// changes. Only what is in memory is asked. Files that are sent in their compressed form have other
    /// tags.
    pub fn is_current(&self, path: &str, query: Option<&str>, tag: &str) -> bool {
        let version = query.and_then(|query| query.strip_prefix(VERSION)?.strip_prefix('='));
        let (Some(version), Some(name)) = (version, path.strip_prefix('/')) else {
            return false;
        };
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        let assets = self.assets.lock();
        let asset = assets.get(&*name);
        asset.is_some_and(|asset| asset.hash == version && asset.tag == tag)
    }

    fn hash(&self, name: &str) -> io::Result<String> {
        let path = self.files.join(name);
        let metadata = fs::metadata(&path)?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let tag = file_tag(&metadata);
        let known = self.assets.lock().get(name).and_then(|asset| {
            let same = asset.tag == tag;
            same.then(|| asset.hash.clone())
        });
        if let Some(hash) = known {
            return Ok(hash);
        }
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut File::open(&path)?, &mut hasher)?;
        let hash = hasher.finalize().to_hex()[..HASH_DIGITS].to_owned();
        let mut assets = self.assets.lock();
        if assets.len() < ASSETS_MAX || assets.contains_key(name) {
            let asset = Asset {
                tag,
                hash: hash.clone(),
            };
            assets.insert(name.to_owned(), asset);
        }
        Ok(hash)
    }
}

impl Site for Around {
    fn url_for(&self, path: &str, values: &Map<String, Value>) -> Result<String, String> {
        let links = Arc::clone(&self.links.read());
        links.url(path, values)
    }

    fn asset(&self, path: &str) -> Result<String, String> {
        let name = asset_name(path)?;
        let hash = self
            .hash(name)
            .map_err(|error| format!("`{path}` in static/ cannot be read: {}", error.kind()))?;
        let url = percent_encoding::utf8_percent_encode(name, UNSAFE_IN_PATHS);
        Ok(format!("/{url}?{VERSION}={hash}"))
    }

    fn fragments(&self) -> &Arc<Fragments> {
        &self.fragments
    }
}

/// The path of a file in `static/`, as `asset` may be given it.
///
/// # Errors
/// It leads out of the folder, or nowhere.
pub fn asset_name(path: &str) -> Result<&str, String> {
    let name = path.strip_prefix('/').unwrap_or(path);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    // `components` leaves `a//b` and `a/./b` out, which are other URLs than they seem.
    let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
    match Path::new(name).components().all(plain) && parts.count() == name.split('/').count() {
        true => Ok(name),
        false => Err(format!("`{path}` is no path within static/")),
    }
}

/// What cannot stand in the path of a URL as it is (RFC 3986, section 3.3); slashes can.
const UNSAFE_IN_PATHS: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl std::fmt::Debug for Around {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around")
            .field("files", &self.files)
            .field("fragments", &self.fragments)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_file_changes_with_its_content_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a b.css"), "one").unwrap();
        let around = Around::new(dir.path().to_owned(), 0);
        let first = around.asset("a b.css").unwrap();
        let (path, query) = first.split_once('?').unwrap();
        assert_eq!(
            (path, query.len()),
            ("/a%20b.css", "v=".len() + HASH_DIGITS)
        );
        assert_eq!(around.asset("/a b.css").unwrap(), first);
        let tag = || file_tag(&fs::metadata(dir.path().join("a b.css")).unwrap());
        let before = tag();
        assert!(around.is_current("/a%20b.css", Some(query), &before));
        assert!(!around.is_current("/a%20b.css", Some("v=0000000000000000"), &before));
        assert!(!around.is_current("/a%20b.css", None, &before));
        fs::write(dir.path().join("a b.css"), "another").unwrap();
        // The file is another one, and nobody has asked for its hash yet.
        assert!(!around.is_current("/a%20b.css", Some(query), &tag()));
        assert_ne!(around.asset("a b.css").unwrap(), first);
        assert!(!around.is_current("/a%20b.css", Some(query), &tag()));
    }

    #[test]
    fn a_path_stays_within_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::create_dir(dir.path().join("static")).unwrap();
        let around = Around::new(dir.path().join("static"), 0);
        for path in [
            "",
            "/",
            "../secret",
            "a/../../secret",
            "//secret",
            "./x",
            ".",
        ] {
            let message = around.asset(path).unwrap_err();
            assert!(!message.is_empty(), "{path}");
        }
    }
}
