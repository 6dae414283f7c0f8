//! R4: who inherits from whom.
//!
//! A chain has the `_parent` of each domain from the root down, then the named parents of the module,
//! each after its own, then the module; whoever comes twice stays at the outer place. What is named is
//! looked up once, when the site is scanned; a request finds its chain ready.

use std::borrow::Cow;
use std::path::PathBuf;

use super::config::INHERITANCE_DEPTH_MAX;
use super::model::{Chain, Domain, DomainId, Inherits, Link, Module, ModuleId, Role};
use super::problem::Problem;

/// All chains of a site.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    /// By domain: for what has no module, such as a 404.
    domains: Vec<Chain>,
    /// By module, in its own domain.
    modules: Vec<Chain>,
    /// By module: its named parents, each after its own.
    named: Vec<Vec<ModuleId>>,
}

/// Finds named parents, and what is wrong with them.
struct Lookup<'m> {
    domains: &'m [Domain],
    modules: &'m [Module],
    /// By module: whom it names.
    direct: Vec<Vec<ModuleId>>,
    done: Vec<Option<Vec<ModuleId>>>,
    /// From the module that is asked for down to the one that is looked at.
    path: Vec<ModuleId>,
    problems: Vec<(ModuleId, Problem)>,
}

impl Chains {
    /// Looks up all named parents. What cannot be found or goes in a circle is left out of the chains and
    /// named, with the module whose fault it is.
    pub(super) fn build(
        domains: &[Domain],
        modules: &[Module],
    ) -> (Chains, Vec<(ModuleId, Problem)>) {
        let mut lookup = Lookup {
            domains,
            modules,
            direct: Vec::new(),
            done: vec![None; modules.len()],
            path: Vec::new(),
            problems: Vec::new(),
        };
        lookup.direct = (0..modules.len())
            .map(|at| lookup.find_all(ModuleId::from_index(at)))
            .collect();
        let named = (0..modules.len())
            .map(|at| lookup.ancestors(ModuleId::from_index(at)))
            .collect();
        let problems = lookup.problems;
        let mut chains = Chains {
            domains: Vec::with_capacity(domains.len()),
            modules: Vec::with_capacity(modules.len()),
            named,
        };
        for domain in domains {
            let above = domain.parent.map(|above| &chains.domains[above.index()]);
            let mut chain = above.cloned().unwrap_or_default();
            if let Some(parent) = domain.default_parent {
                chains.extend(&mut chain, parent, modules);
            }
            chains.domains.push(chain);
        }
        for (at, module) in modules.iter().enumerate() {
            let chain = chains.make(module.domain, ModuleId::from_index(at), modules);
            chains.modules.push(chain);
        }
        (chains, problems)
    }

    pub(super) fn of(
        &self,
        domain: DomainId,
        module: Option<ModuleId>,
        modules: &[Module],
    ) -> Cow<'_, Chain> {
        match module {
            None => Cow::Borrowed(&self.domains[domain.index()]),
            Some(module) if modules[module.index()].domain == domain => {
                Cow::Borrowed(&self.modules[module.index()])
            }
            Some(module) => Cow::Owned(self.make(domain, module, modules)),
        }
    }

    fn make(&self, domain: DomainId, module: ModuleId, modules: &[Module]) -> Chain {
        let mut chain = self.domains[domain.index()].clone();
        self.extend(&mut chain, module, modules);
        chain
    }

    /// Adds a module with its named parents to the chain of a domain.
    fn extend(&self, chain: &mut Chain, module: ModuleId, modules: &[Module]) {
        let inherited = chain.modules.len();
        for &parent in &self.named[module.index()] {
            push(chain, parent);
            if modules[parent.index()].declared.inherits == Inherits::None {
                // What it would have inherited: the `_parent`s of its own domain and of those above. If
                // its domain is the one being built, these are the chain so far.
                let own = self.domains.get(modules[parent.index()].domain.index());
                for link in &mut chain.modules[..inherited] {
                    link.hooks &= own.is_some_and(|own| !has(own, link.module));
                }
            }
        }
        if modules[module.index()].declared.inherits == Inherits::None {
            for link in &mut chain.modules[..inherited] {
                link.hooks = link.module == module;
            }
        }
        push(chain, module);
    }
}

