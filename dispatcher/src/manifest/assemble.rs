//! Files become domains, modules and templates; whatever is ambiguous is named.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::declare::Fault;
use super::findings::{Blame, Findings};
use super::lint;
use super::model::{Domain, DomainId, ErrorPage, Module, ModuleId, Role, Template, TemplateId};
use super::names::{self, FileKind, Segment, template_segment};
use super::pages;
use super::path::normalise;
use super::place::{TWICE, twice};
use super::problem::Problem;
use super::resolve::{Dynamic, Dynamics, Index, Node, ParamName, Target};
use super::scan::{Folder, Source, Tree};
use super::table::Names;

/// What becomes a manifest.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) domains: Vec<Domain>,
    pub(super) modules: Vec<Module>,
    pub(super) templates: Vec<Template>,
    pub(super) index: Index,
    pub(super) templates_by_name: Names<Option<TemplateId>>,
    pub(super) by_key: HashMap<String, ModuleId>,
    pub(super) by_path: HashMap<String, ModuleId>,
    pub(super) param_names: Vec<String>,
    pub(super) findings: Findings,
    /// By number of the folder: its domain, if it became one.
    of_folder: Vec<Option<DomainId>>,
    /// By domain: the names of its dynamic segments, its own and those above.
    params_of: Vec<Vec<ParamName>>,
}

/// The modules of a tree, in the order in which [`assemble`] wants their sources.
pub(super) fn module_files(tree: &Tree) -> Vec<PathBuf> {
    let files = tree.folders.iter().flat_map(|folder| {
        let modules = folder.files.iter().filter(|(_, kind)| is_module(kind));
        modules.map(|(name, _)| folder.path.join(name))
    });
    files.collect()
}

/// Puts a site together.
pub(super) fn assemble(tree: Tree, sources: Vec<Source>) -> Parts {
    let mut parts = Parts::default();
    let mut sources = sources.into_iter();
    for folder in &tree.folders {
        let count = folder
            .files
            .iter()
            .filter(|(_, kind)| is_module(kind))
            .count();
        let sources: Vec<Source> = sources.by_ref().take(count).collect();
        let domain = parts.domain(folder);
        parts.of_folder.push(domain);
        if let Some(domain) = domain {
            parts.files(domain, folder, sources);
        }
    }
    parts.pages_against_indexes();
    parts.findings.left_out(tree.problems);
    for problem in tree.fatal {
        parts.findings.error(Blame::Site, problem);
    }
    parts
}

fn is_module(kind: &FileKind) -> bool {
    matches!(kind, FileKind::Module(_))
}

/// The form in which names that look alike are equal.
fn folded(name: &str) -> String {
    normalise(name.into()).to_lowercase()
}

impl Parts {
    /// A folder becomes a domain, unless its name or its place does not allow it.
    fn domain(&mut self, folder: &Folder) -> Option<DomainId> {
        let parent = match folder.parent {
            None => None,
            Some(parent) => Some(self.of_folder[parent]?),
        };
        let id = DomainId::from_index(self.domains.len());
        let mut params = parent.map_or(Vec::new(), |parent| self.params_of[parent.index()].clone());
        if let Some(parent) = parent {
            params.extend(self.add_child(parent, id, folder)?);
        }
        let above = parent.map(|parent| &self.domains[parent.index()]);
        let path = above.map_or("/".into(), |above| {
            format!("{}{}/", above.path, folder.name)
        });
        let mut limits = above.map(|above| above.limits).unwrap_or_default();
        let own = folder.settings.limits;
        limits.time_limit = own.time_limit.or(limits.time_limit);
        limits.max_body = own.max_body.or(limits.max_body);
        self.domains.push(Domain {
            path,
            parent,
            depth: folder.depth,
            folder: folder.path.clone(),
            default_parent: None,
            limits,
            broken: None,
            allow_dot: folder.settings.allow_dot.clone(),
            database: folder.settings.database.clone(),
            settings: folder.path.join("domain.toml"),
            parents: Vec::new(),
            error_pages: Vec::new(),
        });
        let allowed = folder.settings.allow_dot.iter();
        let allowed = allowed.map(|name| normalise(name.into()).into_owned());
        self.index.nodes.push(Node {
            parent,
            depth: folder.depth,
            index: None,
            rest: None,
            children: Dynamics::NONE,
            leaves: Dynamics::NONE,
            allow_dot: allowed.collect(),
        });
        self.params_of.push(params);
        let file = self.domains[id.index()].settings.clone();
        for fault in &folder.settings_faults {
            self.findings
                .error(Blame::Domain(id), problem(&file, fault));
        }
        Some(id)
    }

