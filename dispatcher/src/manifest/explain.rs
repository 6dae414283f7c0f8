//! `explain`: what happens to one request, in sentences. It takes the walk that requests take, and
//! listens to its steps.

use std::fmt;
use std::path::PathBuf;

use harmonious_abi::{kind, method};
use serde::Serialize;

use super::model::{Chain, DomainId, ErrorPage, ModuleId};
use super::path::{Canonical, CanonicalPath, canonical};
use super::resolve::{Found, Resolved, Step, Target};
use super::routes::aligned;
use super::{Manifest, TEMPLATE_METHODS, allow, method_bit};

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// As it was given.
    pub method: String,
    /// As it was given.
    pub url: String,
    /// Decoded and encoded again; none if the path is refused.
    pub path: Option<String>,
    /// The status, as far as it is known before any module runs.
    pub status: u16,
    /// What happens, in one sentence.
    pub outcome: String,
    /// Where a redirect leads to.
    pub location: Option<String>,
    /// Each step of the walk, in one sentence.
    pub steps: Vec<String>,
    /// The deepest domain that the path leads into: `/scripts/[slug]/`.
    pub domain: Option<String>,
    /// Dynamic segments: names and what stood there.
    pub params: Vec<(String, String)>,
    /// Whose hooks run, root to leaf.
    pub chain: Vec<ExplainedLink>,
    /// Who answers: `key::function`, or a template.
    pub handler: Option<String>,
    /// Keys of rests that are asked in turn, until one does not decline.
    pub rest: Vec<String>,
    /// Files that are tried for an error's status, in turn; for a request without one, for a 500.
    pub error_pages: Vec<PathBuf>,
    /// Folders in which templates are looked up, in turn.
    pub template_folders: Vec<PathBuf>,
    /// What `Allow` would say; empty where there is nothing.
    pub allow: String,
}

/// One module of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedLink {
    /// Below the site's folder.
    pub source: PathBuf,
    /// Whether only its guards count, because a module below inherits from `none`.
    pub guards_only: bool,
    /// Functions, in the order in which the source has them.
    pub guards: Vec<String>,
    /// Functions, in the order in which the source has them.
    pub before: Vec<String>,
    /// Functions, in the order in which the source has them.
    pub after: Vec<String>,
    /// What can be called by name.
    pub exports: Vec<String>,
    /// The methods that it answers by itself.
    pub methods: String,
}

/// Explains a request. The URL may have a scheme and a host; they are not looked at.
pub(super) fn explain(manifest: &Manifest, method: &str, url: &str) -> Explanation {
    let mut told = Explanation {
        method: method.to_owned(),
        url: url.to_owned(),
        ..Explanation::default()
    };
    match canonical(path_of(url)) {
        Canonical::Refused(refusal) => {
            told.status = refusal.status;
            told.outcome = format!("refused before any module runs: {}", refusal.why);
        }
        Canonical::Redirect(location) => {
            let redirects = matches!(method, "GET" | "HEAD");
            told.path = Some(location.clone());
            told.status = if redirects { 308 } else { 404 };
            told.outcome = match redirects {
                true => format!("redirected to {location}: empty segments are taken out"),
                false => "not found: the path has empty segments".into(),
            };
            told.location = redirects.then_some(location);
        }
        Canonical::Path(path) => resolved(manifest, &path, &mut told),
    }
    told
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let after_host = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..])
        }
        _ => url,
    };
    let path = after_host.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() { "/" } else { path }
}

