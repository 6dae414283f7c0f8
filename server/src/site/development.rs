//! What `harmonious dev` does around a site: builds what a request needs before it is answered, reads
//! the domains again when they change, shows what went wrong, has browsers reload.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use harmonious_dispatcher::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use harmonious_dispatcher::http::{HeaderMap, HeaderValue, StatusCode};
use harmonious_dispatcher::{
    Dispatcher, Fault, Libraries, LibraryError, Manifest, Needs, wants_json,
};
use harmonious_http::{Body, Head, Response};

use crate::build::{BuildFailure, Module};
use crate::dev::{
    Changes, DevLibraries, ErrorPage, Event, Live, REQUEST_WAIT, RequestShown, Watching,
};
use crate::failure::Failure;
use crate::site::one::SETTINGS_CHANGED;

/// A site that is being written.
pub struct Development {
    dir: PathBuf,
    libraries: Arc<DevLibraries>,
    shared: Arc<Shared>,
}

/// What the threads that watch and build share with those who answer.
struct Shared {
    live: Live,
    dispatcher: OnceLock<Arc<Dispatcher>>,
    /// Why the domains cannot be read as they are now, if so.
    broken: Mutex<Option<String>>,
}

impl Development {
    /// Of the site in that folder; nothing is built yet.
    ///
    /// # Errors
    /// If it is no folder that can be built in.
    pub fn start(dir: &Path) -> Result<Arc<Development>, Failure> {
        let failed = |error: &dyn std::error::Error| Failure::Failed(error.to_string());
        let dir = dir.canonicalize().map_err(|error| failed(&error))?;
        let shared = Arc::new(Shared {
            live: Live::new(),
            dispatcher: OnceLock::new(),
            broken: Mutex::new(None),
        });
        let told = Arc::clone(&shared);
        let say = |line: &str| eprintln!("{line}");
        let libraries = DevLibraries::start(&dir, Vec::new(), say, move |event| {
            fenced("a build's end", || told.tell(event));
        });
        Ok(Arc::new(Development {
            libraries: Arc::new(libraries.map_err(|error| failed(&error))?),
            shared,
            dir,
        }))
    }

    /// Where the modules of a manifest come from.
    pub fn libraries(&self, manifest: &Manifest) -> Arc<dyn Libraries> {
        self.libraries.set_modules(modules(&self.dir, manifest));
        // There is no log yet.
        for problem in manifest.problems() {
            eprintln!("{problem}");
        }
        Arc::clone(&self.libraries) as Arc<dyn Libraries>
    }

    /// Follows what is saved, until the value is dropped.
    ///
    /// # Errors
    /// If the folder cannot be watched.
    pub fn watch(&self, dispatcher: Option<&Arc<Dispatcher>>) -> Result<Watching, Failure> {
        if let Some(dispatcher) = dispatcher {
            // Set once: a site is watched once.
            let _ = self.shared.dispatcher.set(Arc::clone(dispatcher));
        }
        let (dir, libraries) = (self.dir.clone(), Arc::clone(&self.libraries));
        let shared = Arc::clone(&self.shared);
        let changed = move |changes: Changes| {
            fenced("looking at what was saved", || {
                shared.changed(&dir, &libraries, &changes)
            });
        };
        Watching::start(&self.dir, changed).map_err(|error| {
            Failure::Failed(format!("{} cannot be watched: {error}", self.dir.display()))
        })
    }

    /// The answer to the browser's own questions: the script and its events.
    pub fn answer(&self, head: &Head) -> Option<Response> {
        self.shared.live.answer(head)
    }