    /// Enters a folder below its parent. `Some` with the name of its dynamic segment if it has one.
    fn add_child(
        &mut self,
        parent: DomainId,
        id: DomainId,
        folder: &Folder,
    ) -> Option<Option<ParamName>> {
        let refuse = |parts: &mut Parts, what: String, advice: &str| {
            let problem = Problem::error(folder.path.clone(), what, advice);
            parts.findings.error(Blame::Nobody, problem);
            None
        };
        match names::segment(&folder.name) {
            Err((what, advice)) => refuse(self, what, &advice),
            Ok(Segment::Rest) => refuse(
                self,
                format!("the folder `{}` would be a rest", folder.name),
                "a rest is a file, such as `[...rest].rs`",
            ),
            Ok(Segment::Literal(name)) if name == "index" => refuse(
                self,
                "`index` cannot be part of a URL".into(),
                "rename the folder, or move what is in it up",
            ),
            Ok(Segment::Literal(name)) => {
                let child = &mut self.index.literals.entry(parent, &name).child;
                // Its twin came first; that they are twins is told elsewhere.
                if child.is_some() {
                    return None;
                }
                *child = Some(id);
                Some(None)
            }
            Ok(Segment::Dynamic { name, matcher }) => {
                let name = self.param(parent, &name, &folder.path)?;
                let place = self.index.nodes[parent.index()].children.place(matcher);
                if let Some(before) = place {
                    let before = self.domains[before.to.index()].folder.clone();
                    return refuse(self, twice(&before, matcher), TWICE);
                }
                *place = Some(Dynamic {
                    name,
                    matcher,
                    to: id,
                });
                Some(Some(name))
            }
        }
    }

