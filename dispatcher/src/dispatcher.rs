//! A site's domains as the server uses them: what to do with a URL, the answer to a request, and a new
//! manifest in place of the old one while requests go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;

use crate::config::TIME_LIMIT;
use crate::error::{Error, TaskError};
use crate::loader::{
    Expected, ExpectedEntry, Libraries, LoadError, LoadedModule, LoadedSet, Loader, LoaderLimits,
};
use crate::manifest::{Canonical, DomainId, Found, Manifest, ModuleId, Problems, Task, canonical};
use crate::message::{Incoming, Outgoing};
use crate::run::{self, Lineage};
use crate::running::Running;
use crate::services::{Renderer, Services};

/// The domains of one site.
///
/// # Examples
/// ```no_run
/// # use std::sync::Arc;
/// # use harmonious_dispatcher::{Dispatcher, Libraries, Services, SiteFacts, SiteLimits};
/// # fn example(libraries: Arc<dyn Libraries>, services: Arc<dyn Services>)
/// # -> Result<(), harmonious_dispatcher::Error> {
/// let facts = SiteFacts::of("sites/hello");
/// let manifest = facts.scan()?;
/// let site = Dispatcher::open(manifest, facts, SiteLimits::default(), libraries, services)?;
/// println!("{}", site.manifest().routes());
/// # Ok(())
/// # }
/// ```
pub struct Dispatcher {
    core: Core,
    snapshot: ArcSwap<Snapshot>,
    /// One reload at a time.
    reloading: Mutex<()>,
}

/// What a site is, for its modules.
#[derive(Clone, Debug, Default)]
pub struct SiteFacts {
    /// Its name.
    pub name: String,
    /// The host that its addresses are built with; empty for whichever was asked for.
    pub host: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The folder that it may write to.
    pub data: PathBuf,
    /// What its author configured.
    pub config: Value,
    /// Its secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// Whether its author is at work on it (`dev`): error pages are told details, and a module that
    /// does not compile is a fault of its own URL only.
    pub development: bool,
}

impl SiteFacts {
    /// A site in that folder, named like it, with nothing configured.
    pub fn of(dir: impl Into<PathBuf>) -> SiteFacts {
        let dir = dir.into();
        SiteFacts {
            name: dir
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            data: dir.join("data"),
            dir,
            ..SiteFacts::default()
        }
    }

    /// Reads the domains of the site.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once; in development only what concerns all of them.
    pub fn scan(&self) -> Result<Manifest, Problems> {
        match self.development {
            true => Manifest::scan_lenient(&self.dir),
            false => Manifest::scan(&self.dir),
        }
    }

    /// The value at a key such as `mail.from`; `None` if there is none.
    pub(crate) fn config_at(&self, key: &str) -> Option<&Value> {
        key.split('.')
            .try_fold(&self.config, |value, part| value.get(part))
    }
}

/// Limits for what neither module nor domain limits itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteLimits {
    /// How long a handler may run.
    pub time_limit: Duration,
    /// Bytes of a request's body; `None` for the server's own limit.
    pub body_max_bytes: Option<u64>,
    /// A module that panics as often within a minute is answered 503 for a minute; 0 for never.
    pub panics_per_minute: u32,
}

impl Default for SiteLimits {
    fn default() -> SiteLimits {
        SiteLimits {
            time_limit: TIME_LIMIT,
            body_max_bytes: None,
            panics_per_minute: crate::loader::config::PANICS_PER_MINUTE,
        }
    }
}

/// What to do with a request whose head is here.
#[derive(Debug)]
pub enum Planned {
    /// This is the answer: a canonical redirect, or a path that cannot be meant.
    Answer(Box<Outgoing>),
    /// A worker is to answer it.
    Run(PlannedJob),
}

/// Limits and kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedJob {
    /// A number for its kind of work: that of the module, from 1.
    pub route: u32,
    /// Bytes of the request's body, if not the server's own limit.
    pub body_max_bytes: Option<u64>,
    /// How long it may run.
    pub time_limit: Duration,
}

