//! Sites that are measured: the one of the repository, and those that are made up. What is made up lies
//! below the target folder and stays there, so that a second run finds it built.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, process};

use crate::contest::server::Entrant;

pub mod control;

/// The folder of the site that is in the repository, and the name of its package.
const OF_REPOSITORY: &str = "bench/site";
const PACKAGE_OF_REPOSITORY: &str = "harmonious-bench-site";

/// Folders of a site whose files are all replaced; what it kept in an earlier run goes with them.
const SOURCES: [&str; 5] = ["data", "domains", "migrations", "site", "static"];
/// What a site of the repository is not made from.
const MADE: [&str; 4] = [".harmonious", "target", "data", SECRETS];
/// Where its sdk is, as its Cargo.toml says.
const SDK_OF_SITES: &str = "path = \"../../dispatcher/sdk\"";
/// The file of a site that only its owner may read.
const SECRETS: &str = "secrets.toml";

const CONTROL: &str = "--control";
const ANY_PORT: &str = "127.0.0.1:0";

/// A file of a site: its path in the site's folder, and what is in it.
pub type Text = (String, String);

/// A folder that our server can serve.
pub struct Site {
    dir: PathBuf,
}

impl Site {
    /// The one that is in the repository.
    pub fn of_repository() -> Self {
        Self {
            dir: repository().join(OF_REPOSITORY),
        }
    }

    /// One of these files, in a folder of this name; the name of its package begins with
    /// `harmonious-bench-`. What was built of it before and is still the same need not be built again.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn make(folder: &str, package: &str, files: &[Text]) -> Result<Self, String> {
        let site = Self {
            dir: place().join(folder),
        };
        let made = SOURCES
            .iter()
            .try_for_each(|sources| gone(&site.dir.join(sources)))
            .and_then(|()| site.write("Cargo.toml", &manifest(package)))
            .and_then(|()| site.lock(package))
            .and_then(|()| {
                files
                    .iter()
                    .try_for_each(|(path, text)| site.write(path, text))
            });
        made.map_err(|error| format!("{}: {error}", site.dir.display()))?;
        Ok(site)
    }

    /// The starter, as our server makes it, in a folder of this name; with these files besides.
    ///
    /// # Errors
    /// Where the system or our server refuses.
    pub fn starter(harmonious: &Path, folder: &str, files: &[Text]) -> Result<Self, String> {
        let site = Self {
            dir: place().join(folder),
        };
        let cleared = gone(&site.dir).and_then(|()| fs::create_dir_all(place()));
        cleared.map_err(|error| format!("{}: {error}", site.dir.display()))?;
        let mut command = command(harmonious);
        command.arg("new").arg(&site.dir);
        command.arg("--sdk").arg(sdk()).stdout(Stdio::null());
        succeed(&mut command)?;
        let written = files
            .iter()
            .try_for_each(|(path, text)| site.write(path, text));
        written.map_err(|error| format!("{}: {error}", site.dir.display()))?;
        Ok(site)
    }

    /// A site of the repository in a folder of this name, as it is there, without what it keeps and what was made of
    /// it. What is the same as in an earlier run stays as it was, so that it need not be built again.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn copy_of(path: &str, folder: &str) -> Result<Self, String> {
        let site = Self {
            dir: place().join(folder),
        };
        let from = repository().join(path);
        let copied = gone(&site.dir.join("data"))
            .and_then(|()| copy_all(&from, &site.dir, true))
            .and_then(|()| fs::read_to_string(from.join("Cargo.toml")))
            .and_then(|text| {
                let sdk = format!("path = {:?}", sdk().to_string_lossy());
                site.write("Cargo.toml", &text.replace(SDK_OF_SITES, &sdk))
            });
        copied.map_err(|error| format!("{}: {error}", site.dir.display()))?;
        Ok(site)
    }

    /// Runs a task of the site with these words; what it printed, and how long that took.
    ///
    /// # Errors
    /// Where it fails.
    pub fn task(&self, harmonious: &Path, words: &[&str]) -> Result<(String, Duration), String> {
        let mut command = command(harmonious);
        command.arg("task").arg(&self.dir).args(words);
        let began = Instant::now();
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output();
        let took = began.elapsed();
        let words = words.join(" ");
        let output = output.map_err(|error| format!("{words}: {error}"))?;
        match output.status.success() {
            true => Ok((String::from_utf8_lossy(&output.stdout).into_owned(), took)),
            false => Err(format!("{words}: {}", output.status)),
        }
    }

    /// Builds what of its modules is not built as it is now, as `serve` needs it.
    ///
    /// # Errors
    /// Where it does not build.
    pub fn build(&self, harmonious: &Path) -> Result<(), String> {
        println!("building {}", self.dir.display());
        let mut command = command(harmonious);
        command.args(["build", "--release"]).arg(&self.dir);
        succeed(&mut command)
    }

    /// Replaces a file as careful editors do: whoever reads it sees the old text or the new one.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn save(&self, path: &str, text: &str) -> Result<(), String> {
        let file = self.dir.join(path);
        let beside = file.with_file_name(".saved.swp");
        let saved = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &file));
        saved.map_err(|error| format!("{}: {error}", file.display()))
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let file = self.dir.join(path);
        fs::create_dir_all(file.parent().unwrap_or(&self.dir))?;
        fs::write(&file, text)?;
        match path {
            SECRETS => fs::set_permissions(&file, Permissions::from_mode(0o600)),
            _ => Ok(()),
        }
    }

    /// The versions of the site in the repository, where there are none yet. Byte for byte as cargo
    /// would write them, else everything would be built once more: so the name of the package must
    /// stand where the other one does.
    fn lock(&self, package: &str) -> io::Result<()> {
        if self.dir.join("Cargo.lock").exists() {
            return Ok(());
        }
        let lock = repository().join(OF_REPOSITORY).join("Cargo.lock");
        match fs::read_to_string(lock) {
            Ok(text) => {
                let name = |package: &str| format!("name = \"{package}\"\n");
                let text = text.replace(&name(PACKAGE_OF_REPOSITORY), &name(package));
                self.write("Cargo.lock", &text)
            }
            Err(_) => Ok(()), // cargo makes one
        }
    }
}