    /// The number of a dynamic segment's name; a path has each name once.
    pub(super) fn param(&mut self, domain: DomainId, name: &str, file: &Path) -> Option<ParamName> {
        let above = &self.params_of[domain.index()];
        if above
            .iter()
            .any(|id| self.param_names[id.0 as usize] == name)
        {
            let what = format!("a second dynamic segment named `{name}` on the same path");
            let problem = Problem::error(file, what, "give each its own name");
            self.findings.error(Blame::Nobody, problem);
            return None;
        }
        let known = self.param_names.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.param_names.push(name.to_owned());
            self.param_names.len() - 1
        });
        Some(ParamName(u32::try_from(number).expect("few names")))
    }

    /// The files of a domain: modules first, as templates belong to them.
    fn files(&mut self, domain: DomainId, folder: &Folder, sources: Vec<Source>) {
        let twins = self.twins(folder);
        let mut owners: HashMap<&str, ModuleId> = HashMap::new();
        let modules = folder.files.iter().filter(|(_, kind)| is_module(kind));
        for ((file, kind), source) in modules.zip(sources) {
            let FileKind::Module(stem) = kind else {
                continue;
            };
            let is_twin = twins.contains(&file.as_str());
            if let Some(id) = self.module(domain, folder, (file, stem), source, is_twin) {
                owners.insert(stem, id);
            }
        }
        for (file, kind) in &folder.files {
            if let FileKind::Template(stem, extension) = kind {
                let is_twin = twins.contains(&file.as_str());
                self.template(domain, folder, (file, stem, extension), &owners, is_twin);
            }
        }
    }

    /// Names that differ only in case or in how letters are composed: on some disks they are the same
    /// file, and nobody can tell the URLs apart.
    fn twins<'f>(&mut self, folder: &'f Folder) -> Vec<&'f str> {
        let mut seen: HashMap<String, (String, &str)> = HashMap::with_capacity(folder.files.len());
        let mut twins = Vec::new();
        let children = folder
            .children
            .iter()
            .map(|name| (name.clone(), name.as_str()));
        let files = folder.files.iter().map(|(file, kind)| match kind {
            FileKind::Module(stem) => (stem.clone(), file.as_str()),
            FileKind::Template(stem, extension) if !file.contains('/') => {
                (template_segment(stem, extension), file.as_str())
            }
            _ => (file.clone(), file.as_str()),
        });
        for (segment, file) in children.chain(files) {
            match seen.get(&folded(&segment)) {
                Some((before, other)) if *before != segment => {
                    let what = format!(
                        "`{file}` and `{other}` differ only in case or in how their letters are composed"
                    );
                    let advice = "rename one of them";
                    let problem = Problem::error(folder.path.join(file), what, advice);
                    self.findings.error(Blame::Nobody, problem);
                    twins.push(file);
                }
                Some(_) => {}
                None => {
                    seen.insert(folded(&segment), (segment, file));
                }
            }
        }
        twins
    }

    /// Adds a module. None if its name cannot be understood.
    fn module(
        &mut self,
        domain: DomainId,
        folder: &Folder,
        (file, stem): (&str, &str),
        mut source: Source,
        is_twin: bool,
    ) -> Option<ModuleId> {
        let path = folder.path.join(file);
        let (role, segment) = match self.role(stem) {
            Ok(role) => role,
            Err((what, advice)) => {
                let problem = Problem::error(path, what, advice);
                self.findings.error(Blame::Nobody, problem);
                return None;
            }
        };
        let id = ModuleId::from_index(self.modules.len());
        let here = &self.domains[domain.index()];
        let pattern = match role {
            Role::Index => Some(here.path.clone()),
            Role::Page | Role::Rest => Some(format!("{}{stem}", here.path)),
            _ => None,
        };
        let key = format!("{}{stem}", &here.path[1..]);
        let limits = here.limits;
        self.by_key.insert(key.clone(), id);
        self.faults(id, &path, &source);
        source.declared.broken = source.faults.first().map(Into::into);
        self.modules.push(Module {
            key,
            source: path.clone(),
            domain,
            role: role.clone(),
            pattern: pattern.clone(),
            template: None,
            time_limit: source.declared.time_limit.or(limits.time_limit),
            max_body: source.declared.max_body.or(limits.max_body),
            methods: 0,
            declared: source.declared,
        });
        if is_twin {
            return Some(id);
        }
        match role {
            Role::Parent { name } => {
                let domain = &mut self.domains[domain.index()];
                if name == "parent" {
                    domain.default_parent = Some(id);
                }
                domain.parents.push((name, id));
            }
            Role::ErrorPage { name } => {
                let domain = &mut self.domains[domain.index()];
                domain.error_pages.push((name, ErrorPage::Module(id)));
            }
            Role::Rest => self.rest(domain, id, &path),
            Role::Index => self.index(domain, Target::Module(id), &path),
            Role::Page => {
                if let Some(segment) = segment {
                    self.leaf(domain, segment, Target::Module(id), &path);
                }
            }
        }
        if let Some(pattern) = pattern {
            self.by_path.entry(pattern).or_insert(id);
        }
        Some(id)
    }

    fn role(&self, stem: &str) -> Result<(Role, Option<Segment>), (String, String)> {
        if let Some(name) = stem.strip_prefix('_') {
            return Ok((pages::hidden_role(name)?, None));
        }
        if stem == "index" {
            return Ok((Role::Index, None));
        }
        Ok(match names::segment(stem)? {
            Segment::Rest => (Role::Rest, None),
            segment => (Role::Page, Some(segment)),
        })
    }

    fn faults(&mut self, id: ModuleId, path: &Path, source: &Source) {
        for fault in &source.faults {
            let blame = Blame::Modules(vec![id]);
            self.findings.error(blame, problem(path, fault));
        }
        let allowed = lint::allowed(&source.declared);
        for finding in &source.findings {
            if !allowed.contains(&finding.rule.name()) {
                self.findings.told(finding.problem(path));
            }
        }
    }

    fn template(
        &mut self,
        domain: DomainId,
        folder: &Folder,
        (file, stem, extension): (&str, &str, &'static str),
        owners: &HashMap<&str, ModuleId>,
        is_twin: bool,
    ) {
        let id = TemplateId::from_index(self.templates.len());
        let path = folder.path.join(file);
        let name = normalise(file.into()).into_owned();
        *self.templates_by_name.entry(domain, &name) = Some(id);
        self.templates.push(Template {
            name,
            domain,
            path: path.clone(),
            url: None,
        });
        if file.contains('/') || is_twin {
            return;
        }
        let segment = template_segment(stem, extension);
        if let Some(&owner) = owners.get(segment.as_str()) {
            return self.template_of(owner, id, &path);
        }
        if let Some(name) = stem.strip_prefix('_') {
            if segment == stem && pages::is_error_name(name) {
                self.error_template(domain, name, id, &path);
            }
            return;
        }
        let target = Target::Page(id);
        let here = self.domains[domain.index()].path.clone();
        if segment == "index" {
            self.templates[id.index()].url = Some(here);
            return self.index(domain, target, &path);
        }
        let problem = match names::segment(&segment) {
            Ok(Segment::Rest) => Problem::error(
                &path,
                "a template cannot take a rest",
                "write a module of this name beside it",
            ),
            Ok(segment_read) => {
                self.templates[id.index()].url = Some(format!("{here}{segment}"));
                return self.leaf(domain, segment_read, target, &path);
            }
            Err(_) if names::segment(stem).is_ok() && owners.contains_key(stem) => return,
            Err((what, advice)) => Problem::error(&path, what, advice),
        };
        self.findings.error(Blame::Nobody, problem);
    }

    fn template_of(&mut self, owner: ModuleId, id: TemplateId, path: &Path) {
        match self.modules[owner.index()].template {
            None => self.modules[owner.index()].template = Some(id),
            Some(before) => {
                let before = self.templates[before.index()].path.display();
                let what = format!("the module has a template of its name already: {before}");
                let problem = Problem::error(path, what, "keep one of them");
                self.findings.error(Blame::Modules(vec![owner]), problem);
            }
        }
    }

    fn error_template(&mut self, domain: DomainId, name: &str, id: TemplateId, path: &Path) {
        let pages = &mut self.domains[domain.index()].error_pages;
        if pages.iter().any(|(known, _)| known == name) {
            let what = format!("this domain has a page `_{name}` already");
            let problem = Problem::error(path, what, "keep one of them");
            self.findings.error(Blame::Nobody, problem);
        } else {
            pages.push((name.to_owned(), ErrorPage::Template(id)));
        }
    }
}

fn problem(file: &Path, fault: &Fault) -> Problem {
    let mut problem = Problem::error(file, fault.what.clone(), fault.advice.clone());
    problem.line = (fault.line > 0).then_some(fault.line);
    problem
}