/// The modules that a path needs, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// All of them, root first.
    pub chain: Vec<String>,
    /// The one that the path means.
    pub requested: Option<String>,
}

/// What requests share whatever the manifest.
pub(crate) struct Core {
    pub(crate) facts: SiteFacts,
    pub(crate) limits: SiteLimits,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) loader: Loader,
    pub(crate) running: Running,
}

/// What a request keeps from its beginning to its end.
pub(crate) struct Snapshot {
    /// Tells the manifests of some time apart; see `running.rs`.
    pub(crate) number: u8,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) renderer: Arc<dyn Renderer>,
    pub(crate) modules: LoadedSet,
}

impl Snapshot {
    /// The module, loaded if it was not.
    pub(crate) fn load(&self, core: &Core, id: ModuleId) -> Result<&Arc<LoadedModule>, LoadError> {
        self.modules.get_or_load(id.index(), || {
            let module = self.manifest.module(id);
            let entries: Vec<ExpectedEntry<'_>> = module.declared.expected().collect();
            let expected = Expected {
                entries: &entries,
                panics_per_minute: module.declared.panics_per_minute,
            };
            core.loader.get(&module.key, &expected)
        })
    }

    /// Modules that exports of a module are looked up in, leaf to root.
    pub(crate) fn lineage_of(&self, domain: DomainId, module: ModuleId) -> Lineage {
        self.lineage(domain, Some(module))
    }

    /// The parents of a page that has no module.
    pub(crate) fn parents_of(&self, domain: DomainId) -> Lineage {
        self.lineage(domain, None)
    }

    fn lineage(&self, domain: DomainId, module: Option<ModuleId>) -> Lineage {
        let chain = self.manifest.chain(domain, module);
        let hooked = chain.modules.iter().rev().filter(|link| link.hooks);
        hooked.map(|link| link.module).collect()
    }
}

impl Dispatcher {
    /// Readies the templates of a manifest, which is [`SiteFacts::scan`]'s. No module is loaded yet.
    ///
    /// # Errors
    /// Everything that is wrong with the templates, at once.
    pub fn open(
        manifest: Manifest,
        facts: SiteFacts,
        limits: SiteLimits,
        libraries: Arc<dyn Libraries>,
        services: Arc<dyn Services>,
    ) -> Result<Dispatcher, Error> {
        let snapshot = snapshot(manifest, 0, &*services)?;
        let loader_limits = LoaderLimits {
            panics_per_minute: limits.panics_per_minute,
            ..LoaderLimits::default()
        };
        let core = Core {
            loader: Loader::new(libraries, loader_limits),
            facts,
            limits,
            services,
            running: Running::new(),
        };
        Ok(Dispatcher {
            core,
            snapshot: ArcSwap::from_pointee(snapshot),
            reloading: Mutex::new(()),
        })
    }

