//! The templates of a site: found, compiled once, rendered.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};

use crate::closure::{Closure, Need, Sources, closure};
use crate::error::{Place, TemplateError};
use crate::files::{Files, TemplateFile, tried, upward};
use crate::functions::{NoSite, Site};
use crate::scan::KeyPart;
use crate::source::Source;
use crate::view::{Parts, View};

/// The templates of one site, as they were when its domains were read.
///
/// Nothing is read before it is needed. What was read and compiled stays for ever, errors too: a
/// changed file needs a new value, which takes over what did not change
/// ([`after`](Templates::after)).
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("index.html"), "<h1>{{ title }}</h1>")?;
/// use harmonious_templating::{TemplateFile, Templates};
///
/// let templates = Templates::new(vec![TemplateFile {
///     domain: "/".into(),
///     name: "index.html".into(),
///     path: folder.path().join("index.html"),
/// }]);
/// let serde_json::Value::Object(context) = serde_json::json!({"title": "1 < 2"}) else {
///     unreachable!()
/// };
/// assert_eq!(templates.render("/scripts/", "index.html", &context)?, "<h1>1 &lt; 2</h1>");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Templates {
    files: Files,
    sources: Vec<OnceLock<Result<Arc<Source>, TemplateError>>>,
    /// Every domain from which a name can mean something else than from the domain above.
    domains: HashMap<String, Domain>,
    compiled: Mutex<HashMap<blake3::Hash, Arc<Compiled>>>,
    /// What the value before this had compiled.
    before: HashMap<blake3::Hash, Arc<View>>,
    counts: Counts,
    site: Arc<dyn Site>,
}

/// What was compiled as seen from one domain, by name.
#[derive(Default)]
struct Domain {
    views: RwLock<HashMap<String, Arc<Compiled>>>,
}

/// Empty until the first who needs it has compiled it; the others wait for that one.
type Compiled = OnceLock<Result<Arc<View>, Arc<[TemplateError]>>>;

#[derive(Debug, Default)]
struct Counts {
    read: AtomicUsize,
    compiled: AtomicUsize,
    reused: AtomicUsize,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Files that were read.
    pub read: usize,
    /// Templates that were compiled, each with all that it needs; those that failed too.
    pub compiled: usize,
    /// Templates that were taken over from the value before, since nothing in them changed.
    pub reused: usize,
}

/// A use of the filter `safe`, which lets a value into the page as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnsafeUse {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
}

/// A use of a text of the catalogues: a call of `t`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextUse {
    /// The key of the text, as far as it is written out.
    pub key: String,
    /// How far that is.
    pub part: KeyPart,
    /// The names of the values that it is given; none if they are not all written out.
    pub arguments: Option<Vec<String>>,
    /// Where.
    pub place: Box<Place>,
}

/// What a template asks of the site around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRequest {
    /// What kind of thing.
    pub kind: SiteRequestKind,
    /// Which.
    pub name: String,
    /// Where.
    pub place: Box<Place>,
}

/// A kind of thing that a template asks of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteRequestKind {
    /// `url_for(path="..")`: a page.
    Url,
    /// `asset(path="..")`: a file.
    Asset,
    /// `module.name`: an export.
    Export,
}

impl Templates {
    /// Takes the list; of two files of one name in one domain the first counts. There is no site
    /// around them: their `url_for` and `asset` fail.
    pub fn new(files: Vec<TemplateFile>) -> Templates {
        Templates::of_site(files, Arc::new(NoSite::default()))
    }

    /// As [`new`](Templates::new), of a site.
    pub fn of_site(files: Vec<TemplateFile>, site: Arc<dyn Site>) -> Templates {
        Templates::build(files, HashMap::new(), site)
    }

    /// As [`new`](Templates::new), and takes over from `before` every compiled template whose
    /// files all have the same text still; the site too.
    pub fn after(files: Vec<TemplateFile>, before: &Templates) -> Templates {
        let compiled = before.compiled.lock();
        let kept = compiled.iter().filter_map(|(&key, cell)| {
            let view = cell.get()?.as_ref().ok()?;
            Some((key, view.clone()))
        });
        Templates::build(files, kept.collect(), Arc::clone(&before.site))
    }

    /// Compiles every template: each as seen from its own domain, and those that are no page (their
    /// name begins with `_`) also from each domain below that has templates, where other files may
    /// answer to the names in them.
    ///
    /// # Errors
    /// Everything that is wrong, each once.
    pub fn check(&self) -> Result<(), Vec<TemplateError>> {
        let mut wrong = Wrong::default();
        for index in 0..self.files.len() {
            let file = self.files.file(index);
            wrong.note(self.view(&file.domain, &file.name));
        }
        let mut domains: Vec<&str> = self.domains.keys().map(String::as_str).collect();
        domains.sort_unstable();
        for domain in domains {
            for name in self.inherited(domain) {
                wrong.note(self.view(domain, name));
            }
        }
        if wrong.errors.is_empty() {
            Ok(())
        } else {
            Err(wrong.errors)
        }
    }