/// Our server as it is shipped, with the command `serve` or `dev`, these sites and these flags, on free
/// ports. What it says goes into a file beside the sites.
pub fn entrant(
    name: &'static str,
    harmonious: &Path,
    command: &'static str,
    sites: &[&Site],
    flags: &[&str],
) -> Entrant {
    let program = harmonious.to_owned();
    let sites: Vec<PathBuf> = sites.iter().map(|site| site.dir.clone()).collect();
    let mut flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    if !flags.iter().any(|flag| flag == CONTROL) {
        flags.extend([CONTROL, ANY_PORT].map(str::to_owned));
    }
    let _ = fs::remove_file(log_path(name)); // what an earlier run left
    let launch = move || {
        let mut server = self::command(&program);
        server
            .arg(command)
            .args(&sites)
            .args(["--listen", ANY_PORT]);
        server.args(&flags).stderr(log(name)?);
        Ok((server, None))
    };
    Entrant {
        name,
        by_default: true,
        launch: Box::new(launch),
        visit: None,
    }
}

/// The repository's folder.
///
/// # Panics
/// Where it is gone.
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::canonicalize(root).expect("the repository that this was built from")
}

/// Where everything lies that measurements make.
pub fn place() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    let target = target.and_then(|dir| absolute(dir).ok());
    let target = target.unwrap_or_else(|| repository().join("target"));
    target.join("bench")
}

/// A path in the folder for temporary files that no other process takes.
pub fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("harmonious-bench-{}-{name}", process::id()))
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// Where the system refuses; not where there is none.
pub fn gone(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies what is not the same, and removes what is gone.
fn copy_all(from: &Path, to: &Path, is_top: bool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let is_made = |name: &OsStr| is_top && MADE.iter().any(|made| name == *made);
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !is_made(&entry.file_name()) && !from.join(entry.file_name()).exists() {
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, there) = (entry.path(), to.join(entry.file_name()));
        // The manifest is written with another path in it.
        if is_made(&entry.file_name()) || (is_top && entry.file_name() == "Cargo.toml") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_all(&path, &there, false)?;
        } else if fs::read(&there).ok() != Some(fs::read(&path)?) {
            fs::copy(&path, &there)?;
        }
    }
    Ok(())
}

fn sdk() -> PathBuf {
    repository().join("dispatcher/sdk")
}

/// As `harmonious new` writes it, but for the section of the modules.
fn manifest(package: &str) -> String {
    format!(
        "\
[package]
name = \"{package}\"
version = \"0.1.0\"
edition = \"2024\"
publish = false
autoexamples = false

[workspace]

[dependencies]
harmonious = {{ path = {:?} }}

[profile.dev]
debug = \"line-tables-only\"

[profile.dev.package.\"*\"]
debug = false

[profile.release]
strip = true
",
        sdk().to_string_lossy()
    )
}

/// Our server; what it compiles goes into a folder beside the sites, where a site that is made anew in
/// the same folder finds its sdk.
fn command(harmonious: &Path) -> Command {
    let mut command = Command::new(harmonious);
    command.env("CARGO_TARGET_DIR", place().join("cargo"));
    command
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).status();
    let program = command.get_program().to_string_lossy().into_owned();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// What a server says, one start after the other.
fn log(name: &str) -> io::Result<File> {
    fs::create_dir_all(place())?;
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(log_path(name))
}

fn log_path(name: &str) -> PathBuf {
    place().join(format!("{name}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_made_anew_in_the_same_folder() {
        let files = |name: &str| [(format!("domains/{name}.rs"), "//! x\n".to_owned())];
        let site = Site::make("test-make", "made", &files("a")).expect("a site");
        let site = Site::make("test-make", "made", &files("b")).unwrap_or(site);
        let there = |path: &str| site.dir.join(path).exists();
        assert!(there("domains/b.rs") && there("Cargo.toml") && !there("domains/a.rs"));
        site.save("domains/b.rs", "//! y\n").expect("a file");
        let saved = fs::read_to_string(site.dir.join("domains/b.rs"));
        assert_eq!(saved.expect("a file"), "//! y\n");
        gone(&site.dir).expect("a folder");
    }
}