    /// What to do with a request. Memory only: for connection tasks.
    pub fn plan(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        id: &str,
    ) -> Planned {
        let refuse = |status| match self.plan_refused(path, status) {
            Some(job) => Planned::Run(PlannedJob {
                body_max_bytes: self.core.limits.body_max_bytes,
                ..job
            }),
            None => {
                let refused = run::refuse(headers, id, path, status);
                Planned::Answer(Box::new(refused))
            }
        };
        let canonical = match canonical(path) {
            Canonical::Path(path) => path,
            Canonical::Redirect(to) if run::may_redirect(method) => {
                return Planned::Answer(Box::new(run::redirect(&to, query)));
            }
            Canonical::Redirect(_) => return refuse(StatusCode::NOT_FOUND),
            Canonical::Refused(refusal) => return refuse(run::status_of(&refusal)),
        };
        let snapshot = self.snapshot.load();
        let resolved = snapshot.manifest.resolve(&canonical);
        let module = match &resolved.found {
            Found::Redirect { slash } => {
                let to = canonical.encoded_with(*slash);
                return Planned::Answer(Box::new(run::redirect(&to, query)));
            }
            Found::Module(module) => Some(*module),
            Found::Rest { candidates, .. } => candidates.first().copied(),
            Found::Page(_) | Found::Nothing => None,
        };
        let limits = &self.core.limits;
        let manifest = &snapshot.manifest;
        let own = module.map(|id| manifest.module(id));
        let domain = manifest.domain(resolved.domain).limits;
        let own_limit = own.and_then(|own| own.time_limit);
        let own_max = own.and_then(|own| own.max_body);
        Planned::Run(PlannedJob {
            route: module.map_or(0, |id| id.index() as u32 + 1),
            body_max_bytes: own_max.or(domain.max_body).or(limits.body_max_bytes),
            time_limit: own_limit.or(domain.time_limit).unwrap_or(limits.time_limit),
        })
    }

    /// Answers a request; may block. Whatever happens, there is an answer.
    pub fn answer(&self, incoming: &Incoming<'_>) -> Outgoing {
        // The guard, not a clone of the Arc: a count that all threads share would be written twice
        // for each request.
        let snapshot = self.snapshot.load();
        run::answer(&self.core, &snapshot, incoming)
    }

    /// The job that shows a refusal with this status on the site's own page: `None` where it has none for it, and a
    /// refusal need cost no worker. Memory only: for connection tasks.
    pub fn plan_refused(&self, path: &str, status: StatusCode) -> Option<PlannedJob> {
        let snapshot = self.snapshot.load();
        let manifest = &snapshot.manifest;
        let domain = run::domain_of(manifest, path);
        manifest.error_pages(domain, status.as_u16()).next()?;
        let limit = manifest.domain(domain).limits.time_limit;
        Some(PlannedJob {
            route: 0,
            body_max_bytes: Some(0),
            time_limit: limit.unwrap_or(self.core.limits.time_limit),
        })
    }

    /// Answers a request that is refused before any module is asked, such as one whose body is too large: as
    /// where nothing is found, behind the guards of its domain (invariant 7), with its error page. May block.
    pub fn answer_refused(&self, incoming: &Incoming<'_>, status: StatusCode) -> Outgoing {
        let snapshot = self.snapshot.load();
        run::answer_refused(&self.core, &snapshot, incoming, status)
    }

    /// Has modules drop those of their values that are to go ([`Services::leaving`]), until nothing is; may
    /// block for as long as they do.
    pub fn let_go(&self) {
        while run::let_go(&self.core) {}
    }

    /// The tasks of the site, by name.
    pub fn tasks(&self) -> Vec<Task> {
        self.snapshot.load().manifest.tasks().to_vec()
    }

    /// Runs a task with these arguments to its end, outside of any request; may block for as long as it takes.
    /// In its name `_` and `-` are the same. What it leaves open, a transaction for one, is undone.
    ///
    /// # Errors
    /// There is none of that name, it cannot be loaded, it returned an error, or it panicked.
    pub fn task(&self, name: &str, args: &[String]) -> Result<(), TaskError> {
        // Not a guard: those are for moments, and this may take hours.
        let snapshot = self.snapshot.load_full();
        run::task(&self.core, &snapshot, name, args)
    }

    /// A handler was given up at its time limit: which module the request is in, so that it can be
    /// named. It counts like a panic.
    pub fn timed_out(&self, path: &str, id: &str) -> Option<String> {
        let snapshot = self.snapshot.load();
        let running = self.core.running.find(id);
        let running = running.filter(|(number, _)| *number == snapshot.number);
        let ids = || snapshot.manifest.module_ids();
        let module = running
            .and_then(|(_, index)| ids().nth(index))
            .or_else(|| {
                let Canonical::Path(path) = canonical(path) else {
                    return None;
                };
                match snapshot.manifest.resolve(&path).found {
                    Found::Module(module) => Some(module),
                    Found::Rest { candidates, .. } => candidates.first().copied(),
                    _ => None,
                }
            })?;
        if let Some(loaded) = snapshot.modules.get(module.index()) {
            loaded.failed();
        }
        Some(snapshot.manifest.module(module).key.clone())
    }

