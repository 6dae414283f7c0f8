//! `import-git`: the scripts of a git repository become scripts of the site.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harmonious::prelude::*;

use super::import;
use super::words::Words;
use crate::who;

/// How long a repository may take to come.
const CLONE_MAX: Duration = Duration::from_secs(30 * 60);
/// Between two looks whether it is there.
const CLONE_PAUSE: Duration = Duration::from_millis(50);
/// Ways that git may take: none of them runs a program that the address names.
const PROTOCOLS: &str = "https:http:ssh:git:file";
/// Letters of the name of the folder, 5 bits each.
const FOLDER_LETTERS: usize = 16;

/// `import-git URL-or-path [--owner ALIAS] [--report FILE] [--category PATH]`.
///
/// # Errors
/// As [`import::run`], and what git did not do; git says why on the standard error.
pub fn run(req: &Request, args: &[String]) -> Result<()> {
    let usage = "import-git URL-or-path [--owner ALIAS] [--report FILE] [--category PATH]";
    let words = Words::read(usage, args, 1..=1, &import::FLAGS)?;
    let from = words.plain[0];
    // A path is one wherever git is run.
    let (address, source) = match Path::new(from).canonicalize() {
        Ok(path) => (
            path.to_string_lossy().into_owned(),
            path.to_string_lossy().into_owned(),
        ),
        Err(_) => (from.to_owned(), without_credentials(from)),
    };
    let folder = Folder::new()?;
    clone(&address, &source, &folder.0)?;
    import::folder_of(req, &folder.0, &source, &words)
}

/// The newest commit alone, without what the repository could make git run.
fn clone(address: &str, source: &str, to: &Path) -> Result<()> {
    let mut command = Command::new("git");
    command
        .args([
            "clone",
            "--quiet",
            "--depth",
            "1",
            "--no-tags",
            "--no-local",
        ])
        .args([
            "--no-recurse-submodules",
            "--config",
            "core.hooksPath=/dev/null",
        ])
        .arg("--")
        .arg(address)
        .arg(to)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .stdin(Stdio::null());
    let child = command
        .spawn()
        .map_err(|error| Error::unprocessable(format!("git cannot be run: {error}: install it")))?;
    match wait(child)? {
        true => Ok(()),
        false => Err(Error::unprocessable(format!("git did not get {source}"))),
    }
}

/// Whether it ended well.
fn wait(mut child: Child) -> Result<bool> {
    let until = Instant::now() + CLONE_MAX;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            let minutes = CLONE_MAX.as_secs() / 60;
            return Err(Error::unprocessable(format!(
                "git was not done after {minutes} minutes: clone it by hand and import the folder"
            )));
        }
        std::thread::sleep(CLONE_PAUSE);
    }
}

/// An address without the name and the password in front of its host.
fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

/// A folder that goes with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let name = format!("glsr-import-{}", who::secret(FOLDER_LETTERS)?);
        let path = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| {
            Error::unprocessable(format!("no folder {}: {error}", path.display()))
        })?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies where the system keeps what is temporary.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_cut_off() {
        for (address, source) in [
            (
                "https://ada:pass@x.example/a@b.git",
                "https://x.example/a@b.git",
            ),
            ("https://token@x.example", "https://x.example"),
            ("https://x.example/a@b", "https://x.example/a@b"),
            ("git@x.example:a.git", "git@x.example:a.git"),
        ] {
            assert_eq!(without_credentials(address), source);
        }
    }
}
