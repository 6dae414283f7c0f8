//! `routes`: all URLs of a site, as a tree.

use std::fmt;
use std::path::PathBuf;

use harmonious_abi::{kind, method};
use serde::Serialize;

use super::model::{Chain, DomainId, ModuleId};
use super::{Manifest, TEMPLATE_METHODS};

/// All URLs of a site, each domain before what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Routes(pub Vec<Route>);

/// One line of [`Routes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// `/scripts/[slug]/raw`; that of a domain ends with a slash.
    pub pattern: String,
    /// How deep it stands in the tree.
    pub depth: usize,
    /// As `Allow` has them; empty for a domain without an index.
    pub methods: Vec<&'static str>,
    /// The module or template, below the site's folder; none for a domain without an index.
    pub source: Option<PathBuf>,
    /// Keys of the modules that it inherits from, root to leaf.
    pub parents: Vec<String>,
    /// Guards that run before it, root to leaf, as `key::function`.
    pub guards: Vec<String>,
}

/// Makes the tree.
pub(super) fn routes(manifest: &Manifest) -> Routes {
    let mut maker = Maker::new(manifest);
    maker.domain(manifest.root());
    Routes(maker.routes)
}

struct Maker<'m> {
    manifest: &'m Manifest,
    /// By domain: the domains in it.
    children: Vec<Vec<DomainId>>,
    /// By domain: its modules that have URLs.
    modules: Vec<Vec<ModuleId>>,
    /// By domain: its templates that have URLs.
    pages: Vec<Vec<usize>>,
    routes: Vec<Route>,
}

impl<'m> Maker<'m> {
    fn new(manifest: &'m Manifest) -> Maker<'m> {
        let count = manifest.domains().len();
        let mut maker = Maker {
            manifest,
            children: vec![Vec::new(); count],
            modules: vec![Vec::new(); count],
            pages: vec![Vec::new(); count],
            routes: Vec::new(),
        };
        for (at, domain) in manifest.domains().iter().enumerate() {
            if let Some(parent) = domain.parent {
                maker.children[parent.index()].push(DomainId::from_index(at));
            }
        }
        for id in manifest.module_ids() {
            let module = manifest.module(id);
            if module.role.is_routable() {
                maker.modules[module.domain.index()].push(id);
            }
        }
        for (at, template) in manifest.templates().iter().enumerate() {
            if template.url.is_some() {
                maker.pages[template.domain.index()].push(at);
            }
        }
        maker
    }

    fn domain(&mut self, id: DomainId) {
        let domain = self.manifest.domain(id);
        let mut here = Vec::new();
        for module in self.modules[id.index()].clone() {
            here.push(self.module(module));
        }
        for at in self.pages[id.index()].clone() {
            here.push(self.page(id, at));
        }
        let own = here.iter().position(|route| route.pattern == domain.path);
        let own = own.map(|at| here.remove(at));
        let own = own.unwrap_or_else(|| self.route(&domain.path, domain.depth, 0, None, id, None));
        self.routes.push(Route {
            depth: domain.depth,
            ..own
        });
        here.sort_by(|a, b| a.pattern.cmp(&b.pattern));
        self.routes.extend(here);
        for child in self.children[id.index()].clone() {
            self.domain(child);
        }
    }

    fn module(&self, id: ModuleId) -> Route {
        let module = self.manifest.module(id);
        let depth = self.manifest.domain(module.domain).depth + 1;
        let pattern = module.pattern.as_deref().unwrap_or_default();
        let source = Some(module.source.clone());
        self.route(
            pattern,
            depth,
            module.methods,
            source,
            module.domain,
            Some(id),
        )
    }

    fn page(&self, domain: DomainId, at: usize) -> Route {
        let template = &self.manifest.templates()[at];
        let depth = self.manifest.domain(domain).depth + 1;
        let pattern = template.url.as_deref().unwrap_or_default();
        let methods = TEMPLATE_METHODS;
        let source = Some(template.path.clone());
        self.route(pattern, depth, methods, source, domain, None)
    }

    fn route(
        &self,
        pattern: &str,
        depth: usize,
        methods: u32,
        source: Option<PathBuf>,
        domain: DomainId,
        module: Option<ModuleId>,
    ) -> Route {
        let chain = self.manifest.chain(domain, module);
        let parents = chain
            .modules
            .iter()
            .filter(|link| Some(link.module) != module);
        let parents = parents.map(|link| {
            let key = &self.manifest.module(link.module).key;
            match link.hooks {
                true => key.clone(),
                false => format!("{key} (guards only)"),
            }
        });
        let names = method::ALL.iter().filter(|(bit, _)| methods & bit != 0);
        Route {
            pattern: pattern.to_owned(),
            depth,
            methods: names.map(|(_, name)| *name).collect(),
            source,
            parents: parents.collect(),
            guards: guards(self.manifest, &chain),
        }
    }
}

/// All guards of a chain, as `key::function`.
fn guards(manifest: &Manifest, chain: &Chain) -> Vec<String> {
    let of_module = |id: ModuleId| {
        let module = manifest.module(id);
        let entries = module.declared.entries.iter();
        entries
            .filter(|entry| entry.kind == kind::GUARD)
            .map(|entry| format!("{}::{}", module.key, entry.name))
            .collect::<Vec<_>>()
    };
    chain
        .modules
        .iter()
        .flat_map(|link| of_module(link.module))
        .collect()
}

/// Lines of cells, each column as wide as its widest cell; the last one as it is.
pub(super) fn aligned(rows: &[Vec<String>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

impl fmt::Display for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = |list: &[String]| match list {
            [] => "-".to_owned(),
            list => list.join(", "),
        };
        let head = ["url", "methods", "source", "inherits from", "guards"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for route in &self.0 {
            let source = route
                .source
                .as_ref()
                .map(|source| source.display().to_string());
            rows.push(vec![
                format!("{}{}", "  ".repeat(route.depth), last_part(&route.pattern)),
                match route.methods.is_empty() {
                    true => "-".to_owned(),
                    false => route.methods.join(" "),
                },
                source.unwrap_or_else(|| "-".to_owned()),
                dash(&route.parents),
                dash(&route.guards),
            ]);
        }
        aligned(&rows, f)
    }
}

/// `/scripts/` of `/blog/scripts/`, as the tree shows what stands before it.
fn last_part(pattern: &str) -> &str {
    let inner = pattern.strip_suffix('/').unwrap_or(pattern);
    inner.rfind('/').map_or(pattern, |at| &pattern[at..])
}
