//! One site: its files, its domains, and how its answers become those of the front.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmonious_dispatcher::http::StatusCode;
use harmonious_dispatcher::{
    Dispatcher, Fault, Libraries, Manifest, Outgoing, Planned, PlannedJob, SiteFacts, level,
};
use harmonious_http::http::HeaderValue;
use harmonious_http::http::header::{CACHE_CONTROL, ETAG};
use harmonious_http::{
    Head, Plan, Request, RequestBody, Response, StaticConfig, StaticFiles, TryAnswer,
};

use super::around::Around;
use super::convert::{self, Facts};
use super::development::{BUILDING, Development};
use super::keeping::{Keeping, Prepared};
use super::services::SiteServices;
use super::site_toml::{self, SiteToml};
use crate::build::{BuiltLibraries, Profile};
use crate::commands;
use crate::failure::{Failure, one_line};
use crate::live::SiteFigures;

/// The folder of files that are served as they are.
pub const STATIC: &str = "static";
/// The folder of the URL space.
const DOMAINS: &str = "domains";
/// The folder that a site may write to.
pub const DATA: &str = "data";
/// What is said of a site whose settings are others now.
pub(super) const SETTINGS_CHANGED: &str =
    "site.toml or secrets.toml changed: they are read when the server starts";
/// The file that answers for its folder in `static/`.
const INDEX: &str = "index.html";

/// What is said of files whose URL has the hash of their content: a year, the longest that is customary.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// One site.
pub struct Site {
    /// Its folder.
    pub dir: PathBuf,
    /// What it is called in logs.
    pub name: String,
    /// The hosts that it answers; empty for any.
    pub hosts: Vec<String>,
    files: Option<StaticFiles>,
    /// What its templates know of it.
    around: Arc<Around>,
    /// What it keeps.
    pub keeping: Arc<Keeping>,
    /// Of the files that are read when the server starts.
    read_at_start: u64,
    /// Its domains; none where there is no folder `domains/`.
    pub dispatcher: Option<Arc<Dispatcher>>,
    /// What only `dev` does.
    development: Option<Arc<Development>>,
}

impl Site {
    /// The site in that folder. `libraries` is asked for where the libraries of its modules come from.
    ///
    /// # Errors
    /// What is wrong with its files, its domains, its templates or `site.toml`.
    pub fn open(
        dir: &Path,
        development: Option<Arc<Development>>,
        libraries: impl FnOnce(&Path, &Manifest) -> Result<Arc<dyn Libraries>, Failure>,
    ) -> Result<Site, Failure> {
        // Modules are opened by absolute paths: the current folder may change.
        let absolute = dir.canonicalize();
        let dir = absolute.map_err(|error| {
            Failure::Usage(format!("SITE is {:?}: {error}", dir.display().to_string()))
        })?;
        let read_at_start = fingerprint(&dir);
        let toml = SiteToml::read(&dir)?;
        let has_domains = dir.join(DOMAINS).is_dir();
        let files = files(&dir, has_domains)?;
        let around = Arc::new(Around::new(dir.join(STATIC), toml.fragments_bytes));
        let keeping = Arc::new(Keeping::new(toml.keeping.clone(), &dir)?);
        let dispatcher = match has_domains {
            true => {
                let is_development = development.is_some();
                let (around, keeping) = (Arc::clone(&around), Arc::clone(&keeping));
                let programs = toml.programs.clone();
                let locales = toml.locales.clone();
                let services = SiteServices::new(
                    &toml.name,
                    &dir,
                    is_development,
                    locales,
                    around,
                    keeping,
                    programs,
                );
                Some(dispatcher(
                    &dir,
                    &toml,
                    is_development,
                    services,
                    libraries,
                )?)
            }
            false => None,
        };
        if files.is_none() && dispatcher.is_none() {
            return Err(Failure::Usage(format!(
                "SITE is {:?}: it has neither a folder {DOMAINS}/ nor a folder {STATIC}/; \
                 \"harmonious new DIR\" makes a site",
                dir.display().to_string()
            )));
        }
        tell(&toml.name, &keeping.prepare()?);
        Ok(Site {
            name: toml.name,
            hosts: toml.hosts,
            dir,
            files,
            around,
            keeping,
            read_at_start,
            dispatcher,
            development,
        })
    }

    /// What to do with a request whose head is here.
    pub fn plan(&self, head: &Head) -> Plan {
        let own = self
            .development
            .as_ref()
            .and_then(|development| development.answer(head));
        if let Some(response) = own {
            return Plan::Answer(response);
        }
        let file = self.files.as_ref().map(|files| files.try_answer(head));
        let perhaps_a_file = match file {
            Some(TryAnswer::Answer(response)) => return Plan::Answer(self.lasting(response, head)),
            Some(TryAnswer::NeedsWorker) => true,
            Some(TryAnswer::NotMine) | None => false,
        };
        let reads_files = Plan::Job {
            route: super::FILES,
            body_max_bytes: Some(0),
            time_limit: None,
        };
        let Some(dispatcher) = &self.dispatcher else {
            return match perhaps_a_file {
                true => reads_files,
                false => Plan::Answer(Response::error(StatusCode::NOT_FOUND)),
            };
        };
        let id = head.id.digits();
        let id = str::from_utf8(&id).unwrap_or_default();
        match dispatcher.plan(&head.method, head.path(), head.query(), &head.headers, id) {
            Planned::Answer(_) if perhaps_a_file => reads_files,
            Planned::Answer(outgoing) => Plan::Answer(self.response(*outgoing, head)),
            // A worker finds out whether there is a file; if not, these limits hold.
            Planned::Run(job) => self.job(job),
        }
    }

