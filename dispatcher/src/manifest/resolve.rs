//! R2 and R3: which module a path means, in memory, without backtracking.
//!
//! One hash table holds all literal names of the site, keyed by domain and name, in slots of a few words;
//! what is dynamic stands beside the domain itself. So each segment costs one look-up, whatever the size
//! of the site.

use smallvec::SmallVec;

use super::model::{DomainId, ModuleId, TemplateId};
use super::names::{Matcher, Rank, is_hidden};
use super::path::CanonicalPath;
use super::table::Names;

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The deepest domain that the path leads into: its chain runs, whatever was found.
    pub domain: DomainId,
    /// What answers.
    pub found: Found,
    /// What stood at the dynamic segments.
    pub params: SmallVec<[Param; 4]>,
}

/// One dynamic segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// See [`super::Manifest::param_name`].
    pub name: ParamName,
    /// Which segment of the path it took.
    pub segment: usize,
}

/// The name of a dynamic segment of one manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParamName(pub(super) u32);

/// What answers a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A module.
    Module(ModuleId),
    /// A template that is a page of its own.
    Page(TemplateId),
    /// Nothing of that name, but one of these may take the rest.
    Rest {
        /// The nearest first; each may decline. The rest of each begins at the depth of its own domain.
        candidates: SmallVec<[ModuleId; 2]>,
        /// The first segment of the rest, for the nearest.
        from: usize,
    },
    /// The same path with or without a slash at its end: 308.
    Redirect {
        /// With one.
        slash: bool,
    },
    /// Nothing: 404.
    Nothing,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Module(ModuleId),
    Page(TemplateId),
}

/// What stands under a literal name of a domain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Literals {
    pub(super) child: Option<DomainId>,
    pub(super) leaf: Option<Target>,
}

/// A dynamic name of a domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dynamic<T> {
    pub(super) name: ParamName,
    pub(super) matcher: Matcher,
    pub(super) to: T,
}

/// The dynamic names of a domain: one with a type, one without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dynamics<T> {
    typed: Option<Dynamic<T>>,
    plain: Option<Dynamic<T>>,
}

/// What the walk needs to know of a domain, apart from its literal names.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) parent: Option<DomainId>,
    pub(super) depth: usize,
    pub(super) index: Option<Target>,
    pub(super) rest: Option<ModuleId>,
    pub(super) children: Dynamics<DomainId>,
    pub(super) leaves: Dynamics<Target>,
    /// Names that may be reached although they begin with a dot.
    pub(super) allow_dot: Box<[String]>,
}

/// All that the walk needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) nodes: Vec<Node>,
    pub(super) literals: Names<Literals>,
}

/// One step of the walk, for `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A segment led into a domain.
    Enter { segment: usize, domain: DomainId },
    /// The last segment names a page.
    Leaf { segment: usize, target: Target },
    /// The path ends in a domain with an index.
    Index { domain: DomainId, target: Target },
    /// The path ends in a domain without one.
    NoIndex { domain: DomainId },
    /// The last segment names a domain with an index, but the slash is missing.
    AddSlash { segment: usize, domain: DomainId },
    /// The last segment names a page, but there is a slash.
    DropSlash { segment: usize, target: Target },
    /// The domain has nothing for the segment.
    NoName { segment: usize, domain: DomainId },
    /// The segment begins with `_` or `.` or is `index`.
    NotAddressable { segment: usize },
}

/// Hears of each step; `()` does not care, and costs nothing.
pub(super) trait Steps {
    fn step(&mut self, step: Step);
}

impl Steps for () {
    fn step(&mut self, _: Step) {}
}

impl Steps for Vec<Step> {
    fn step(&mut self, step: Step) {
        self.push(step);
    }
}

/// What a domain has for a segment.
#[derive(Clone, Copy)]
struct Pick<T> {
    rank: Rank,
    name: Option<ParamName>,
    to: T,
}

impl<T: Copy> Dynamics<T> {
    pub(super) const NONE: Dynamics<T> = Dynamics {
        typed: None,
        plain: None,
    };