fn has(chain: &Chain, module: ModuleId) -> bool {
    chain.modules.iter().any(|link| link.module == module)
}

fn push(chain: &mut Chain, module: ModuleId) {
    if !has(chain, module) {
        chain.modules.push(Link {
            module,
            hooks: true,
        });
    }
}

impl Lookup<'_> {
    fn find_all(&mut self, module: ModuleId) -> Vec<ModuleId> {
        let Inherits::Named(names) = &self.modules[module.index()].declared.inherits else {
            return Vec::new();
        };
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            match self.find(module, name) {
                Some(parent) => found.push(parent),
                None => self.problems.push((module, self.missing(module, name))),
            }
        }
        found
    }

    /// The domains in which a name is looked up: its own and those above. A parent does not find itself.
    fn places(&self, module: ModuleId, name: &str) -> impl Iterator<Item = &Domain> {
        let module = &self.modules[module.index()];
        let own = &self.domains[module.domain.index()];
        let above = |domain: &&Domain| domain.parent.map(|above| &self.domains[above.index()]);
        let itself = matches!(&module.role, Role::Parent { name: own } if own == name);
        std::iter::successors(Some(own), above).skip(usize::from(itself))
    }

    fn find(&self, module: ModuleId, name: &str) -> Option<ModuleId> {
        self.places(module, name).find_map(|domain| {
            let mut parents = domain.parents.iter();
            parents.find(|(known, _)| known == name).map(|(_, id)| *id)
        })
    }

    fn missing(&self, module: ModuleId, name: &str) -> Problem {
        let file = format!("_{name}.rs");
        let tried: Vec<PathBuf> = self
            .places(module, name)
            .map(|domain| domain.folder.join(&file))
            .collect();
        let own = std::iter::successors(Some(self.modules[module.index()].domain), |domain| {
            self.domains[domain.index()].parent
        });
        let known: Vec<&str> = own
            .flat_map(|domain| &self.domains[domain.index()].parents)
            .map(|(known, _)| known.as_str())
            .collect();
        let advice = match known.as_slice() {
            [] => format!("create `{file}` in one of these folders"),
            known => format!(
                "did you mean \"{}\"? or create `{file}` in one of these folders",
                super::names::nearest(name, known)
            ),
        };
        let what = match tried.is_empty() {
            true => format!("inherits from \"{name}\", but no domain is above this one"),
            false => format!("inherits from \"{name}\", and there is no such parent"),
        };
        Problem::error(self.modules[module.index()].source.clone(), what, advice).tried(tried)
    }

    /// The named parents of a module, each after its own.
    fn ancestors(&mut self, module: ModuleId) -> Vec<ModuleId> {
        if let Some(done) = &self.done[module.index()] {
            return done.clone();
        }
        self.path.push(module);
        let mut all: Vec<ModuleId> = Vec::new();
        for parent in self.direct[module.index()].clone() {
            if !self.may_enter(parent) {
                continue;
            }
            for ancestor in self.ancestors(parent).into_iter().chain([parent]) {
                if !all.contains(&ancestor) {
                    all.push(ancestor);
                }
            }
        }
        self.path.pop();
        self.done[module.index()] = Some(all.clone());
        all
    }

    /// Whether a parent can be followed: not in a circle, and not too deep.
    fn may_enter(&mut self, parent: ModuleId) -> bool {
        let source = |id: &ModuleId| self.modules[id.index()].source.display().to_string();
        let last = *self.path.last().expect("someone asks");
        let problem = if let Some(at) = self.path.iter().position(|id| *id == parent) {
            let mut round: Vec<String> = self.path[at..].iter().map(source).collect();
            round.push(source(&parent));
            let what = format!("inherits from itself: {}", round.join(" -> "));
            Problem::error(
                source(&last),
                what,
                "take one `inherits` of this circle away",
            )
        } else if self.path.len() > INHERITANCE_DEPTH_MAX {
            let chain: Vec<String> = self.path.iter().map(source).collect();
            let what = format!(
                "more than {INHERITANCE_DEPTH_MAX} parents name each other: {}",
                chain.join(" -> ")
            );
            Problem::error(source(&last), what, "let some of them inherit from nobody")
        } else {
            return true;
        };
        self.problems.push((last, problem));
        false
    }
}
