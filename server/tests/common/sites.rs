//! Sites with modules: fixtures, built once and kept for the next run, and sites that a test writes.
//!
//! All of them are built in one folder, the workshop, one after the other: so cargo compiles the sdk
//! once for all. What was built is copied out, to where servers without a tool chain serve it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Server, harmonious};

/// The source of a page that says "first".
pub const PAGE: &str = "//! A page.\nuse harmonious::prelude::*;\n\n#[get]\n\
                    fn show(_req: &Request) -> Result<Response> {\n    Ok(Response::text(\"first\"))\n}\n";

/// A cold build compiles the sdk and what it needs, on whatever machine.
const BUILD_PATIENCE: Duration = Duration::from_secs(600);

/// Whatever compiles nothing: where there is no tool chain.
const NO_TOOLS: &str = "/nowhere";

/// Files of a site that the author writes; all else in the workshop is made from them.
const WRITTEN: [&str; 8] = [
    "domains",
    "locales",
    "migrations",
    "site",
    "static",
    "site.toml",
    "secrets.toml",
    "data",
];

/// Where libraries are.
const LIBRARIES: &str = ".harmonious";

/// The folder in which sites are built. Whoever has it has it alone, in all processes.
pub struct Workshop {
    /// The folder of the site.
    pub dir: PathBuf,
    _turn: File,
}

impl Workshop {
    /// With a copy of a fixture in it, built for `dev`.
    pub fn with(fixture: &str) -> Workshop {
        Workshop::prepared(fixture, &[], &kept(&format!("{fixture}-dev")))
    }

    /// With these files in it.
    pub fn of(files: &[(&str, &str)]) -> Workshop {
        let workshop = Workshop::empty();
        for (name, text) in files {
            workshop.write(name, text);
        }
        workshop
    }

    /// With a copy of what the author of a site wrote.
    pub fn of_site(site: &Path) -> Workshop {
        let workshop = Workshop::empty();
        for name in WRITTEN.iter().filter(|name| site.join(name).exists()) {
            copy(&site.join(name), &workshop.dir.join(name));
        }
        workshop
    }

    /// With a copy of a fixture in it, built. What was built lately is kept there, and taken from there.
    fn prepared(fixture: &str, flags: &[&str], kept: &Path) -> Workshop {
        let workshop = Workshop::empty();
        copy(&fixtures().join(fixture), &workshop.dir);
        if kept.join(LIBRARIES).is_dir() {
            copy(&kept.join(LIBRARIES), &workshop.dir.join(LIBRARIES));
        }
        succeed(workshop.run("build", flags));
        remove(kept);
        workshop.copy_to(kept);
        workshop
    }

    /// With nothing but the files that make it a site.
    fn empty() -> Workshop {
        let dir = place().join("workshop");
        fs::create_dir_all(&dir).unwrap();
        let turn = File::create(place().join("turn")).unwrap();
        turn.lock().unwrap();
        for name in WRITTEN {
            remove(&dir.join(name));
        }
        remove(&dir.join(LIBRARIES));
        fs::create_dir_all(dir.join("domains")).unwrap();
        fs::write(dir.join("Cargo.toml"), cargo_toml()).unwrap();
        lock_file(&dir);
        Workshop { dir, _turn: turn }
    }

    /// Saves a file of the site.
    pub fn write(&self, name: &str, text: &str) {
        write(&self.dir, name, text);
    }

    /// Removes a file of the site.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.dir.join(name)).unwrap();
    }

    /// Runs a command of the binary on the site, with a tool chain: `build`, `check`.
    pub fn run(&self, command: &str, flags: &[&str]) -> Output {
        let args = [&[command, self.dir.to_str().unwrap()], flags].concat();
        finish(with_tools(harmonious(&args)))
    }

    /// Builds the site as it is served. It compiles.
    pub fn build(&self) {
        succeed(self.run("build", &["--release"]));
    }

    /// Starts `serve` or `dev` on the site, with a tool chain.
    pub fn start(&self, command: &str, flags: &[&str]) -> Server {
        let dir = self.dir.to_str().unwrap();
        let args = [&[command, dir], &PORTS[..], flags].concat();
        Server::of(with_tools(harmonious(&args)), true)
    }

    /// Copies the site as it is built.
    pub fn copy_to(&self, dir: &Path) {
        copy_built(&self.dir, dir);
    }
}

/// A fixture, built, to be served as it is: all tests share it.
pub fn built(fixture: &'static str) -> PathBuf {
    static BUILT: OnceLock<std::sync::Mutex<BTreeSet<&'static str>>> = OnceLock::new();
    let kept = kept(fixture);
    let mut built = BUILT.get_or_init(Default::default).lock().unwrap();
    if built.contains(fixture) {
        return kept;
    }
    Workshop::prepared(fixture, &["--release"], &kept);
    built.insert(fixture);
    kept
}