    /// Renders the template of this name as seen from `domain`: the nearest file of that name, and
    /// in it the nearest file for every name that it extends or includes.
    ///
    /// # Errors
    /// What is wrong with the template, or with what it is given.
    pub fn render(
        &self,
        domain: &str,
        name: &str,
        context: &Map<String, Value>,
    ) -> Result<String, TemplateError> {
        // The first piece that arrives makes room for itself.
        self.compiled(domain, name)?.render(context, &[])
    }

    /// As [`render`](Templates::render), into a writer. What was written before an error stays.
    ///
    /// # Errors
    /// As [`render`](Templates::render), and what the writer says.
    pub fn render_to(
        &self,
        domain: &str,
        name: &str,
        context: &Map<String, Value>,
        into: &mut dyn Write,
    ) -> Result<(), TemplateError> {
        let view = self.first(domain, name)?;
        view.render(context, &[], None, into)
    }

    /// The template, compiled: to learn what it wants before it is rendered.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn compiled(&self, domain: &str, name: &str) -> Result<crate::Compiled, TemplateError> {
        self.first(domain, name).map(crate::Compiled::new)
    }

    /// What a template needs, as seen from `domain`: every name that it or one of the files that
    /// it needs extends, includes or calls, and the file that the name means.
    ///
    /// # Errors
    /// All names that mean nothing, and circles.
    pub fn needs(&self, domain: &str, name: &str) -> Result<Vec<Need>, Vec<TemplateError>> {
        let entry = self
            .files
            .find(domain, name)
            .ok_or_else(|| vec![missing(domain, name)])?;
        closure(self, domain, entry).map(|closure| closure.needs)
    }

    /// Whether a template of this name can be seen from `domain`.
    pub fn contains(&self, domain: &str, name: &str) -> bool {
        self.files.find(domain, name).is_some()
    }

    /// All places where a name is looked for, nearest first.
    pub fn search_path(&self, domain: &str, name: &str) -> Vec<String> {
        tried(domain, name)
    }

    /// Every use of the filter `safe` in the files that can be read, by file and line.
    pub fn unsafe_uses(&self) -> Vec<UnsafeUse> {
        let mut uses = Vec::new();
        for source in self.readable() {
            let places = source.facts.unsafe_uses.iter();
            uses.extend(places.map(|&at| source.place(at)).map(|place| UnsafeUse {
                file: place.file,
                line: place.line,
            }));
        }
        uses.sort();
        uses
    }

    /// What the files that can be read ask of the site, as far as it is written out.
    pub fn requests(&self) -> Vec<SiteRequest> {
        let mut requests = Vec::new();
        for source in self.readable() {
            let facts = &source.facts;
            for (kind, named) in [
                (SiteRequestKind::Url, &facts.links),
                (SiteRequestKind::Asset, &facts.assets),
                (SiteRequestKind::Export, &facts.exports),
            ] {
                requests.extend(named.iter().map(|named| SiteRequest {
                    kind,
                    name: named.name.clone(),
                    place: source.place(named.at.start),
                }));
            }
        }
        requests
    }

    /// The texts of the catalogues that the files that can be read name, as far as it is written out.
    pub fn texts(&self) -> Vec<TextUse> {
        let mut uses = Vec::new();
        for source in self.readable() {
            let calls = source.facts.texts.iter();
            uses.extend(calls.map(|call| TextUse {
                key: call.key.clone(),
                part: call.part,
                arguments: call.arguments.clone(),
                place: source.place(call.at.start),
            }));
        }
        uses
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        // Relaxed: each number stands for itself.
        Stats {
            read: self.counts.read.load(Ordering::Relaxed),
            compiled: self.counts.compiled.load(Ordering::Relaxed),
            reused: self.counts.reused.load(Ordering::Relaxed),
        }
    }

    fn build(
        files: Vec<TemplateFile>,
        before: HashMap<blake3::Hash, Arc<View>>,
        site: Arc<dyn Site>,
    ) -> Templates {
        let files = Files::new(files);
        let domains = files
            .domains()
            .map(|domain| (domain.to_owned(), Domain::default()))
            .collect();
        let sources = (0..files.len()).map(|_| OnceLock::new()).collect();
        let compiled = Mutex::default();
        Templates {
            files,
            sources,
            domains,
            compiled,
            before,
            counts: Counts::default(),
            site,
        }
    }

    fn first(&self, domain: &str, name: &str) -> Result<Arc<View>, TemplateError> {
        self.view(domain, name)
            .map_err(|wrong| match wrong.first() {
                Some(first) => first.clone(),
                None => missing(domain, name),
            })
    }

    /// The compiled template; the first who asks compiles.
    fn view(&self, domain: &str, name: &str) -> Result<Arc<View>, Arc<[TemplateError]>> {
        let not_there = || Arc::from([missing(domain, name)]);
        // A domain without templates sees what the one above sees.
        let (seen_from, views) = upward(domain)
            .find_map(|domain| self.domains.get_key_value(domain))
            .ok_or_else(not_there)?;
        let known = views.views.read().get(name).cloned();
        let cell = match known {
            Some(cell) => cell,
            None => {
                // Only names of files are kept: others would fill the memory.
                self.files.find(seen_from, name).ok_or_else(not_there)?;
                views
                    .views
                    .write()
                    .entry(name.to_owned())
                    .or_default()
                    .clone()
            }
        };
        cell.get_or_init(|| self.resolve(seen_from, name)).clone()
    }

    /// Follows the names; a template whose names all mean the same files as from another domain is
    /// compiled once for both.
    fn resolve(&self, domain: &str, name: &str) -> Result<Arc<View>, Arc<[TemplateError]>> {
        let entry = self
            .files
            .find(domain, name)
            .ok_or_else(|| [missing(domain, name)])?;
        let closure = closure(self, domain, entry)?;
        let sources = self.sources_of(entry, &closure)?;
        let key = key(&sources, &closure);
        let cell = self.compiled.lock().entry(key).or_default().clone();
        let compile = || self.compile(domain, &key, &sources, closure.levels);
        cell.get_or_init(compile).clone()
    }

    fn compile(
        &self,
        domain: &str,
        key: &blake3::Hash,
        sources: &[Arc<Source>],
        levels: usize,
    ) -> Result<Arc<View>, Arc<[TemplateError]>> {
        if let Some(view) = self.before.get(key) {
            self.counts.reused.fetch_add(1, Ordering::Relaxed);
            return Ok(view.clone());
        }
        self.counts.compiled.fetch_add(1, Ordering::Relaxed);
        let parts = Parts {
            domain,
            sources,
            levels,
            key,
            site: &self.site,
        };
        Ok(Arc::new(View::compile(&parts)?))
    }

    /// The template itself first.
    fn sources_of(
        &self,
        entry: usize,
        closure: &Closure,
    ) -> Result<Vec<Arc<Source>>, Arc<[TemplateError]>> {
        let others = closure.files.iter().copied().filter(|&file| file != entry);
        let sources = std::iter::once(entry)
            .chain(others)
            .map(|file| self.source(file));
        sources
            .collect::<Result<_, _>>()
            .map_err(|wrong| Arc::from([wrong]))
    }

    fn readable(&self) -> impl Iterator<Item = Arc<Source>> + '_ {
        (0..self.files.len()).filter_map(|index| self.source(index).ok())
    }

    /// Names that are no pages and lie above the domain.
    fn inherited(&self, domain: &str) -> HashSet<&str> {
        let above = upward(domain)
            .skip(1)
            .flat_map(|above| self.files.within(above));
        let names = above.map(|&file| self.files.file(file).name.as_str());
        names.filter(|name| name.starts_with('_')).collect()
    }
}