    /// The place of a rank; literal names have none here.
    pub(super) fn place(&mut self, matcher: Matcher) -> &mut Option<Dynamic<T>> {
        match matcher {
            Matcher::Any => &mut self.plain,
            _ => &mut self.typed,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Dynamic<T>> + use<T> {
        self.typed.into_iter().chain(self.plain)
    }

    fn pick(&self, literal: Option<T>, segment: &str) -> Option<Pick<T>> {
        let takes = |dynamic: &Dynamic<T>| dynamic.matcher.accepts(segment);
        let dynamic = |dynamic: Dynamic<T>| Pick {
            rank: dynamic.matcher.rank(),
            name: Some(dynamic.name),
            to: dynamic.to,
        };
        let literal = literal.map(|to| Pick {
            rank: Rank::Literal,
            name: None,
            to,
        });
        literal
            .or_else(|| self.typed.filter(takes).map(dynamic))
            .or_else(|| self.plain.map(dynamic))
    }
}

impl From<Target> for Found {
    fn from(target: Target) -> Found {
        match target {
            Target::Module(module) => Found::Module(module),
            Target::Page(template) => Found::Page(template),
        }
    }
}

/// Where the walk is.
struct Walk<'i, 'p, S> {
    index: &'i Index,
    path: &'i CanonicalPath<'p>,
    steps: &'i mut S,
    at: DomainId,
    params: SmallVec<[Param; 4]>,
}

impl Index {
    pub(super) fn resolve(&self, path: &CanonicalPath<'_>, steps: &mut impl Steps) -> Resolved {
        let mut walk = Walk {
            index: self,
            path,
            steps,
            at: DomainId(0),
            params: SmallVec::new(),
        };
        let found = walk.found();
        Resolved {
            domain: walk.at,
            found,
            params: walk.params,
        }
    }

    fn node(&self, domain: DomainId) -> &Node {
        &self.nodes[domain.index()]
    }

    /// Whether a segment may name anything in a domain.
    fn is_addressable(&self, domain: DomainId, segment: &str) -> bool {
        if is_hidden(segment) {
            let mut allowed = self.node(domain).allow_dot.iter();
            allowed.any(|name| name == segment)
        } else {
            segment != "index"
        }
    }
}

impl<S: Steps> Walk<'_, '_, S> {
    fn found(&mut self) -> Found {
        let Some(last) = self.path.segments.len().checked_sub(1) else {
            return self.index_of_here();
        };
        for segment in 0..last {
            if !self.check(segment) {
                return Found::Nothing;
            }
            let Some(child) = self.child(segment) else {
                return self.stop(segment);
            };
            self.enter(segment, child);
        }
        if self.check(last) {
            self.last(last)
        } else {
            Found::Nothing
        }
    }

    fn check(&mut self, segment: usize) -> bool {
        let addressable = self
            .index
            .is_addressable(self.at, &self.path.segments[segment]);
        if !addressable {
            self.steps.step(Step::NotAddressable { segment });
        }
        addressable
    }

    fn child(&self, segment: usize) -> Option<Pick<DomainId>> {
        let name = &*self.path.segments[segment];
        let literals = self.index.literals.get(self.at, name);
        let children = &self.index.node(self.at).children;
        children.pick(literals.and_then(|literals| literals.child), name)
    }

    fn enter(&mut self, segment: usize, child: Pick<DomainId>) {
        self.at = child.to;
        self.take(segment, child.name);
        self.steps.step(Step::Enter {
            segment,
            domain: child.to,
        });
    }

    fn take(&mut self, segment: usize, name: Option<ParamName>) {
        self.params.extend(name.map(|name| Param { name, segment }));
    }

    /// The last segment: a page, or a domain whose index it is. The more specific name wins; of two
    /// that are alike, the page without a slash and the index with one.
    fn last(&mut self, segment: usize) -> Found {
        let name = &*self.path.segments[segment];
        let node = self.index.node(self.at);
        let literals = self.index.literals.get(self.at, name).copied();
        let literals = literals.unwrap_or_default();
        let child = node.children.pick(literals.child, name);
        let leaf = node.leaves.pick(literals.leaf, name);
        let indexed = child.filter(|child| self.index.node(child.to).index.is_some());
        match (leaf, indexed) {
            (Some(leaf), Some(child)) if self.path.slash && leaf.rank >= child.rank => {
                self.enter(segment, child);
                self.index_of_here()
            }
            (None, Some(child)) if self.path.slash => {
                self.enter(segment, child);
                self.index_of_here()
            }
            (Some(leaf), Some(child)) if leaf.rank > child.rank => self.add_slash(segment, child),
            (None, Some(child)) => self.add_slash(segment, child),
            (Some(leaf), _) if self.path.slash => {
                let target = leaf.to;
                self.steps.step(Step::DropSlash { segment, target });
                Found::Redirect { slash: false }
            }
            (Some(leaf), _) => {
                self.take(segment, leaf.name);
                let target = leaf.to;
                self.steps.step(Step::Leaf { segment, target });
                target.into()
            }
            (None, None) => match child {
                // Its guards cover its own name too, with a slash or without.
                Some(child) => {
                    self.enter(segment, child);
                    self.steps.step(Step::NoIndex { domain: child.to });
                    self.rest()
                }
                None => self.stop(segment),
            },
        }
    }

    fn add_slash(&mut self, segment: usize, child: Pick<DomainId>) -> Found {
        let domain = child.to;
        self.steps.step(Step::AddSlash { segment, domain });
        Found::Redirect { slash: true }
    }

    fn index_of_here(&mut self) -> Found {
        let domain = self.at;
        match self.index.node(domain).index {
            Some(target) => {
                self.steps.step(Step::Index { domain, target });
                target.into()
            }
            None => {
                self.steps.step(Step::NoIndex { domain });
                Found::Nothing
            }
        }
    }

    /// Nothing here has this name; the rest begins with it.
    fn stop(&mut self, segment: usize) -> Found {
        let domain = self.at;
        self.steps.step(Step::NoName { segment, domain });
        for later in segment + 1..self.path.segments.len() {
            let name = &*self.path.segments[later];
            if is_hidden(name) || name == "index" {
                self.steps.step(Step::NotAddressable { segment: later });
                return Found::Nothing;
            }
        }
        self.rest()
    }

    /// R3: whoever takes the rest, from the deepest domain upward. A rest has a segment at least.
    fn rest(&mut self) -> Found {
        let mut candidates = SmallVec::new();
        let mut from = 0;
        let mut next = Some(self.at);
        while let Some(domain) = next {
            let node = self.index.node(domain);
            next = node.parent;
            let Some(module) = node.rest.filter(|_| node.depth < self.path.segments.len()) else {
                continue;
            };
            if candidates.is_empty() {
                from = node.depth;
            }
            candidates.push(module);
        }
        if candidates.is_empty() {
            return Found::Nothing;
        }
        Found::Rest { candidates, from }
    }
}
