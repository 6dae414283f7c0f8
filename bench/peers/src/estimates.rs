//! What criterion found out: it is only in files.

use std::fs;
use std::path::{Path, PathBuf};

/// The median that criterion estimates, in nanoseconds, of the one case in a group's folder.
///
/// # Errors
/// Says in one line what is missing.
pub fn median(folder: &Path) -> Result<f64, String> {
    let failed = |what: String| format!("{}: {what}", folder.display());
    let case =
        find(folder, "new").ok_or_else(|| failed("criterion left no estimates".to_owned()))?;
    let text = fs::read(case.join("estimates.json")).map_err(|error| failed(error.to_string()))?;
    let estimates = serde_json::from_slice::<serde_json::Value>(&text);
    let estimates = estimates.map_err(|error| failed(error.to_string()))?;
    let median = estimates["median"]["point_estimate"].as_f64();
    median.ok_or_else(|| failed("no median".to_owned()))
}

/// The folder of this name, however deep.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut folders = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    folders.find_map(|path| match path.ends_with(name) {
        true => Some(path),
        false => find(&path, name),
    })
}
