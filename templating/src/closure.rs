//! Which files a template needs, as seen from a domain: its parents, its includes, the files of
//! its components, and what those need.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::{DEPTH_MAX, LEVELS_MAX};
use crate::depth::{Depth, Link};
use crate::error::TemplateError;
use crate::files::{Files, tried, upward};
use crate::scan::Named;
use crate::source::Source;

/// How a template names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeedKind {
    /// `{% extends %}`
    Extends,
    /// `{% include %}`
    Include,
    /// A component that another file defines.
    Component,
}

/// One name that a template needs, and the file that it means as seen from the domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The file that names it: `/scripts/index.html`.
    pub by: String,
    /// How.
    pub kind: NeedKind,
    /// The name as it is written.
    pub name: String,
    /// The file that it means: `/_layout.html`.
    pub found: String,
}

/// A template with all that it needs.
#[derive(Debug)]
pub(crate) struct Closure {
    /// The files, the template itself among them.
    pub files: Vec<usize>,
    /// Who needs what, sorted.
    pub needs: Vec<Need>,
    /// How deep the engine recurses, at most.
    pub levels: usize,
}

/// Where files come from, and which of them define a component.
pub(crate) trait Sources {
    fn files(&self) -> &Files;
    fn source(&self, index: usize) -> Result<Arc<Source>, TemplateError>;
}

/// Follows every name; all that is missing, at once.
pub(crate) fn closure(
    from: &impl Sources,
    domain: &str,
    entry: usize,
) -> Result<Closure, Vec<TemplateError>> {
    let mut walk = Walk {
        from,
        domain,
        files: BTreeSet::from([entry]),
        queue: vec![entry],
        calls: Vec::new(),
        links: HashMap::new(),
        needs: BTreeSet::new(),
        wrong: Vec::new(),
    };
    walk.follow();
    for &file in &walk.files.clone() {
        walk.circles(file);
    }
    if !walk.wrong.is_empty() {
        return Err(walk.wrong);
    }
    let levels = walk.levels(entry).map_err(|wrong| vec![wrong])?;
    let files = walk.files.into_iter().collect();
    Ok(Closure {
        files,
        needs: walk.needs.into_iter().collect(),
        levels,
    })
}

struct Walk<'w, S> {
    from: &'w S,
    domain: &'w str,
    files: BTreeSet<usize>,
    /// Files whose names are still to be followed.
    queue: Vec<usize>,
    /// Calls of components: by which file, which. They are resolved when no other name is left,
    /// since a file that is needed anyway comes first.
    calls: Vec<(usize, Named)>,
    /// Where each file leads: for circles and depth.
    links: HashMap<usize, Vec<Link>>,
    needs: BTreeSet<Need>,
    wrong: Vec<TemplateError>,
}

