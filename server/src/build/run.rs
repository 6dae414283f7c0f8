//! One build: what is stale, cargo, what became of it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use blake3::Hash;

use super::cargo::{Cargo, Outcome};
use super::inputs::{FileHashes, Shared, Tools, reads};
use super::lock::Lock;
use super::manifest::{self, SiteManifest};
use super::messages::Diagnostics;
use super::names::{crate_name, target_names};
use super::sdk::check_sdk;
use super::store::{Built, Index, Store};
use super::{BuildError, BuildFailure, BuildReport, Module, Profile, Stop, counted, listed, plain};

/// Builds the modules of one site, again and again.
pub struct Builder {
    /// Absolute.
    site: PathBuf,
    /// As it was given.
    given: PathBuf,
    /// The same for messages.
    shown: String,
    profile: Profile,
    store: Store,
    hashes: FileHashes,
    tools: OnceLock<Option<Tools>>,
    stop: Stop,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    /// The program cargo.
    pub(super) cargo: OsString,
    /// A folder for what cargo makes, common to several packages.
    pub(super) common_target: Option<PathBuf>,
}

/// What is known before a build.
struct Look {
    index: Index,
    shared: Shared,
    /// The modules without a library from their present inputs: place in the list, source.
    stale: Vec<(usize, Hash)>,
    fresh: usize,
    /// Those whose source cannot be read.
    unreadable: Vec<BuildFailure>,
}

impl Look {
    /// What is to be said when nothing is to be built.
    fn report(self) -> BuildReport {
        BuildReport {
            fresh: self.fresh,
            failed: self.unreadable,
            ..BuildReport::default()
        }
    }
}