    fn job(&self, job: PlannedJob) -> Plan {
        Plan::Job {
            route: job.route + 1,
            body_max_bytes: job.body_max_bytes,
            time_limit: Some(match self.development {
                Some(_) => job.time_limit + BUILDING,
                None => job.time_limit,
            }),
        }
    }

    /// Answers a request for that host, on a worker.
    pub fn handle(&self, request: &Request, host: Cow<'_, str>) -> Response {
        if let Some(files) = &self.files
            && let Some(response) = files.answer_if_mine(&request.head)
        {
            return self.lasting(response, &request.head);
        }
        let Some(dispatcher) = &self.dispatcher else {
            return Response::error(StatusCode::NOT_FOUND);
        };
        let facts = Facts::of(&request.head, host);
        let incoming = convert::incoming(&request.head, &request.body, &facts);
        self.developed(dispatcher, &request.head, || dispatcher.answer(&incoming))
    }

    /// How a request is shown that the front refuses because of its body: a page that is too much for a form is
    /// no riddle to who sent it. Other refusals are for programs that break rules.
    pub fn plan_refusal(&self, head: &Head, status: StatusCode) -> Option<Plan> {
        if status != StatusCode::PAYLOAD_TOO_LARGE {
            return None;
        }
        let job = self
            .dispatcher
            .as_ref()?
            .plan_refused(head.path(), status)?;
        Some(self.job(job))
    }

    /// Answers such a request, on a worker.
    pub fn refused(&self, head: &Head, host: Cow<'_, str>, status: StatusCode) -> Response {
        let Some(dispatcher) = &self.dispatcher else {
            return Response::error(status);
        };
        let facts = Facts::of(head, host);
        let body = RequestBody::Empty;
        let incoming = convert::incoming(head, &body, &facts);
        self.developed(dispatcher, head, || {
            dispatcher.answer_refused(&incoming, status)
        })
    }

    /// What a dispatcher answers, and in `dev` what the author sees of it.
    fn developed(
        &self,
        dispatcher: &Dispatcher,
        head: &Head,
        answer: impl FnOnce() -> Outgoing,
    ) -> Response {
        let Some(development) = &self.development else {
            return self.answered(answer(), head).0;
        };
        let tag = development.tag();
        if let Some(page) = development.prepare(dispatcher, head) {
            return page;
        }
        let (response, fault) = self.answered(answer(), head);
        development.finish(response, fault.as_deref(), &tag, dispatcher, head)
    }