impl<S: Sources> Walk<'_, S> {
    fn follow(&mut self) {
        loop {
            if let Some(file) = self.queue.pop() {
                match self.from.source(file) {
                    Ok(source) => self.names(file, &source),
                    Err(wrong) => self.wrong.push(wrong),
                }
            } else if let Some((file, call)) = self.calls.pop() {
                self.component(file, &call);
            } else {
                return;
            }
        }
    }

    fn names(&mut self, file: usize, source: &Source) {
        let facts = &source.facts;
        for named in &facts.extends {
            self.file(file, source, named, NeedKind::Extends);
        }
        for named in &facts.includes {
            self.file(file, source, named, NeedKind::Include);
        }
        self.calls
            .extend(facts.calls.iter().map(|call| (file, call.clone())));
    }

    fn file(&mut self, by: usize, source: &Source, named: &Named, kind: NeedKind) {
        let files = self.from.files();
        match files.find_from(self.domain, by, &named.name) {
            Some(found) => {
                self.add(by, kind, named, found);
            }
            None if files.file(by).name == named.name => {
                let tried = files.tried_from(self.domain, by, &named.name);
                self.wrong.push(names_itself(source, named, &tried));
            }
            None => self.wrong.push(TemplateError::Missing {
                name: named.name.clone(),
                tried: tried(self.domain, &named.name),
                by: Some(source.place(named.at.start)),
            }),
        }
    }

    /// The nearest domain in which a file defines it; in that domain, a file that is needed anyway.
    /// What nobody defines the engine refuses, at the right place.
    fn component(&mut self, by: usize, call: &Named) {
        let files = self.from.files();
        for domain in upward(self.domain) {
            let defining: Vec<usize> = (files.within(domain).iter().copied())
                .filter(|&file| self.defines(file, &call.name))
                .collect();
            let needed = defining
                .iter()
                .copied()
                .find(|file| self.files.contains(file));
            match (needed, defining.as_slice()) {
                (_, []) => continue,
                (Some(file), _) | (None, &[file]) => {
                    self.add(by, NeedKind::Component, call, file);
                }
                (None, several) => self.several(by, call, several),
            }
            return;
        }
    }

    fn defines(&self, file: usize, component: &str) -> bool {
        self.from.source(file).is_ok_and(|source| {
            source
                .facts
                .defines
                .iter()
                .any(|named| named.name == component)
        })
    }

    fn several(&mut self, by: usize, call: &Named, defining: &[usize]) {
        let Ok(source) = self.from.source(by) else {
            return;
        };
        let files = self.from.files();
        let names: Vec<&str> = defining.iter().map(|&file| files.full(file)).collect();
        self.wrong.push(TemplateError::Syntax {
            place: source.place(call.at.start),
            message: format!(
                "component `{}` is defined more than once: in {}",
                call.name,
                names.join(" and ")
            ),
        });
    }

    fn add(&mut self, by: usize, kind: NeedKind, named: &Named, found: usize) {
        let files = self.from.files();
        let (at, name) = (named.at.start, named.name.clone());
        self.links.entry(by).or_default().push(Link {
            at,
            kind,
            found,
            name: name.clone(),
        });
        self.needs.insert(Need {
            by: files.full(by).to_owned(),
            kind,
            name,
            found: files.full(found).to_owned(),
        });
        if self.files.insert(found) {
            self.queue.push(found);
        }
    }

    /// How deep the engine goes: it must fit on a stack.
    fn levels(&self, entry: usize) -> Result<usize, TemplateError> {
        let sources: Vec<(usize, Arc<Source>)> = (self.files.iter())
            .filter_map(|&file| Some((file, self.from.source(file).ok()?)))
            .collect();
        let facts = sources
            .iter()
            .map(|(file, source)| (*file, &source.facts))
            .collect();
        let levels = Depth {
            facts,
            links: &self.links,
        }
        .levels(entry);
        if levels <= LEVELS_MAX {
            return Ok(levels);
        }
        Err(TemplateError::Circle {
            place: self.from.source(entry)?.place(0),
            message: format!(
                "includes, components and blocks nest {levels} deep, more than {LEVELS_MAX}"
            ),
        })
    }

    /// Circles and depth of what begins at `file`, for each of the two ways to go on.
    fn circles(&mut self, file: usize) {
        for kind in [NeedKind::Extends, NeedKind::Include] {
            let mut path = vec![file];
            let mut heights = HashMap::new();
            if let Err(wrong) = self.height(kind, &mut path, &mut heights) {
                self.wrong.extend(wrong);
                return;
            }
        }
    }

    /// How many files lie below the last one of the path.
    fn height(
        &self,
        kind: NeedKind,
        path: &mut Vec<usize>,
        heights: &mut HashMap<usize, usize>,
    ) -> Result<usize, Option<TemplateError>> {
        let Some(&file) = path.last() else {
            return Ok(0);
        };
        let mut height = 0;
        let links = self.links.get(&file).map_or(&[][..], Vec::as_slice);
        for &Link {
            at, found: next, ..
        } in links.iter().filter(|link| link.kind == kind)
        {
            let below = if path.contains(&next) {
                // A circle that does not lead back to where we began is found from there.
                let first = path.first() == Some(&next);
                return Err(first.then(|| self.circle(kind, path, at)).flatten());
            } else if let Some(&known) = heights.get(&next) {
                known
            } else if path.len() > DEPTH_MAX {
                return Err(self.too_deep(kind, file, at));
            } else {
                path.push(next);
                let below = self.height(kind, path, heights)?;
                path.pop();
                below
            };
            if path.len() + below > DEPTH_MAX {
                return Err(self.too_deep(kind, file, at));
            }
            height = height.max(below + 1);
        }
        heights.insert(file, height);
        Ok(height)
    }

    fn circle(&self, kind: NeedKind, path: &[usize], at: usize) -> Option<TemplateError> {
        let source = self.from.source(*path.last()?).ok()?;
        let files = self.from.files();
        let mut way: Vec<&str> = path.iter().map(|&file| files.full(file)).collect();
        way.push(files.full(*path.first()?));
        let verb = verb(kind);
        let message = format!(
            "templates {verb} each other in a circle: {}",
            way.join(" -> ")
        );
        Some(TemplateError::Circle {
            place: source.place(at),
            message,
        })
    }

    fn too_deep(&self, kind: NeedKind, file: usize, at: usize) -> Option<TemplateError> {
        let source = self.from.source(file).ok()?;
        let verb = verb(kind);
        let message = format!("templates {verb} each other more than {DEPTH_MAX} deep");
        Some(TemplateError::Circle {
            place: source.place(at),
            message,
        })
    }
}

fn verb(kind: NeedKind) -> &'static str {
    match kind {
        NeedKind::Extends => "extend",
        _ => "include",
    }
}

fn names_itself(source: &Source, named: &Named, tried: &[String]) -> TemplateError {
    let tried = match tried {
        [] => "nothing is above it".to_owned(),
        tried => format!("tried {}", tried.join(", ")),
    };
    TemplateError::Circle {
        place: source.place(named.at.start),
        message: format!(
            "the template names itself, and there is no other {:?} above: {tried}",
            named.name
        ),
    }
}
