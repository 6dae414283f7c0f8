//! Static files: from a head to the answer, on a task where nothing waits, else on a worker.

mod config;
mod path;

mod root;

mod names;

mod made;
mod opened;

#[cfg(target_os = "linux")]
mod linux;

mod resource;

mod content;

mod cache;

mod reply;

mod conditions;
mod ranges;

mod multipart;

pub(crate) mod accept;
mod media_type;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode};

use crate::error::Error;
use crate::request::Head;
use crate::response::Response;

use cache::Cache;
use conditions::Verdict;
pub use config::StaticConfig;
use content::Content;
pub use made::conditional;
use multipart::Boundaries;
use names::{Names, Outlook};
pub use opened::answer_file;
use path::Mapped;
use ranges::Selection;
pub use resource::file_tag;
use resource::{Resource, Variant};
use root::{Miss, Mode, Root};

/// A folder whose files are served. It never serves what lies outside of it, lists nothing, and
/// knows no file whose name begins with a dot, but for `.well-known/` at its top (RFC 8615).
///
/// Symbolic links that stay inside are followed where the system can keep them there (Linux 5.6),
/// and nowhere else. Ask [`StaticFiles::try_answer`] first; a file that has been asked for lately
/// is answered there, from memory.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use harmonious_http::{
///     Handler, Head, Plan, Request, Response, StaticConfig, StaticFiles, StatusCode, TryAnswer,
/// };
///
/// struct Site {
///     files: Arc<StaticFiles>,
/// }
///
/// impl Handler for Site {
///     fn plan(&self, head: &Head) -> Plan {
///         match self.files.try_answer(head) {
///             TryAnswer::Answer(response) => Plan::Answer(response),
///             TryAnswer::NeedsWorker => Plan::Job {
///                 route: 1,
///                 body_max_bytes: Some(0),
///                 time_limit: None,
///             },
///             TryAnswer::NotMine => Plan::Answer(Response::error(StatusCode::NOT_FOUND)),
///         }
///     }
///
///     fn handle(&self, request: Request) -> Response {
///         self.files.answer(&request.head)
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("hello.txt"), "hello")?; // GET /static/hello.txt
/// let files = StaticFiles::open(folder.path(), StaticConfig::default())?;
/// let site = Site { files: Arc::new(files) };
/// # drop(site);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StaticFiles {
    root: Root,
    config: StaticConfig,
    cache_control: Option<HeaderValue>,
    cache: Cache<Resource>,
    /// Where what is not there falls through.
    names: Option<Names>,
    boundaries: Boundaries,
    /// Where the cache's clock begins.
    started: Instant,
}

/// What a connection's task can say about a request.
#[derive(Debug)]
pub enum TryAnswer {
    /// This is the answer.
    Answer(Response),
    /// It may have to be waited for: [`StaticFiles::answer`], on a worker, has the answer.
    NeedsWorker,
    /// The path is not below the prefix; or there is no file, and [`StaticConfig::fall_through`].
    NotMine,
}

impl StaticFiles {
    /// Opens a folder. It stays that folder, also if another is put in its place later.
    ///
    /// # Errors
    /// [`Error::Root`] if it cannot be opened or is none; [`Error::Setting`] if something in
    /// `config` is not allowed.
    pub fn open(root: &Path, config: StaticConfig) -> Result<StaticFiles, Error> {
        let cache_control = config.validate()?;
        let folder = Root::open(root).map_err(|errno| Error::Root {
            path: root.to_owned(),
            source: errno.into(),
        })?;
        let names = config.fall_through;
        Ok(StaticFiles {
            names: names.then(|| Names::new(&folder, config.fresh_for)),
            root: folder,
            cache_control,
            cache: Cache::new(&config),
            boundaries: Boundaries::default(),
            started: Instant::now(),
            config,
        })
    }

    /// Answers on a connection's task, where that needs neither disk nor network. It never blocks.
    pub fn try_answer(&self, head: &Head) -> TryAnswer {
        self.answer_as(head, Mode::Task)
    }

    /// Answers on a worker; it may block. What it reads is remembered, so that the next request for
    /// it can be answered on its task. What is not ours is a 404.
    pub fn answer(&self, head: &Head) -> Response {
        let response = self.answer_if_mine(head);
        response.unwrap_or_else(|| reply::error(StatusCode::NOT_FOUND))
    }

    /// As [`StaticFiles::answer`]; `None` where [`StaticFiles::try_answer`] would say that it is not
    /// ours.
    pub fn answer_if_mine(&self, head: &Head) -> Option<Response> {
        match self.answer_as(head, Mode::Worker) {
            TryAnswer::Answer(response) => Some(response),
            // The file does not keep still.
            TryAnswer::NeedsWorker => Some(reply::error(StatusCode::SERVICE_UNAVAILABLE)),
            TryAnswer::NotMine => None,
        }
    }

    fn answer_as(&self, head: &Head, mode: Mode) -> TryAnswer {
        let index = self.config.index.as_deref();
        let mapped = path::map(head.path(), &self.config.prefix, index);
        if mapped == Mapped::NotMine {
            return TryAnswer::NotMine;
        }
        match head.method {
            Method::GET | Method::HEAD => {}
            _ if self.config.fall_through => return TryAnswer::NotMine,
            Method::OPTIONS => return TryAnswer::Answer(reply::options()),
            _ => return TryAnswer::Answer(reply::wrong_method()),
        }
        match mapped {
            Mapped::File(path) => self.answer_file(head, &path, mode),
            _ => self.nothing(),
        }
    }