impl Sources for Templates {
    fn files(&self) -> &Files {
        &self.files
    }

    fn source(&self, index: usize) -> Result<Arc<Source>, TemplateError> {
        let read = || {
            self.counts.read.fetch_add(1, Ordering::Relaxed);
            Source::read(&self.files, index).map(Arc::new)
        };
        self.sources[index].get_or_init(read).clone()
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Templates")
            .field("files", &self.files.len())
            .field("stats", &stats)
            .finish()
    }
}

/// Errors, each once.
#[derive(Default)]
struct Wrong {
    seen: HashSet<String>,
    errors: Vec<TemplateError>,
}

impl Wrong {
    fn note(&mut self, view: Result<Arc<View>, Arc<[TemplateError]>>) {
        for error in view.err().iter().flat_map(|errors| errors.iter()) {
            if self.seen.insert(error.to_string()) {
                self.errors.push(error.clone());
            }
        }
    }
}

/// What a compiled template is made of: texts, where they are, and what each name means.
fn key(sources: &[Arc<Source>], closure: &Closure) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for source in sources {
        add(source.full.as_bytes());
        add(source.path.as_os_str().as_encoded_bytes());
        add(source.hash.as_bytes());
    }
    for need in &closure.needs {
        add(need.by.as_bytes());
        add(need.name.as_bytes());
        add(need.found.as_bytes());
    }
    hasher.finalize()
}

fn missing(domain: &str, name: &str) -> TemplateError {
    TemplateError::Missing {
        name: name.to_owned(),
        tried: tried(domain, name),
        by: None,
    }
}