    /// Builds what a request needs; a page that says why, if that cannot be: what it asks for does not
    /// compile.
    pub fn prepare(&self, dispatcher: &Dispatcher, head: &Head) -> Option<Response> {
        let broken = self
            .shared
            .broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(message) = broken {
            let page = ErrorPage {
                title: "the domains cannot be read",
                message: &message,
                note: Some("every URL shows this until it is mended"),
                ..self.page(StatusCode::INTERNAL_SERVER_ERROR)
            };
            return Some(self.show(page, dispatcher, head));
        }
        let (needs, refreshed) = self.refreshed(dispatcher, head.path());
        if let Err(error) = refreshed {
            let message = error.to_string();
            let page = ErrorPage {
                title: "the modules of this URL are not built",
                message: &message,
                chain: &needs.chain,
                ..self.page(StatusCode::SERVICE_UNAVAILABLE)
            };
            return Some(self.show(page, dispatcher, head));
        }
        let failure = self.libraries.failure(&needs.requested?)?;
        Some(self.not_compiled(&failure, &needs.chain, dispatcher, head))
    }

    /// Builds what a path needs. What was built may need others: a parent that a module names now.
    fn refreshed(&self, dispatcher: &Dispatcher, path: &str) -> (Needs, Result<(), LibraryError>) {
        let mut needs = dispatcher.needs(path);
        for _ in 0..CHAINS_MAX {
            let refreshed = self
                .libraries
                .refresh(needs.chain.iter().map(String::as_str));
            let now = dispatcher.needs(path);
            if refreshed.is_err() || now == needs {
                return (needs, refreshed);
            }
            needs = now;
        }
        (needs, Ok(()))
    }

    fn not_compiled(
        &self,
        failure: &BuildFailure,
        chain: &[String],
        dispatcher: &Dispatcher,
        head: &Head,
    ) -> Response {
        let page = ErrorPage {
            title: &failure.message,
            diagnostics: Some(&failure.diagnostics),
            note: Some("pages that inherit from this module go on with its last good version"),
            chain,
            ..self.page(StatusCode::INTERNAL_SERVER_ERROR)
        };
        self.show(page, dispatcher, head)
    }

    /// An answer as the author sees it: an error in full, a page with the script that reloads it. `tag`
    /// was made before the answer was.
    pub fn finish(
        &self,
        response: Response,
        fault: Option<&Fault>,
        tag: &str,
        dispatcher: &Dispatcher,
        head: &Head,
    ) -> Response {
        if let Some(fault) = fault
            && (response.status.is_server_error() || fault.not_admitted)
            && !wants_json(&head.headers)
        {
            // A parent that does not compile, and whose last good version does not fit any more.
            if let Some(failure) = self.libraries.failure(&fault.module) {
                return self.not_compiled(&failure, &fault.chain, dispatcher, head);
            }
            return self.fault(response.status, fault, dispatcher, head);
        }
        with_script(response, tag)
    }

    /// The element that has a page reload for what changes from now on.
    pub fn tag(&self) -> String {
        self.shared.live.tag()
    }

    fn fault(
        &self,
        status: StatusCode,
        fault: &Fault,
        dispatcher: &Dispatcher,
        head: &Head,
    ) -> Response {
        let what = match fault.panicked {
            true => "panicked",
            false if fault.not_admitted => "was not asked: the request is refused",
            false => "failed",
        };
        let title = match fault.module.as_str() {
            "" => format!("the request {what}"),
            module => format!("{module} {what}"),
        };
        let page = ErrorPage {
            title: &title,
            message: &fault.detail,
            at: (!fault.file.is_empty()).then_some((&fault.file, fault.line as usize)),
            chain: &fault.chain,
            backtrace: (!fault.backtrace.is_empty()).then_some(&fault.backtrace),
            ..self.page(status)
        };
        self.show(page, dispatcher, head)
    }