impl Builder {
    /// A builder for a site. `tell` gets the lines that a person wants to read.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn new(
        site: &Path,
        profile: Profile,
        stop: Stop,
        tell: Box<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Builder, BuildError> {
        let absolute = fs::canonicalize(site).map_err(BuildError::file("find", site))?;
        Ok(Builder {
            store: Store::of(&absolute),
            site: absolute,
            given: site.to_owned(),
            shown: site.display().to_string(),
            profile,
            hashes: FileHashes::default(),
            tools: OnceLock::new(),
            stop,
            tell,
            cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            common_target: std::env::var_os("CARGO_TARGET_DIR")
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from),
        })
    }

    /// The site's folder, absolute.
    pub fn site(&self) -> &Path {
        &self.site
    }

    /// Tells a person something; the compiler's colours are for terminals only.
    pub fn say(&self, text: &str) {
        match std::io::stderr().is_terminal() {
            true => (self.tell)(text),
            false => (self.tell)(&plain(text)),
        }
    }

    /// Builds what is stale of the modules, or only of those `wanted`. `modules` are always all of the
    /// site, because the names of their targets depend on each other.
    ///
    /// # Errors
    /// If nothing could be built.
    pub fn build(
        &self,
        modules: &[Module],
        wanted: Option<&HashSet<String>>,
    ) -> Result<BuildReport, BuildError> {
        if modules.is_empty() && !self.site.join(manifest::FILE).is_file() {
            return Ok(BuildReport::default());
        }
        let modules = &self.absolute(modules);
        let names = target_names(modules.iter().map(|module| module.key.as_str()));
        let manifest = SiteManifest::read(&self.site)?;
        let look = self.look(&manifest, modules, wanted)?;
        if look.stale.is_empty() {
            // For editors. A folder that cannot be written is served all the same.
            let _ = manifest.keep(&self.site, modules, &names);
            return Ok(look.report());
        }

        self.store.create()?;
        let _lock = Lock::take(&self.site, &self.stop, || {
            (self.tell)(&format!("waiting for another build of {}", self.shown));
        })?;
        // Whoever had the lock may have built the same, and changed the Cargo.toml.
        let manifest = SiteManifest::read(&self.site)?;
        let look = self.look(&manifest, modules, wanted)?;
        if look.stale.is_empty() {
            return Ok(look.report());
        }
        check_sdk(&self.site, &self.shown, &manifest)?;
        manifest.keep(&self.site, modules, &names)?;
        self.compile(&manifest, modules, &names, look)
    }

    /// The path of the library that a module has, of whatever inputs.
    ///
    /// # Errors
    /// Why there is none.
    pub fn library(&self, key: &str) -> Result<PathBuf, String> {
        let built = self
            .store
            .built(self.profile, key)
            .map_err(|error| error.to_string())?;
        match built {
            Some(built) => self.store.library(&built),
            None => Err(format!("{key} is not built")),
        }
    }

    /// The modules below the absolute folder, in which the compiler tells of them.
    fn absolute(&self, modules: &[Module]) -> Vec<Module> {
        let absolute = |module: &Module| Module {
            key: module.key.clone(),
            source: match module.source.strip_prefix(&self.given) {
                Ok(below) => self.site.join(below),
                Err(_) => module.source.clone(),
            },
        };
        modules.iter().map(absolute).collect()
    }

    fn look(
        &self,
        manifest: &SiteManifest,
        modules: &[Module],
        wanted: Option<&HashSet<String>>,
    ) -> Result<Look, BuildError> {
        let index = self.store.index(self.profile)?;
        let shared = self.shared(manifest)?;
        let tools = self
            .tools
            .get_or_init(|| Tools::find(&self.site, manifest.sdk_path()))
            .as_ref();
        let mut tools_of: HashMap<&str, String> = HashMap::new();
        let (mut stale, mut fresh, mut unreadable) = (Vec::new(), 0, Vec::new());
        for (place, module) in modules.iter().enumerate() {
            if wanted.is_some_and(|wanted| !wanted.contains(&module.key)) {
                continue;
            }
            let source = match self.hashes.of(&module.source) {
                Ok(source) => source,
                Err(error) => {
                    unreadable.push(BuildFailure {
                        key: module.key.clone(),
                        message: format!("{}: cannot read it: {error}", module.source.display()),
                        diagnostics: String::new(),
                    });
                    continue;
                }
            };
            let has_library = index.modules.get(&module.key).is_some_and(|built| {
                let reads = index.reads_of(built);
                let inputs = shared.with_module(&self.site, &source, reads, &self.hashes);
                let same_tools = tools.is_none_or(|tools| {
                    let hash = || tools.hash(&self.site, reads, &self.hashes).to_string();
                    *tools_of.entry(&built.reads).or_insert_with(hash) == built.tools
                });
                let there = self.store.dir().join(&built.file).is_file();
                built.inputs == inputs.to_string() && same_tools && there
            });
            match has_library {
                true => fresh += 1,
                false => stale.push((place, source)),
            }
        }
        Ok(Look {
            index,
            shared,
            stale,
            fresh,
            unreadable,
        })
    }

    fn shared(&self, manifest: &SiteManifest) -> Result<Shared, BuildError> {
        Shared::read(
            &self.site,
            &manifest.author_text(),
            self.profile,
            &self.hashes,
        )
    }

    fn compile(
        &self,
        manifest: &SiteManifest,
        modules: &[Module],
        names: &[String],
        look: Look,
    ) -> Result<BuildReport, BuildError> {
        let stale = || look.stale.iter().map(|&(place, _)| place);
        let keys = || {
            look.stale
                .iter()
                .map(|&(place, _)| modules[place].key.as_str())
        };
        let what = format!(
            "{} of {}: {}",
            counted(look.stale.len()),
            self.shown,
            listed(keys())
        );
        (self.tell)(&format!("building {what}"));
        let target_dir = self.target_dir(manifest.package());
        let cargo = Cargo {
            site: &self.site,
            program: &self.cargo,
            target_dir: &target_dir,
            package: manifest.package(),
            profile: self.profile,
            tell: &*self.tell,
            stop: &self.stop,
        };
        let started = SystemTime::now();
        let targets: Vec<String> = stale().map(|place| names[place].clone()).collect();
        let built = self
            .forget(&cargo, &look, &targets)
            .and_then(|()| cargo.build(&targets));
        let outcome = built.map_err(|source| match source.kind() {
            ErrorKind::NotFound => BuildError::NoCargo {
                modules: what,
                source,
            },
            _ => BuildError::file("run", "cargo")(source),
        })?;
        if self.stop.is_stopped() {
            return Err(BuildError::Stopped);
        }
        self.take_in(manifest, modules, names, look, outcome, started)
    }

    /// A folder of its own in `target/`, so that an editor that checks the site does not hold the lock
    /// that a build waits for. Where a common folder is set, one for this site in it: cargo names the
    /// libraries of examples without their package, and two sites have many equal names.
    fn target_dir(&self, package: &str) -> PathBuf {
        let Some(common) = &self.common_target else {
            return self.site.join("target/harmonious");
        };
        let site = blake3::hash(self.site.as_os_str().as_encoded_bytes()).to_hex();
        let common = std::path::absolute(common).unwrap_or_else(|_| common.clone());
        common
            .join("harmonious")
            .join(format!("{package}-{}", &site[..8]))
    }

    /// Cargo goes by times: where contents changed and times did not, it is made to forget.
    fn forget(&self, cargo: &Cargo<'_>, look: &Look, targets: &[String]) -> std::io::Result<()> {
        let index = self.store.dir().join(self.profile.index());
        let last = fs::metadata(index).and_then(|index| index.modified()).ok();
        let changed =
            !look.index.library.is_empty() && look.index.library != look.shared.library.to_string();
        if changed && !last.is_some_and(|last| any_newer(&look.shared.library_files, last)) {
            cargo.clean(false)?;
        }
        let outside: HashSet<PathBuf> = look
            .index
            .reads
            .values()
            .flatten()
            .filter(|read| super::inputs::is_outside(read))
            .map(|read| self.site.join(read))
            .collect();
        let other_tools = match self.tools.get() {
            Some(Some(tools)) => look.index.modules.values().next().is_some_and(|built| {
                tools
                    .hash(&self.site, look.index.reads_of(built), &self.hashes)
                    .to_string()
                    != built.tools
            }),
            _ => false,
        };
        if other_tools
            && !last.is_some_and(|last| any_newer(&outside.into_iter().collect::<Vec<_>>(), last))
        {
            cargo.clean(true)?;
        }
        remove_outputs(&cargo.examples(), targets);
        Ok(())
    }

    /// Notes what was built, and what not.
    fn take_in(
        &self,
        manifest: &SiteManifest,
        modules: &[Module],
        names: &[String],
        look: Look,
        mut outcome: Outcome,
        started: SystemTime,
    ) -> Result<BuildReport, BuildError> {
        // Cargo may have written a Cargo.lock. If sources changed meanwhile, those before count.
        let now = self.shared(manifest)?;
        let shared = if now.library == look.shared.library {
            now
        } else {
            look.shared
        };
        let mut report = BuildReport {
            fresh: look.fresh,
            failed: look.unreadable,
            ..BuildReport::default()
        };
        let mut index = look.index;
        if outcome.is_about_no_target() {
            return Err(BuildError::Cargo {
                site: self.shown.clone(),
                words: outcome.words,
            });
        }
        for (place, source) in look.stale {
            let (module, name) = (&modules[place], &names[place]);
            let said = outcome.messages.modules.remove(name).unwrap_or_default();
            let Some(library) = outcome.messages.libraries.get(name) else {
                report.failed.push(failure(&module.key, said, &outcome));
                continue;
            };
            if !said.warnings.is_empty() {
                report.warnings.push((module.key.clone(), said.warnings));
            }
            let depends = fs::read_to_string(library.with_extension("d")).unwrap_or_default();
            let reads = reads(&self.site, &module.source, &depends);
            let built = Built {
                inputs: match changed_since(&self.site, &reads, started) {
                    true => String::new(),
                    false => shared
                        .with_module(&self.site, &source, &reads, &self.hashes)
                        .to_string(),
                },
                tools: self.tools_hash(manifest, &reads),
                file: self.store.add(library, name)?,
                reads: index.note_reads(reads),
            };
            let before = index.modules.insert(module.key.clone(), built.clone());
            if before.is_none_or(|before| before.file != built.file) {
                report.built.push(module.key.clone());
            }
        }
        if outcome.messages.libraries.is_empty() {
            return Ok(report); // nothing to note
        }
        index.library = shared.library.to_string();
        index.retain(&modules.iter().map(|module| module.key.as_str()).collect());
        self.store.commit(self.profile, &index)?;
        Ok(report)
    }

    fn tools_hash(&self, manifest: &SiteManifest, reads: &[String]) -> String {
        let tools = self
            .tools
            .get_or_init(|| Tools::find(&self.site, manifest.sdk_path()));
        let hash = tools
            .as_ref()
            .map(|tools| tools.hash(&self.site, reads, &self.hashes));
        hash.map(|hash| hash.to_string()).unwrap_or_default()
    }
}