    fn answer_file(&self, head: &Head, path: &str, mode: Mode) -> TryAnswer {
        match self.outlook(path, mode) {
            Outlook::Possible => {}
            Outlook::Absent => return self.nothing(),
            Outlook::Stale => return TryAnswer::NeedsWorker,
        }
        for attempt in 0..config::ATTEMPTS {
            let last = attempt + 1 == config::ATTEMPTS;
            let found = self.find(path, mode, attempt > 0);
            let response = match found {
                Err(Miss::Folder) => self.find_index(path, mode).map(|()| reply::folder(head)),
                found => found.and_then(|found| self.respond(head, path, &found, mode, last)),
            };
            match response {
                Ok(response) => return TryAnswer::Answer(response),
                Err(Miss::Changed) => {}
                Err(Miss::Absent | Miss::Folder) => return self.nothing(),
                Err(Miss::Failed(errno)) if mode == Mode::Worker => {
                    return TryAnswer::Answer(reply::failure(errno));
                }
                Err(Miss::WouldBlock | Miss::Failed(_)) => return TryAnswer::NeedsWorker,
            }
        }
        TryAnswer::NeedsWorker
    }

    /// There is no file.
    fn nothing(&self) -> TryAnswer {
        if self.config.fall_through {
            TryAnswer::NotMine
        } else {
            TryAnswer::Answer(reply::error(StatusCode::NOT_FOUND))
        }
    }

    /// What the names at the top of the root say.
    fn outlook(&self, path: &str, mode: Mode) -> Outlook {
        let Some(names) = &self.names else {
            return Outlook::Possible;
        };
        let now = self.now();
        match mode {
            Mode::Task => names.look(path, &self.root, now),
            Mode::Worker => {
                names.refresh(&self.root, now);
                Outlook::Possible
            }
        }
    }

    /// In milliseconds since it was opened.
    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Whether the folder at `path` has a file that answers for it.
    fn find_index(&self, path: &str, mode: Mode) -> Result<(), Miss> {
        let index = self.config.index.as_ref().ok_or(Miss::Absent)?;
        let found = self.find(&format!("{path}/{index}"), mode, false);
        found.map(|_| ())
    }

    /// What is at `path`, from the cache if that is fresh and not `doubted`.
    fn find(&self, path: &str, mode: Mode, doubted: bool) -> Result<Arc<Resource>, Miss> {
        let now = self.now();
        let known = self.cache.get(path, now);
        if let Some(hit) = &known {
            let age = u128::from(now.saturating_sub(hit.checked));
            if age < self.config.fresh_for.as_millis() && !doubted {
                return hit.found.clone().ok_or(Miss::Absent);
            }
        }
        match resource::survey(&self.root, path, self.config.precompressed, mode) {
            Ok(survey) => {
                let same = |resource: &Arc<Resource>| resource.is(&survey);
                if let Some(resource) = known.and_then(|hit| hit.found).filter(same) {
                    self.cache.confirm(path, now);
                    return Ok(resource);
                }
                let resource = Resource::new(path, survey, self.cache_control.as_ref());
                let resource = Arc::new(resource);
                self.cache.put(path, Some(resource.clone()), now);
                Ok(resource)
            }
            // Not kept: it is answered by a redirection, and asked for once by a client.
            Err(Miss::Folder) if self.config.index.is_some() => Err(Miss::Folder),
            Err(Miss::Absent | Miss::Folder) => {
                self.cache.put(path, None, now);
                Err(Miss::Absent)
            }
            Err(miss) => Err(miss),
        }
    }

    /// `last`: there is no further attempt after this.
    fn respond(
        &self,
        head: &Head,
        path: &str,
        resource: &Arc<Resource>,
        mode: Mode,
        last: bool,
    ) -> Result<Response, Miss> {
        let variant = resource.choose(&head.headers);
        match conditions::judge(&head.headers, &variant.validators) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(reply::not_modified(variant.not_modified.clone())),
            Verdict::Failed => return Ok(reply::error(StatusCode::PRECONDITION_FAILED)),
        }
        let selection = reply::selection(head, &variant.validators, variant.stamp.len);
        if selection == Selection::Unsatisfiable {
            return Ok(reply::unsatisfiable(variant.stamp.len));
        }
        let content = match self.content(path, resource, variant, mode) {
            // It was there when it was looked at; there may be something else by now.
            Err(Miss::Absent) if !last => return Err(Miss::Changed),
            content => content?,
        };
        Ok(match selection {
            Selection::Spans(spans) => {
                let headers = variant.headers.clone();
                reply::partial(headers, &content, &spans, &self.boundaries)
            }
            _ => reply::whole(&variant.headers, &content),
        })
    }

    /// The bytes of a variant, from the cache or for it.
    fn content(
        &self,
        path: &str,
        resource: &Arc<Resource>,
        variant: &Variant,
        mode: Mode,
    ) -> Result<Content, Miss> {
        if let Some(content) = variant.content.get() {
            return Ok(content.clone());
        }
        let small = self.config.memory_file_max_bytes as u64;
        let (content, may_be_kept) =
            Content::load(&self.root, &variant.path(path), variant.stamp, small, mode)?;
        let weight = content.weight();
        if may_be_kept
            && self.cache.has_room_for(weight)
            && variant.content.set(content.clone()).is_ok()
        {
            self.cache.charge(path, resource, weight);
        }
        Ok(content)
    }
}