    fn page(&self, status: StatusCode) -> ErrorPage<'static> {
        ErrorPage {
            status: status.as_u16(),
            ..ErrorPage::default()
        }
    }

    fn show(&self, page: ErrorPage<'_>, dispatcher: &Dispatcher, head: &Head) -> Response {
        let explanation = dispatcher
            .manifest()
            .explain(head.method.as_str(), head.target.as_str());
        let id = head.id.to_string();
        let page = ErrorPage {
            resolution: &explanation.to_string(),
            request: RequestShown {
                method: head.method.as_str(),
                target: head.target.as_str(),
                id: &id,
                headers: shown(&head.headers),
            },
            ..page
        };
        let status = StatusCode::from_u16(page.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let page = Response::html(page.html(&self.dir, &self.tag())).with_status(status);
        page.with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

impl Drop for Development {
    fn drop(&mut self) {
        self.libraries.stop();
        self.shared.live.close();
    }
}

impl Shared {
    fn tell(&self, event: Event) {
        match event {
            Event::Building(keys) => self.live.building(&keys),
            Event::Built(_) => {
                // The sources say now what the new libraries have: both change together.
                self.read_again();
                self.live.changed();
            }
            Event::Failed(_) => self.live.changed(),
            Event::Idle => self.live.idle(),
        }
    }

    fn changed(&self, dir: &Path, libraries: &DevLibraries, changes: &Changes) {
        if changes.settings {
            tracing::warn!("{SETTINGS_CHANGED}");
        }
        // A module that was saved is read again together with its library: `Event::Built`.
        if changes.structure || changes.templates {
            self.read_again();
            if let Some(dispatcher) = self.dispatcher.get() {
                libraries.set_modules(modules(dir, &dispatcher.manifest()));
            }
        }
        if changes.shared {
            libraries.shared_saved();
        }
        if let Some(dispatcher) = self.dispatcher.get()
            && (changes.shared || !changes.modules.is_empty())
        {
            // Also what no chain names, such as an error page, is built before its next use.
            dispatcher.invalidate();
        }
        libraries.saved(changes.modules.iter().map(String::as_str));
        if changes.templates || changes.statics || changes.structure {
            self.live.changed();
        }
    }

    /// Has the domains as they are now, and every module looked for again.
    fn read_again(&self) {
        // One at a time: an older scan must not win over a newer one.
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(dispatcher) = self.dispatcher.get() else {
            return;
        };
        let read = dispatcher.scan().map_err(|error| error.to_string());
        let read = read.and_then(|manifest| {
            for problem in manifest.problems() {
                tracing::error!("{problem}");
            }
            let replaced = dispatcher.replace(manifest, dispatcher.libraries());
            replaced.map_err(|error| error.to_string())
        });
        *broken = read.err();
        for line in broken.iter().flat_map(|text| text.lines()) {
            tracing::error!("{line}");
        }
        if broken.is_some() {
            dispatcher.invalidate();
        }
    }
}

/// A defect of ours must not end the thread that watches or builds.
fn fenced(what: &str, act: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        tracing::error!("{what} panicked: what was saved may not be seen before the next save");
    }
}

/// How often a chain may change while what it needs is built.
const CHAINS_MAX: usize = 8;

/// How much longer than its limit a request may take because its modules are built first.
pub const BUILDING: Duration = REQUEST_WAIT;

fn modules(dir: &Path, manifest: &Manifest) -> Vec<Module> {
    let modules = manifest.modules().iter();
    modules
        .map(|module| Module::new(dir, &module.key))
        .collect()
}

fn shown(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

fn with_script(mut response: Response, tag: &str) -> Response {
    let kind = response
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_html = kind.is_some_and(|kind| kind.starts_with("text/html"));
    // A part of a page would be longer than it says.
    let is_whole = response.status != StatusCode::PARTIAL_CONTENT;
    if is_html
        && is_whole
        && let Body::Bytes(page) = &response.body
        && let Some(page) = Live::inject(page, tag)
    {
        response.body = Body::Bytes(page.into());
        // A page from a cache would reload for what it has shown already, for ever.
        response.headers.remove(ETAG);
        response.headers.remove(LAST_MODIFIED);
        response
            .headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