fn resolved(manifest: &Manifest, path: &CanonicalPath<'_>, told: &mut Explanation) {
    let mut steps = Vec::new();
    let resolved = manifest.index.resolve(path, &mut steps);
    let teller = Teller {
        manifest,
        path,
        resolved: &resolved,
    };
    told.path = Some(path.encoded());
    told.steps = steps.into_iter().map(|step| teller.step(step)).collect();
    if let Found::Redirect { slash } = resolved.found {
        let location = path.encoded_with(slash);
        told.status = 308;
        told.outcome = format!("redirected to {location} before any module is loaded");
        told.location = Some(location);
        return;
    }
    told.domain = Some(manifest.domain(resolved.domain).path.clone());
    let params = resolved.params.iter();
    let params = params.map(|param| {
        let value = path.segments[param.segment].to_string();
        (manifest.param_name(*param).to_owned(), value)
    });
    told.params = params.collect();
    teller.answer(told);
    let status = if told.status < 400 { 500 } else { told.status };
    let pages = manifest.error_pages(resolved.domain, status);
    told.error_pages = pages.map(|(_, page)| teller.error_page(page)).collect();
    let folders = manifest.upward(resolved.domain);
    told.template_folders = folders
        .map(|id| manifest.domain(id).folder.clone())
        .collect();
}

struct Teller<'t, 'p> {
    manifest: &'t Manifest,
    path: &'t CanonicalPath<'p>,
    resolved: &'t Resolved,
}

impl Teller<'_, '_> {
    fn step(&self, step: Step) -> String {
        let segment = |at: usize| format!("`{}`", self.path.segments[at]);
        let domain = |id: DomainId| self.manifest.domain(id).path.as_str();
        match step {
            Step::Enter {
                segment: at,
                domain: id,
            } => {
                format!("{} leads into {}", segment(at), domain(id))
            }
            Step::Leaf {
                segment: at,
                target,
            } => {
                format!("{} is {}", segment(at), self.target(target))
            }
            Step::Index { domain: id, target } => {
                format!("the index of {} is {}", domain(id), self.target(target))
            }
            Step::NoIndex { domain: id } => format!("{} has no index", domain(id)),
            Step::AddSlash {
                segment: at,
                domain: id,
            } => {
                format!(
                    "{} is the domain {}, whose URL ends with a slash",
                    segment(at),
                    domain(id)
                )
            }
            Step::DropSlash {
                segment: at,
                target,
            } => format!(
                "{} is {}, whose URL ends without a slash",
                segment(at),
                self.target(target)
            ),
            Step::NoName {
                segment: at,
                domain: id,
            } => {
                format!("{} has nothing for {}", domain(id), segment(at))
            }
            Step::NotAddressable { segment: at } => format!(
                "{} is never part of a URL: names with `_` or `.` in front and `index` are not",
                segment(at)
            ),
        }
    }

    fn target(&self, target: Target) -> String {
        match target {
            Target::Module(id) => self.manifest.module(id).source.display().to_string(),
            Target::Page(id) => self.manifest.template_at(id).path.display().to_string(),
        }
    }

    /// Chain, handler, status, as if no guard and no hook answered.
    fn answer(&self, told: &mut Explanation) {
        let rests = match &self.resolved.found {
            Found::Rest { candidates, .. } => candidates.as_slice(),
            _ => &[],
        };
        let keys = rests.iter().map(|id| self.manifest.module(*id).key.clone());
        told.rest = keys.collect();
        let module = match self.resolved.found {
            Found::Module(id) => Some(id),
            _ => rests.first().copied(),
        };
        let chain = self.manifest.chain(self.resolved.domain, module);
        told.chain = chain
            .modules
            .iter()
            .map(|link| self.link(link.module, link.hooks))
            .collect();
        let Some(bit) = method_bit(&told.method) else {
            told.status = 501;
            told.outcome = format!("the method {} is not known to anybody", told.method);
            return;
        };
        match (&self.resolved.found, module) {
            (Found::Page(id), _) => {
                let methods = TEMPLATE_METHODS;
                let path = self.manifest.template_at(*id).path.display().to_string();
                self.outcome(told, bit, methods, Some(path));
            }
            (_, Some(module)) => {
                let methods = self.manifest.methods(&chain);
                let handler = self.handler(&chain, bit);
                self.outcome(told, bit, methods, handler);
                if matches!(self.resolved.found, Found::Rest { .. }) {
                    let key = &self.manifest.module(module).key;
                    told.outcome = format!("{}, unless `{key}` declines", told.outcome);
                }
            }
            (_, None) => {
                told.status = 404;
                told.outcome = "nothing has this URL".into();
            }
        }
    }