/// A fixture, built, in a folder of the caller's own.
pub fn own(fixture: &'static str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_built(&built(fixture), dir.path());
    dir
}

/// A folder with these files: a site that is looked at and not built.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text);
    }
    dir
}

/// Saves a file below a folder.
pub fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    if name == "secrets.toml" {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Serves built sites, where there is no tool chain. Of listeners it has one: the network's, unless a
/// flag names another.
pub fn serve(dirs: &[&Path], flags: &[&str]) -> Server {
    let dirs = dirs.iter().map(|dir| dir.to_str().unwrap());
    let ports = match flags.contains(&"--listen") {
        true => &PORTS[2..],
        false => &PORTS[..],
    };
    let args: Vec<&str> = ["serve"].into_iter().chain(dirs).collect();
    Server::of(
        without_tools(harmonious(&[&args, ports, flags].concat())),
        true,
    )
}

/// Runs the binary to its end, where there is no tool chain.
pub fn run(args: &[&str]) -> Output {
    finish(without_tools(harmonious(args)))
}

/// With what this process knows of the tool chain.
pub fn with_tools(mut command: Command) -> Command {
    const KNOWN: [&str; 6] = [
        "PATH",
        "HOME",
        "CARGO",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
    ];
    command.envs(
        KNOWN
            .iter()
            .filter_map(|name| Some((*name, std::env::var_os(name)?))),
    );
    command
}

pub fn without_tools(mut command: Command) -> Command {
    command
        .env("PATH", NO_TOOLS)
        .env("CARGO", NO_TOOLS)
        .env("RUSTC", NO_TOOLS);
    command
}

/// What it says when it succeeds.
#[track_caller]
pub fn succeed(output: Output) -> String {
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{error}");
    text
}

/// Runs a command that may compile, to its end.
pub fn finish(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let out = all(child.stdout.take().unwrap());
    let err = all(child.stderr.take().unwrap());
    let until = Instant::now() + BUILD_PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("the process does not end: {:?}", err.join());
        }
        std::thread::sleep(Duration::from_millis(5)); // between two looks at a condition
    };
    Output {
        status,
        stdout: out.join().unwrap(),
        stderr: err.join().unwrap(),
    }
}

const PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];

fn all(mut source: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        bytes
    })
}

/// Beside what cargo makes of this package, so that it goes with it.
pub fn place() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-sites")
}

/// Where a built fixture is kept.
fn kept(fixture: &str) -> PathBuf {
    place().join("built").join(fixture)
}

pub fn repository() -> PathBuf {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    server.parent().unwrap().to_owned()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Quick to compile: what is tested is the server.
fn cargo_toml() -> String {
    let sdk = repository().join("dispatcher/sdk");
    format!(
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nharmonious = {{ path = {sdk:?} }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n\
         [profile.release]\nopt-level = 0\nstrip = true\ncodegen-units = 16\n"
    )
}

/// The versions of the starter site, whose dependencies are those of all fixtures; cargo adds nothing
/// to them as long as they are the same.
fn lock_file(dir: &Path) {
    let (from, copied) = (
        repository().join("sites/hello/Cargo.lock"),
        place().join("Cargo.lock"),
    );
    let Ok(locked) = fs::read(from) else {
        return;
    };
    if fs::read(&copied).is_ok_and(|before| before == locked) && dir.join("Cargo.lock").is_file() {
        return;
    }
    fs::write(copied, &locked).unwrap();
    fs::write(dir.join("Cargo.lock"), &locked).unwrap();
}

/// A site without what cargo keeps of it.
fn copy_built(from: &Path, to: &Path) {
    for name in WRITTEN
        .into_iter()
        .chain([LIBRARIES, "Cargo.toml", "Cargo.lock"])
    {
        if from.join(name).exists() {
            copy(&from.join(name), &to.join(name));
        }
    }
}

/// Copies a file or a folder with all that is in it. Secrets are for their owner only, whatever the
/// repository knows of permissions.
pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
    if to.parent().unwrap().ends_with(LIBRARIES) {
        // Libraries are as old as they are: a build asks what changed since. Sources are new, so that
        // cargo does not take them for those of the site that was here before.
        let built = fs::metadata(from).unwrap().modified().unwrap();
        File::options()
            .write(true)
            .open(to)
            .unwrap()
            .set_modified(built)
            .unwrap();
    }
    if to.ends_with("secrets.toml") {
        fs::set_permissions(to, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", path.display()),
        _ => {}
    }
}
