//! Where the sdk is: the crate that the modules of a site are written against.

use std::fs;
use std::path::{Path, PathBuf};

use super::BuildError;
use super::manifest::{self, SiteManifest};

/// The sdk of this binary, on the machine that it was built on.
const SDK_OF_THIS_BINARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dispatcher/sdk");

/// The variable that says where the sdk is.
const SDK_VARIABLE: &str = "HARMONIOUS_SDK";

/// The sdk's folder: the one that is given, or that `HARMONIOUS_SDK` names, or that this binary was
/// built beside. `None` if there is no package at it.
pub fn find_sdk(given: Option<&Path>) -> Option<PathBuf> {
    let set = || {
        std::env::var_os(SDK_VARIABLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let path = given.map(Path::to_owned).or_else(set);
    let path = path.unwrap_or_else(|| PathBuf::from(SDK_OF_THIS_BINARY));
    let path = fs::canonicalize(path).ok()?;
    path.join(manifest::FILE).is_file().then_some(path)
}

/// Whether the sdk is where the `Cargo.toml` says; `shown` is the site's folder for messages.
///
/// # Errors
/// That it is not, and where it may be.
pub fn check_sdk(site: &Path, shown: &str, manifest: &SiteManifest) -> Result<(), BuildError> {
    let Some(path) = manifest.sdk_path() else {
        return Ok(());
    };
    if site.join(path).join(manifest::FILE).is_file() {
        return Ok(());
    }
    let advice = match find_sdk(None) {
        Some(sdk) => format!("this server has it at {sdk:?}: write that path there"),
        None => "write there where dispatcher/sdk of Harmonious is".to_owned(),
    };
    Err(BuildError::NoSdk {
        file: Path::new(shown).join(manifest::FILE).display().to_string(),
        path: path.to_owned(),
        advice,
    })
}
