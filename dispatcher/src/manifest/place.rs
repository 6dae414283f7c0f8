//! Puts a page where URLs find it, and names two that would be at the same place.

use std::path::Path;

use super::assemble::Parts;
use super::findings::Blame;
use super::model::{DomainId, ModuleId};
use super::names::{Matcher, Segment};
use super::path::normalise;
use super::problem::Problem;
use super::resolve::{Dynamic, Target};

pub(super) const TWICE: &str = "keep one of them: a folder has one dynamic name with a type and one without, for each of files and folders";

pub(super) fn twice(before: &Path, matcher: Matcher) -> String {
    let with = match matcher {
        Matcher::Any => "without",
        _ => "with",
    };
    let before = before.display();
    format!(
        "{before} is a dynamic name {with} a type too: which of them is meant could not be told"
    )
}

impl Parts {
    pub(super) fn rest(&mut self, domain: DomainId, id: ModuleId, path: &Path) {
        let rest = &mut self.index.nodes[domain.index()].rest;
        if let Some(before) = *rest {
            let before = &self.modules[before.index()].source;
            let what = format!("this domain has a rest already: {}", before.display());
            let problem = Problem::error(path, what, "keep one of them");
            self.findings.error(Blame::Modules(vec![id]), problem);
        } else {
            *rest = Some(id);
        }
    }

    pub(super) fn index(&mut self, domain: DomainId, target: Target, path: &Path) {
        match self.index.nodes[domain.index()].index {
            Some(before) => self.two_for_one(before, target, path),
            None => self.index.nodes[domain.index()].index = Some(target),
        }
    }

    /// A page below a domain.
    pub(super) fn leaf(&mut self, domain: DomainId, segment: Segment, target: Target, path: &Path) {
        match segment {
            Segment::Literal(name) => {
                let leaf = &mut self.index.literals.entry(domain, &name).leaf;
                match *leaf {
                    Some(before) => self.two_for_one(before, target, path),
                    None => *leaf = Some(target),
                }
            }
            Segment::Dynamic { name, matcher } => {
                let Some(name) = self.param(domain, &name, path) else {
                    return;
                };
                let place = self.index.nodes[domain.index()].leaves.place(matcher);
                if let Some(before) = place {
                    let before = before.to;
                    let what = twice(self.source(before), matcher);
                    let blame = blame(&[before, target]);
                    self.findings
                        .error(blame, Problem::error(path, what, TWICE));
                } else {
                    *place = Some(Dynamic {
                        name,
                        matcher,
                        to: target,
                    });
                }
            }
            Segment::Rest => {}
        }
    }

    /// `x.rs` beside `x/index.rs`: `/x` and `/x/` would be two pages.
    pub(super) fn pages_against_indexes(&mut self) {
        let mut clashes = Vec::new();
        for (at, node) in self.index.nodes.iter().enumerate() {
            let (Some(parent), Some(index)) = (node.parent, node.index) else {
                continue;
            };
            let above = &self.index.nodes[parent.index()];
            let id = DomainId::from_index(at);
            let dynamic = above.children.iter().find(|child| child.to == id);
            let page = match dynamic {
                Some(child) => {
                    let rank = child.matcher.rank();
                    let mut leaves = above.leaves.iter();
                    leaves
                        .find(|leaf| leaf.matcher.rank() == rank)
                        .map(|leaf| leaf.to)
                }
                None => {
                    let folder = self.domains[at].folder.file_name();
                    let name = folder.map(|name| name.to_string_lossy().into_owned());
                    let name = name.unwrap_or_default();
                    let name = normalise(name.as_str().into());
                    self.index
                        .literals
                        .get(parent, &name)
                        .and_then(|name| name.leaf)
                }
            };
            clashes.extend(page.map(|page| (page, index)));
        }
        for (page, index) in clashes {
            let what = format!(
                "{} and {} are two pages for one URL, with a slash and without",
                self.source(page).display(),
                self.source(index).display()
            );
            let problem = Problem::error(self.source(page), what, "keep one of them");
            self.findings.error(blame(&[page, index]), problem);
        }
    }

    fn two_for_one(&mut self, before: Target, target: Target, path: &Path) {
        let what = format!("{} answers the same URL", self.source(before).display());
        let problem = Problem::error(path, what, "keep one of them");
        self.findings.error(blame(&[before, target]), problem);
    }

    fn source(&self, target: Target) -> &Path {
        match target {
            Target::Module(id) => &self.modules[id.index()].source,
            Target::Page(id) => &self.templates[id.index()].path,
        }
    }
}

fn blame(targets: &[Target]) -> Blame {
    let modules = targets.iter().filter_map(|target| match target {
        Target::Module(id) => Some(*id),
        Target::Page(_) => None,
    });
    Blame::Modules(modules.collect())
}
