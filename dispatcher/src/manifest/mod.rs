//! What a site consists of, held in memory: scanned once, asked for each request, replaced as a whole.
//!
//! Pure but for [`Manifest::scan`]: to resolve a path, to find a chain, a template or an error page
//! touches no file (invariant 6). Read `path` (R1), `resolve` (R2, R3), `chain` (R4) and `pages` (R6) for
//! the rules; `scan` and `assemble` for how files become domains, modules and templates; `declare` and
//! `lint` for what is read from sources.

// In the order in which one should read them.
mod config;
mod model;
mod problem;

mod host;
mod names;
mod path;

mod resolve;
mod table;

mod chain;
mod pages;

mod declare;
mod domain_toml;
mod lint;
mod scan;
mod tokens;
mod units;

mod assemble;
mod check;
mod findings;
mod place;
mod tasks;

mod explain;
mod links;
mod literals;
mod routes;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use harmonious_abi::method;

use chain::Chains;
use findings::Blame;
use resolve::Index;
use table::Names;

pub use explain::{ExplainedLink, Explanation};
pub use host::{BadHost, HostError, Hosts, host_name};
pub use links::Links;
pub use literals::{SourceText, source_texts};
pub use model::{
    Broken, Chain, Declared, DeclaredEntry, Domain, DomainId, DomainLimits, ErrorPage, HostKey,
    HostTable, Inherits, Link, Literal, Module, ModuleId, Role, Task, Template, TemplateId,
};
pub use names::Matcher;
pub use path::{Canonical, CanonicalPath, PathRefusal, canonical};
pub use problem::{Problem, Problems, Severity};
pub use resolve::{Found, Param, ParamName, Resolved};
pub use routes::{Route, Routes};

/// A site as it was when it was scanned. Never changes.
#[derive(Debug)]
pub struct Manifest {
    domains: Vec<Domain>,
    modules: Vec<Module>,
    templates: Vec<Template>,
    by_key: HashMap<String, ModuleId>,
    by_path: HashMap<String, ModuleId>,
    param_names: Vec<String>,
    index: Index,
    templates_by_name: Names<Option<TemplateId>>,
    chains: Chains,
    tasks: Vec<Task>,
    warnings: Vec<Problem>,
    problems: Vec<Problem>,
}

