//! For tests: a tiny site with a stand-in for the sdk, which real cargo builds in a moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{BuildReport, Builder, Module, Profile, Stop};

/// A site and its sdk in a temporary folder.
pub struct Fixture {
    dir: tempfile::TempDir,
    /// What was told.
    pub told: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    /// A site with these modules; each holds its text.
    pub fn new(modules: &[(&str, &str)]) -> Fixture {
        let fixture = Fixture {
            dir: tempfile::tempdir().unwrap(),
            told: Arc::default(),
        };
        fixture.write(
            "../sdk/Cargo.toml",
            "[package]\nname = \"harmonious\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        fixture.write(
            "../sdk/src/lib.rs",
            "pub fn sdk() -> &'static str { \"sdk one\" }\n",
        );
        fixture.write(
            "Cargo.toml",
            "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nharmonious = { path = \"../sdk\" }\n\n[profile.dev]\ndebug = 0\n",
        );
        for (key, text) in modules {
            fixture.module(key, text);
        }
        fixture
    }

    /// The site's folder.
    pub fn site(&self) -> PathBuf {
        let site = self.dir.path().join("site");
        fs::create_dir_all(&site).unwrap();
        fs::canonicalize(site).unwrap()
    }

    /// Writes a file of the site.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.site().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a module whose library holds this text.
    pub fn module(&self, key: &str, text: &str) {
        let source = format!(
            "#[unsafe(no_mangle)] pub extern \"C\" fn text() -> usize {{ \
             std::hint::black_box(\"{text}\").len() + harmonious::sdk().len() }}\n"
        );
        self.write(&format!("domains/{key}.rs"), &source);
    }

    /// The modules that lie in the folder.
    pub fn modules(&self) -> Vec<Module> {
        let mut modules = Vec::new();
        let domains = self.site().join("domains");
        find(&domains, &domains, &mut modules);
        modules.sort_by(|a, b| a.key.cmp(&b.key));
        modules
    }

    /// A builder that leaves nothing outside of the folder.
    pub fn builder(&self) -> Builder {
        let told = Arc::clone(&self.told);
        let tell = move |line: &str| told.lock().unwrap().push(line.to_owned());
        let mut builder =
            Builder::new(&self.site(), Profile::Dev, Stop::default(), Box::new(tell)).unwrap();
        builder.common_target = None;
        builder
    }

    /// One that would fail if it needed cargo.
    pub fn builder_without_cargo(&self) -> Builder {
        let mut builder = self.builder();
        builder.cargo = "no-such-cargo".into();
        builder
    }

    /// Builds all.
    pub fn build(&self) -> BuildReport {
        self.builder().build(&self.modules(), None).unwrap()
    }

    /// Whether the library of a module holds this text.
    pub fn library_holds(&self, key: &str, text: &str) -> bool {
        let path = self.builder().library(key).unwrap();
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

fn find(root: &Path, dir: &Path, modules: &mut Vec<Module>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(root, &path, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let key = path.strip_prefix(root).unwrap().with_extension("");
            modules.push(Module {
                key: key.to_str().unwrap().to_owned(),
                source: path,
            });
        }
    }
}