fn failure(key: &str, said: Diagnostics, outcome: &Outcome) -> BuildFailure {
    let others = &outcome.messages.others;
    let count = |count| {
        if count == 1 {
            "1 error".to_owned()
        } else {
            format!("{count} errors")
        }
    };
    let (message, diagnostics) = if said.error_count > 0 {
        (
            format!("{key} does not compile: {}", count(said.error_count)),
            said.errors,
        )
    } else if others.error_count > 0 {
        let message = format!(
            "{key} cannot be built: {} in {}, which all modules share",
            count(others.error_count),
            others.first
        );
        (message, others.errors.clone())
    } else {
        (
            format!("{key} cannot be built: cargo says why"),
            outcome.words.clone(),
        )
    };
    BuildFailure {
        key: key.to_owned(),
        message,
        diagnostics,
    }
}

fn any_newer(files: &[PathBuf], than: SystemTime) -> bool {
    files.iter().any(|file| {
        let modified = fs::metadata(file).and_then(|file| file.modified());
        modified.is_ok_and(|modified| modified > than)
    })
}

fn changed_since(site: &Path, reads: &[String], since: SystemTime) -> bool {
    let files: Vec<PathBuf> = reads.iter().map(|read| site.join(read)).collect();
    any_newer(&files, since)
}

/// Without its library a target is compiled again whatever the times say.
fn remove_outputs(examples: &Path, targets: &[String]) {
    let crates: HashSet<String> = targets.iter().map(|target| crate_name(target)).collect();
    for entry in fs::read_dir(examples).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let stem = name
            .to_str()
            .and_then(|name| name.strip_prefix("lib")?.strip_suffix(".so"));
        let of = stem.map(|stem| stem.split_once('-').map_or(stem, |(name, _)| name));
        if of.is_some_and(|of| crates.contains(of)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