    fn outcome(&self, told: &mut Explanation, bit: u32, methods: u32, handler: Option<String>) {
        told.allow = allow(methods);
        let automatic = bit == method::OPTIONS;
        match handler.filter(|_| methods & bit != 0) {
            Some(handler) if !automatic || handler.contains("::") => {
                told.status = 200;
                told.outcome = format!("answered by {handler}");
                told.handler = Some(handler);
            }
            _ if automatic => {
                told.status = 204;
                told.outcome = format!("answered with Allow: {}", told.allow);
            }
            _ => {
                told.status = 405;
                told.outcome = format!("{} is not answered here", told.method);
            }
        }
    }

    /// The function that answers a method, as `key::function`.
    fn handler(&self, chain: &Chain, bit: u32) -> Option<String> {
        let module = self.manifest.module(self.manifest.handler(chain, bit)?);
        let of = |bit: u32| {
            module
                .declared
                .entries
                .iter()
                .find(|entry| entry.methods & bit != 0)
        };
        let entry = of(bit).or_else(|| of(method::GET))?;
        Some(format!("{}::{}", module.key, entry.name))
    }

    fn link(&self, id: ModuleId, hooks: bool) -> ExplainedLink {
        let module = self.manifest.module(id);
        let names = |kind: u32, counts: bool| {
            let entries = module.declared.entries.iter();
            let entries = entries.filter(|entry| counts && entry.kind == kind);
            entries.map(|entry| entry.name.clone()).collect()
        };
        ExplainedLink {
            source: module.source.clone(),
            guards_only: !hooks,
            guards: names(kind::GUARD, true),
            before: names(kind::BEFORE, hooks),
            after: names(kind::AFTER, hooks),
            exports: names(kind::EXPORT, hooks),
            methods: match hooks {
                true => allow(module.declared.methods()),
                false => String::new(),
            },
        }
    }

    fn error_page(&self, page: ErrorPage) -> PathBuf {
        match page {
            ErrorPage::Module(id) => self.manifest.module(id).source.clone(),
            ErrorPage::Template(id) => self.manifest.template_at(id).path.clone(),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url)?;
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push(vec![format!("  {name}"), value]);
        row("path", self.path.clone().unwrap_or_else(|| "-".into()));
        for (at, step) in self.steps.iter().enumerate() {
            row(if at == 0 { "steps" } else { "" }, step.clone());
        }
        row("outcome", format!("{} {}", self.status, self.outcome));
        if let Some(domain) = &self.domain {
            row("domain", domain.clone());
        }
        for (name, value) in &self.params {
            row("param", format!("{name} = {value}"));
        }
        for (at, link) in self.chain.iter().enumerate() {
            row(if at == 0 { "chain" } else { "" }, link.to_string());
        }
        for (name, list) in [
            ("rests", self.rest.join(", ")),
            ("allow", self.allow.clone()),
            ("error pages", shown(&self.error_pages)),
            ("templates in", shown(&self.template_folders)),
        ] {
            if !list.is_empty() {
                row(name, list);
            }
        }
        aligned(&rows, f)
    }
}

impl fmt::Display for ExplainedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.display())?;
        let mut parts = Vec::new();
        for (name, functions) in [
            ("guards", &self.guards),
            ("before", &self.before),
            ("after", &self.after),
            ("exports", &self.exports),
        ] {
            if !functions.is_empty() {
                parts.push(format!("{name} {}", functions.join(", ")));
            }
        }
        if !self.methods.is_empty() {
            parts.push(format!("answers {}", self.methods));
        }
        if self.guards_only {
            parts.push("only its guards count".into());
        }
        match parts.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", parts.join("; ")),
        }
    }
}

fn shown(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}
