//! How deep the engine recurses for a template: an include, a component and a block are each one
//! level of the native stack.

use std::collections::HashMap;

use crate::closure::NeedKind;
use crate::config::COMPONENT_DEPTH_MAX;
use crate::scan::Facts;

/// From where, and how, one text leads to another.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// The offset of the name.
    pub at: usize,
    /// How.
    pub kind: NeedKind,
    /// The file that the name means.
    pub found: usize,
    /// The name.
    pub name: String,
}

/// What the depth is counted over.
pub(crate) struct Depth<'d> {
    /// What each file names.
    pub facts: HashMap<usize, &'d Facts>,
    /// Where that leads.
    pub links: &'d HashMap<usize, Vec<Link>>,
}

/// A file's own text, or the component of this number in it.
type Body = (usize, Option<usize>);

impl Depth<'_> {
    /// At most so many levels, if `entry` is rendered.
    pub fn levels(&self, entry: usize) -> usize {
        let family = self.family(entry);
        let mut known = HashMap::new();
        let bodies = family.iter().map(|&file| (file, None));
        let each: Option<Vec<usize>> = bodies
            .map(|body| self.below(body, Follow::All, &mut Vec::new(), &mut known))
            .collect();
        let levels = match each {
            Some(each) => each.into_iter().max().unwrap_or(0),
            // Components in a circle may end by a condition; the engine stops them at its bound.
            None => (COMPONENT_DEPTH_MAX + 1) * self.deepest_of_includes(),
        };
        // A block of a child calls those of its parents with `super`.
        levels + family.len()
    }

    /// The file, its parent, and so on.
    fn family(&self, entry: usize) -> Vec<usize> {
        let mut family = vec![entry];
        while let Some(parent) = self.parent(family[family.len() - 1]) {
            family.push(parent);
        }
        family
    }

    fn parent(&self, file: usize) -> Option<usize> {
        let links = self.links.get(&file)?;
        links
            .iter()
            .find(|link| link.kind == NeedKind::Extends)
            .map(|link| link.found)
    }

    /// The deepest of all bodies, between one component and the next.
    fn deepest_of_includes(&self) -> usize {
        let mut known = HashMap::new();
        let bodies = self.facts.iter().flat_map(|(&file, facts)| {
            let components = (0..facts.bodies.len()).map(Some);
            std::iter::once(None)
                .chain(components)
                .map(move |body| (file, body))
        });
        bodies
            .filter_map(|body| self.below(body, Follow::Includes, &mut Vec::new(), &mut known))
            .max()
            .unwrap_or(1)
    }

    /// The levels of a body with all that it leads to; none if it leads to itself.
    fn below(
        &self,
        body: Body,
        follow: Follow,
        path: &mut Vec<Body>,
        known: &mut HashMap<Body, usize>,
    ) -> Option<usize> {
        if let Some(&levels) = known.get(&body) {
            return Some(levels);
        }
        if path.contains(&body) {
            return None;
        }
        path.push(body);
        let mut deepest = 0;
        for next in self.next(body, follow) {
            deepest = deepest.max(self.below(next, follow, path, known)?);
        }
        path.pop();
        // A component has no blocks.
        let blocks = if body.1.is_none() {
            self.facts.get(&body.0).map_or(0, |f| f.nesting)
        } else {
            0
        };
        let levels = 1 + blocks + deepest;
        known.insert(body, levels);
        Some(levels)
    }

    fn next(&self, (file, component): Body, follow: Follow) -> Vec<Body> {
        let Some(facts) = self.facts.get(&file) else {
            return Vec::new();
        };
        let links = self.links.get(&file).map_or(&[][..], Vec::as_slice);
        let here = links
            .iter()
            .filter(|link| facts.body_at(link.at) == component);
        here.filter_map(|link| match (link.kind, follow) {
            (NeedKind::Include, _) => Some((link.found, None)),
            (NeedKind::Component, Follow::All) => {
                let found = self.facts.get(&link.found)?;
                let number = found
                    .defines
                    .iter()
                    .position(|named| named.name == link.name)?;
                Some((link.found, Some(number)))
            }
            _ => None,
        })
        .collect()
    }
}

#[derive(Clone, Copy)]
enum Follow {
    /// Includes and components.
    All,
    /// Includes only; they have no circles.
    Includes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    /// The texts lead to each other by number: `include "1"`, and components of the last file.
    fn levels(texts: &[&str]) -> usize {
        let facts: Vec<Facts> = texts.iter().map(|text| scan(text)).collect();
        let mut links: HashMap<usize, Vec<Link>> = HashMap::new();
        for (file, facts) in facts.iter().enumerate() {
            let named = (facts.extends.iter().map(|named| (NeedKind::Extends, named)))
                .chain(
                    facts
                        .includes
                        .iter()
                        .map(|named| (NeedKind::Include, named)),
                )
                .chain(facts.calls.iter().map(|named| (NeedKind::Component, named)));
            for (kind, named) in named {
                let found = named.name.parse().unwrap_or(texts.len() - 1);
                let link = Link {
                    at: named.at.start,
                    kind,
                    found,
                    name: named.name.clone(),
                };
                links.entry(file).or_default().push(link);
            }
        }
        let facts = facts.iter().enumerate().collect();
        Depth {
            facts,
            links: &links,
        }
        .levels(0)
    }

    #[test]
    fn includes_blocks_and_parents_add_up() {
        assert_eq!(levels(&["x"]), 2);
        assert_eq!(
            levels(&[
                "{% include '1' %}{% include '2' %}",
                "{% include '2' %}",
                "x"
            ]),
            4
        );
        assert_eq!(
            levels(&["{% extends '1' %}{% block a %}{% endblock %}", "x"]),
            4
        );
    }

    #[test]
    fn components_count_as_deep_as_they_call_each_other() {
        let ui = "{% component A() %}{{ <B/> }}{% endcomponent %}\
                  {% component B() %}x{% endcomponent %}";
        assert_eq!(levels(&["{{ <A/> }}{{ <B/> }}", ui]), 4);
    }

    #[test]
    fn components_in_a_circle_count_as_deep_as_the_engine_lets_them() {
        let ui = "{% component A() %}{% include '1' %}{{ <A/> }}{% endcomponent %}";
        assert_eq!(levels(&["{{ <A/> }}", "x", ui]), 21 * 2 + 1);
    }
}