    /// A file that is asked for by the hash of its content may be kept for ever (RFC 8246).
    fn lasting(&self, response: Response, head: &Head) -> Response {
        let found = matches!(response.status.as_u16(), 200 | 206 | 304);
        let tag = response.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let is_current = |tag: &str| self.around.is_current(head.path(), head.query(), tag);
        match found && tag.is_some_and(is_current) {
            true => response.with(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
            false => response,
        }
    }

    fn answered(&self, mut outgoing: Outgoing, head: &Head) -> (Response, Option<Box<Fault>>) {
        let fault = outgoing.fault.take();
        if let Some(fault) = &fault {
            self.report(outgoing.status, fault, head);
        }
        (self.response(outgoing, head), fault)
    }

    /// What of it is loaded and kept at this moment.
    pub fn figures(&self) -> SiteFigures {
        let dispatcher = self.dispatcher.as_ref();
        SiteFigures {
            name: self.name.clone(),
            modules: dispatcher.map_or(0, |dispatcher| dispatcher.manifest().modules().len()),
            loaded: dispatcher.map_or_else(Vec::new, |dispatcher| dispatcher.loader().loaded()),
            instances: self.keeping.instances.stats(),
            fragments: harmonious_templating::Site::fragments(&*self.around).stats(),
        }
    }

    /// Reads the domains and the keys again and builds what is stale; requests go on meanwhile. `site.toml`
    /// is read when the server starts.
    ///
    /// # Errors
    /// What is wrong; the site stays as it was.
    pub fn reload(&self) -> Result<usize, Failure> {
        self.keeping.forget_ring();
        if fingerprint(&self.dir) != self.read_at_start {
            tracing::warn!(site = %self.name, "{SETTINGS_CHANGED}");
        }
        let Some(dispatcher) = &self.dispatcher else {
            return Ok(0);
        };
        let wrong = |error: &dyn std::error::Error| Failure::Problems(error.to_string());
        let manifest = dispatcher.scan().map_err(|error| wrong(&error))?;
        let report = commands::build_modules(&self.dir, &manifest, Profile::Release)?;
        let libraries = BuiltLibraries::open(&self.dir, Profile::Release);
        let libraries = libraries.map_err(|error| wrong(&error))?;
        let replaced = dispatcher.replace(manifest, Arc::new(libraries));
        replaced.map_err(|error| wrong(&error))?;
        Ok(report.built.len())
    }

    /// A handler was given up: says which module it is in.
    pub fn timed_out(&self, head: &Head) {
        let dispatcher = self.dispatcher.as_ref();
        let id = head.id.to_string();
        let module = dispatcher.and_then(|dispatcher| dispatcher.timed_out(head.path(), &id));
        tracing::error!(
            target: "site",
            site = %self.name,
            module = module.as_deref().unwrap_or("?"),
            id,
            path = head.path(),
            "the handler runs longer than its time limit: answered 504, its worker is replaced; \
             a thread cannot be stopped, it ends when the handler does"
        );
        let message = "the handler ran longer than its time limit";
        let module = module.unwrap_or_default();
        self.keeping
            .faults
            .note(head, StatusCode::GATEWAY_TIMEOUT, &module, message);
    }

    /// What those who run the site should know of an error.
    fn report(&self, status: StatusCode, fault: &Fault, head: &Head) {
        let level = match status.as_u16() {
            500.. => level::ERROR,
            // Else a form without its token, or a proxy that is not named, would be a riddle.
            _ if fault.not_admitted => level::WARN,
            _ => level::DEBUG,
        };
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "site",
                    tracing::Level::$level,
                    site = %self.name,
                    module = fault.module,
                    id = %head.id,
                    status = status.as_u16(),
                    file = fault.file,
                    line = fault.line,
                    panicked = fault.panicked,
                    "{}",
                    fault.detail
                )
            };
        }
        match level {
            level::ERROR => event!(ERROR),
            level::WARN => event!(WARN),
            _ => event!(DEBUG),
        }
        if status.is_server_error() {
            self.keeping
                .faults
                .note(head, status, &fault.module, &fault.detail);
        }
        if !fault.backtrace.is_empty() {
            tracing::error!(target: "site", id = %head.id, "{}", fault.backtrace);
        }
    }

    fn response(&self, outgoing: Outgoing, head: &Head) -> Response {
        convert::response(outgoing, head).unwrap_or_else(|error| {
            let (site, id) = (&self.name, head.id);
            tracing::error!(target: "site", %site, %id, "a file cannot be sent: {error}");
            super::refusal(head, StatusCode::INTERNAL_SERVER_ERROR)
        })
    }
}

/// Says what became of the databases: the log has not begun yet.
fn tell(site: &str, prepared: &Prepared) {
    let mut out = io::stderr();
    for migration in &prepared.applied {
        let _ = writeln!(out, "{site}: applied the migration {migration}");
    }
    for away in &prepared.away {
        let away = one_line(away);
        let _ = writeln!(
            out,
            "{site}: warning: {away}; it is tried again when a page needs it, which is answered 503 until then"
        );
    }
}

/// Tells whether `site.toml` and `secrets.toml` say what they said.
fn fingerprint(dir: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in [site_toml::NAME, site_toml::SECRETS] {
        std::fs::read(dir.join(name)).ok().hash(&mut hasher);
    }
    hasher.finish()
}

fn files(dir: &Path, has_domains: bool) -> Result<Option<StaticFiles>, Failure> {
    let root = dir.join(STATIC);
    if !root.is_dir() {
        return Ok(None);
    }
    let config = StaticConfig {
        prefix: "/".to_owned(),
        index: Some(INDEX.to_owned()),
        // What is no file may be a module's.
        fall_through: has_domains,
        ..StaticConfig::default()
    };
    let files = StaticFiles::open(&root, config);
    files
        .map(Some)
        .map_err(|error| Failure::Usage(error.to_string()))
}

fn dispatcher(
    dir: &Path,
    toml: &SiteToml,
    development: bool,
    services: SiteServices,
    libraries: impl FnOnce(&Path, &Manifest) -> Result<Arc<dyn Libraries>, Failure>,
) -> Result<Arc<Dispatcher>, Failure> {
    let named = toml.hosts.iter().find(|host| !host.starts_with('*'));
    let facts = SiteFacts {
        name: toml.name.clone(),
        host: named.cloned().unwrap_or_default(),
        dir: dir.to_owned(),
        data: dir.join(DATA),
        config: toml.config.clone(),
        secrets: toml.secrets.clone(),
        development,
    };
    let wrong = |error: &dyn std::error::Error| {
        Failure::Problems(format!("{} cannot be served:\n{error}", dir.display()))
    };
    let manifest = facts.scan().map_err(|error| wrong(&error))?;
    let libraries = libraries(dir, &manifest)?;
    let limits = toml.limits.clone();
    let opened = Dispatcher::open(manifest, facts, limits, libraries, Arc::new(services));
    opened.map(Arc::new).map_err(|error| wrong(&error))
}