impl Manifest {
    /// Reads `domains/` and the site module of a site's folder.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn scan(site: &Path) -> Result<Manifest, Problems> {
        Manifest::build(site, false)
    }

    /// As [`Manifest::scan`], but what is wrong with one module makes that module
    /// [`Declared::broken`], and what is wrong with one domain makes it [`Domain::broken`].
    ///
    /// # Errors
    /// What concerns the site as a whole, such as a folder that cannot be read.
    pub fn scan_lenient(site: &Path) -> Result<Manifest, Problems> {
        Manifest::build(site, true)
    }

    /// What `check` says of a site that can be served: warnings, and as errors what a module must not do
    /// (end the process, start threads or runtimes).
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The errors that [`Manifest::scan_lenient`] confined; empty after [`Manifest::scan`].
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// A domain.
    #[must_use]
    pub fn domain(&self, id: DomainId) -> &Domain {
        &self.domains[id.index()]
    }

    /// All domains, each after the one above it.
    #[must_use]
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// The domain `/`.
    #[must_use]
    pub fn root(&self) -> DomainId {
        DomainId(0)
    }

    /// A module.
    #[must_use]
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.index()]
    }

    /// All modules.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// All modules with their ids.
    pub fn module_ids(&self) -> impl Iterator<Item = ModuleId> + '_ {
        (0..self.modules.len()).map(ModuleId::from_index)
    }

    /// A template.
    #[must_use]
    pub fn template_at(&self, id: TemplateId) -> &Template {
        &self.templates[id.index()]
    }

    /// All templates.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The module of a key such as `scripts/[slug]/raw`.
    #[must_use]
    pub fn module_by_key(&self, key: &str) -> Option<ModuleId> {
        self.by_key.get(key).copied()
    }

    /// The module of a path such as `/scripts/` (its index), `/scripts/submit` or `/users/[id]/`, with
    /// dynamic segments written as on disk.
    #[must_use]
    pub fn module_by_path(&self, path: &str) -> Option<ModuleId> {
        self.by_path.get(path).copied()
    }

    /// The name of a dynamic segment.
    #[must_use]
    pub fn param_name(&self, param: Param) -> &str {
        &self.param_names[param.name.0 as usize]
    }

    /// The template of a name: of the domain, else of the nearest above that has one.
    #[must_use]
    pub fn find_template(&self, domain: DomainId, name: &str) -> Option<TemplateId> {
        let mut upward = self.upward(domain);
        upward.find_map(|domain| self.templates_by_name.get(domain, name).copied().flatten())
    }

    /// What a path means.
    #[must_use]
    pub fn resolve(&self, path: &CanonicalPath<'_>) -> Resolved {
        self.index.resolve(path, &mut ())
    }

    /// Whose hooks run for a request whose deepest domain and module (if any) are these.
    #[must_use]
    pub fn chain(&self, domain: DomainId, module: Option<ModuleId>) -> Cow<'_, Chain> {
        self.chains.of(domain, module, &self.modules)
    }

    /// Why a request with this chain cannot be answered: the first domain (root to leaf) or module of it
    /// that is broken, as its file and the reason. Always `None` after [`Manifest::scan`].
    #[must_use]
    pub fn broken(&self, domain: DomainId, chain: &Chain) -> Option<(&Path, &Broken)> {
        let domains = self.upward(domain).filter_map(|id| {
            let domain = self.domain(id);
            let broken = domain.broken.as_ref();
            broken.map(|broken| (&*domain.settings, broken))
        });
        let mut modules = chain.modules.iter().filter_map(|link| {
            let module = self.module(link.module);
            let broken = module.declared.broken.as_ref();
            broken.map(|broken| (&*module.source, broken))
        });
        domains.last().or_else(|| modules.next())
    }

    /// Which module of a chain answers a method ([`harmonious_abi::method`], one bit), leaf to root. HEAD
    /// falls back to GET.
    #[must_use]
    pub fn handler(&self, chain: &Chain, method: u32) -> Option<ModuleId> {
        let answers = |method: u32| {
            let mut lineage = chain.lineage();
            lineage.find(|id| self.module(*id).declared.methods() & method != 0)
        };
        let head = method == method::HEAD;
        answers(method).or_else(|| answers(method::GET).filter(|_| head))
    }

    /// What `Allow` says for a chain: its methods, HEAD if there is GET, and OPTIONS.
    #[must_use]
    pub fn methods(&self, chain: &Chain) -> u32 {
        check::with_automatic(check::methods(chain, &self.modules))
    }

    /// R6: pages for a status, from the domain upward, in each domain `_404`, `_4xx`, `_error`. Whoever
    /// fails while showing one goes on with the first of a domain further up.
    pub fn error_pages(
        &self,
        domain: DomainId,
        status: u16,
    ) -> impl Iterator<Item = (DomainId, ErrorPage)> + '_ {
        pages::error_pages(&self.domains, domain, status)
    }

    /// The tasks of the site, by name.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// What happens to a request: each step, and why.
    #[must_use]
    pub fn explain(&self, method: &str, url: &str) -> Explanation {
        explain::explain(self, method, url)
    }

    /// All URLs of the site, as a tree.
    #[must_use]
    pub fn routes(&self) -> Routes {
        routes::routes(self)
    }

    /// A domain and those above it, root last.
    fn upward(&self, domain: DomainId) -> impl Iterator<Item = DomainId> + '_ {
        std::iter::successors(Some(domain), |domain| self.domain(*domain).parent)
    }

    fn build(site: &Path, lenient: bool) -> Result<Manifest, Problems> {
        let tree = scan::tree(site);
        let mut files = assemble::module_files(&tree);
        let modules = files.len();
        files.extend(scan::site_sources(site));
        let mut sources = scan::sources(site, &files);
        let shared = sources.split_off(modules);
        let mut parts = assemble::assemble(tree, sources);
        for (file, source) in files[modules..].iter().zip(shared) {
            // Whether it is Rust at all, the compiler says.
            for finding in source.findings {
                parts.findings.told(finding.problem(file));
            }
        }
        let (chains, problems) = Chains::build(&parts.domains, &parts.modules);
        for (module, problem) in problems {
            parts.findings.error(Blame::Modules(vec![module]), problem);
        }
        check::complete(&mut parts, &chains);
        let tasks = tasks::collect(&mut parts);
        let (domains, modules) = (&mut parts.domains, &mut parts.modules);
        let (problems, warnings) = parts.findings.end(lenient, domains, modules)?;
        Ok(Manifest {
            domains: parts.domains,
            modules: parts.modules,
            templates: parts.templates,
            by_key: parts.by_key,
            by_path: parts.by_path,
            param_names: parts.param_names,
            index: parts.index,
            templates_by_name: parts.templates_by_name,
            chains,
            tasks,
            warnings,
            problems,
        })
    }
}

/// What a template that is a page answers.
pub const TEMPLATE_METHODS: u32 = method::GET | method::HEAD | method::OPTIONS;

/// The bit of a method; `None` is a 501.
#[must_use]
pub fn method_bit(name: &str) -> Option<u32> {
    let mut all = method::ALL.iter();
    all.find(|(_, known)| *known == name).map(|(bit, _)| *bit)
}

/// `GET, HEAD, OPTIONS` of a set of [`harmonious_abi::method`]s, as `Allow` has it.
#[must_use]
pub fn allow(methods: u32) -> String {
    let all = harmonious_abi::method::ALL.iter();
    let names: Vec<&str> = all
        .filter(|(bit, _)| methods & bit != 0)
        .map(|(_, n)| *n)
        .collect();
    names.join(", ")
}