    /// The modules that a path needs; where it is refused, those of the root, whose page shows that.
    pub fn needs(&self, path: &str) -> Needs {
        let manifest = &self.snapshot.load().manifest;
        let (domain, module) = match canonical(path) {
            Canonical::Path(path) => {
                let resolved = manifest.resolve(&path);
                let module = match &resolved.found {
                    Found::Module(module) => Some(*module),
                    Found::Rest { candidates, .. } => candidates.first().copied(),
                    _ => None,
                };
                (resolved.domain, module)
            }
            _ => (manifest.root(), None),
        };
        let chain = manifest.chain(domain, module);
        let key = |module| manifest.module(module).key.clone();
        Needs {
            chain: chain.modules.iter().map(|link| key(link.module)).collect(),
            requested: module.map(key),
        }
    }

    /// Reads the domains as they are now; [`Dispatcher::replace`] puts them in place.
    ///
    /// # Errors
    /// As [`SiteFacts::scan`].
    pub fn scan(&self) -> Result<Manifest, Problems> {
        self.core.facts.scan()
    }

    /// Puts a manifest in place of the old one. Every module is looked for again at its next use; one whose
    /// library is still the same file stays as it is. Requests that began keep what they began with.
    /// From then on libraries come from `libraries`.
    ///
    /// # Errors
    /// What is wrong with its templates; the old manifest stays.
    pub fn replace(&self, manifest: Manifest, libraries: Arc<dyn Libraries>) -> Result<(), Error> {
        let _one = self.reloading.lock();
        let number = self.snapshot.load().number.wrapping_add(1);
        let snapshot = snapshot(manifest, number, &*self.core.services)?;
        let manifest = Arc::clone(&snapshot.manifest);
        self.core.loader.set_libraries(libraries);
        self.core
            .loader
            .invalidate(&keys(&self.snapshot.load().manifest));
        self.snapshot.store(Arc::new(snapshot));
        // A module that is gone takes its libraries along, once nothing uses them.
        self.core
            .loader
            .retain(|key| manifest.module_by_key(key).is_some());
        Ok(())
    }

    /// Has every module looked for again at its next use, as [`Dispatcher::replace`] does.
    pub fn invalidate(&self) {
        let _one = self.reloading.lock();
        let old = self.snapshot.load_full();
        self.core.loader.invalidate(&keys(&old.manifest));
        self.snapshot.store(Arc::new(Snapshot {
            number: old.number,
            manifest: Arc::clone(&old.manifest),
            renderer: Arc::clone(&old.renderer),
            modules: LoadedSet::new(old.manifest.modules().len()),
        }));
    }

    /// Where libraries come from at this moment.
    pub fn libraries(&self) -> Arc<dyn Libraries> {
        self.core.loader.libraries()
    }

    /// The manifest of the moment.
    pub fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.snapshot.load().manifest)
    }

    /// The loader, for what it tells of itself.
    pub fn loader(&self) -> &Loader {
        &self.core.loader
    }
}

fn keys(manifest: &Manifest) -> Vec<String> {
    let modules = manifest.modules().iter();
    modules.map(|module| module.key.clone()).collect()
}

fn snapshot(manifest: Manifest, number: u8, services: &dyn Services) -> Result<Snapshot, Error> {
    let renderer = services.renderer(&manifest).map_err(Error::Templates)?;
    Ok(Snapshot {
        number,
        modules: LoadedSet::new(manifest.modules().len()),
        manifest: Arc::new(manifest),
        renderer,
    })
}
