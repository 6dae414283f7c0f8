//! Real libraries for the tests: a module that keeps to the contract or breaks it, compiled once, and
//! copies of it with other fingerprints, versions and faults written into them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use harmonious_abi::{self as abi, kind, method};
use harmonious_dispatcher::loader::ExpectedEntry;
use tempfile::TempDir;

const SOURCE: &str = include_str!("module.rs.txt");
/// Room for note and settings in the library, in bytes; as in the source.
const ROOM: usize = 512;

/// What the module's source declares.
pub const DECLARED: [ExpectedEntry<'static>; 5] = [
    entry(kind::HANDLER, method::GET | method::POST, "page"),
    entry(kind::GUARD, 0, "guard"),
    entry(kind::AFTER, 0, "after"),
    entry(kind::EXPORT, 0, "echo"),
    entry(kind::ERROR_PAGE, 0, "sorry"),
];

/// A folder with libraries, and the journals in which they write what is done to them.
pub struct Fixture {
    folder: TempDir,
}

/// How a copy differs from a good module.
#[derive(Clone)]
pub struct Variant {
    /// What its pages say.
    pub version: &'static str,
    /// The fingerprint.
    pub note: String,
    /// What its `init` returns.
    pub init: i32,
    /// How its table is broken; "" if it is not.
    pub table: &'static str,
    /// Bytes that are replaced by others of the same length, wherever they are.
    pub replace: Option<(&'static [u8], &'static [u8])>,
}

impl Default for Variant {
    fn default() -> Variant {
        Variant {
            version: "one",
            note: good_note(),
            init: 0,
            table: "",
            replace: None,
        }
    }
}

impl Fixture {
    pub fn new() -> Fixture {
        Fixture {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A good module of this file name.
    pub fn good(&self, name: &str) -> PathBuf {
        self.variant(name, &Variant::default())
    }

    /// A module of this file name and kind.
    pub fn variant(&self, name: &str, variant: &Variant) -> PathBuf {
        let journal = self.path(&format!("{name}.journal"));
        let (init, table, version) = (variant.init, variant.table, variant.version);
        let settings = format!("{init};{table};{version};{}", journal.display());
        let mut bytes = library().to_vec();
        write_at(
            &mut bytes,
            b"the text of the note is written here",
            &variant.note,
        );
        write_at(&mut bytes, b"the settings are written here", &settings);
        if let Some((from, to)) = variant.replace {
            while let Some(at) = find(&bytes, from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        self.file(name, &bytes)
    }

    /// Any file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        // Whatever the umask.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What was done to the module of this file name.
    pub fn journal(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(&format!("{name}.journal")));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// The fingerprint that fits this server.
pub fn good_note() -> String {
    let (major, minor) = (abi::ABI_MAJOR, abi::ABI_MINOR);
    let layout = abi::layout_hash();
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    let libc = if cfg!(target_env = "musl") {
        "musl"
    } else {
        "gnu"
    };
    format!(
        "abi_major={major}\nabi_minor={minor}\nlayout={layout:016x}\npanic=unwind\n\
         target={arch}-{os}-{libc}\nsdk=0.1.0\nrustc=1.95.0\nprofile=debug\n"
    )
}

const fn entry(kind: u32, methods: u32, name: &str) -> ExpectedEntry<'_> {
    ExpectedEntry {
        kind,
        methods,
        name,
    }
}

/// The library as it was compiled; no note and no settings are in it yet.
fn library() -> &'static [u8] {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("module.rs");
        fs::write(&source, SOURCE).unwrap();
        let abi = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi/src/lib.rs");
        rustc(
            folder.path(),
            &abi,
            &["--crate-name=harmonious_abi", "--crate-type=rlib"],
        );
        let known = "--extern=harmonious_abi=libharmonious_abi.rlib";
        rustc(
            folder.path(),
            &source,
            &["--crate-name=module", "--crate-type=cdylib", known],
        );
        fs::read(folder.path().join("libmodule.so")).unwrap()
    })
}

fn rustc(folder: &Path, source: &Path, arguments: &[&str]) {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .current_dir(folder)
        .args([
            "--edition=2024",
            "-Cpanic=unwind",
            "-Cdebuginfo=0",
            "-Cstrip=symbols",
        ])
        .args(arguments)
        .arg(source)
        .output()
        .expect("a compiler, as for these tests themselves");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
}

fn write_at(bytes: &mut [u8], marker: &[u8], text: &str) {
    assert!(text.len() <= ROOM, "{text}");
    let at = find(bytes, marker).expect("the library has room for it");
    let room = &mut bytes[at..at + ROOM];
    room.fill(b' ');
    room[..text.len()].copy_from_slice(text.as_bytes());
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
