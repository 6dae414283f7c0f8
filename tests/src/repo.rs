//! The repository as the tidy tests see it: its root, its files and its workspace members.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Table;

/// A text file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with `/` between the parts.
    pub path: String,
    /// The whole text; invalid UTF-8 is replaced.
    pub text: String,
}

impl File {
    /// A made-up file.
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// A package of the workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its folder, relative to the root, without a slash at the end.
    pub folder: String,
    /// Its manifest.
    pub manifest: Table,
}

impl Member {
    /// The name of the package.
    pub fn name(&self) -> &str {
        self.manifest["package"]["name"]
            .as_str()
            .expect("a package name is a string")
    }
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests lie in a folder of the repository")
        .to_owned()
}

/// Every text file that git tracks or would track: a new file is looked at before its first commit.
///
/// # Panics
/// Where git cannot be asked: without the list nothing would be checked.
pub fn files() -> Vec<File> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"]) // a CI's clone may belong to another user
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("the tidy tests need git");
    assert!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let paths = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<File> = paths.split_terminator('\0').filter_map(read_text).collect();
    assert!(!files.is_empty(), "git lists no file");
    files
}

/// The workspace's root manifest.
pub fn root_manifest() -> Table {
    manifest(Path::new(""))
}

/// The members of the workspace, as its root manifest lists them; `folder/*` is looked up.
pub fn members() -> Vec<Member> {
    let root_manifest = root_manifest();
    let listed = root_manifest["workspace"]["members"]
        .as_array()
        .expect("members is a list");
    let names = listed
        .iter()
        .map(|name| name.as_str().expect("a member is a string"));
    names
        .flat_map(expand)
        .map(|folder| Member {
            manifest: manifest(Path::new(&folder)),
            folder,
        })
        .collect()
}

fn expand(member: &str) -> Vec<String> {
    let Some(above) = member.strip_suffix("/*") else {
        return vec![member.to_owned()];
    };
    let mut found: Vec<String> = fs::read_dir(root().join(above))
        .unwrap_or_else(|error| panic!("{above}: {error}"))
        .map(|entry| entry.expect("a folder entry"))
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| format!("{above}/{}", entry.file_name().display()))
        .collect();
    found.sort();
    found
}

fn manifest(folder: &Path) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// `None` for what has no text: binary files, links to folders, files deleted but not yet committed.
fn read_text(path: &str) -> Option<File> {
    let bytes = fs::read(root().join(path))
        .ok()
        .filter(|bytes| !bytes.contains(&0))?;
    Some(File {
        path: path.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
