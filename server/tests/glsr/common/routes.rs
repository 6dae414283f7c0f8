//! The URL space of the site, as `harmonious routes` tells it.

use serde::Deserialize;

use super::binary::sites::{run, succeed};
use super::site::Site;

/// One pattern.
#[derive(Clone, Debug, Deserialize)]
pub struct Route {
    pub pattern: String,
    pub methods: Vec<String>,
    /// None for a folder without a page.
    pub source: Option<String>,
    pub parents: Vec<String>,
    pub guards: Vec<String>,
}

impl Route {
    /// All that have a page.
    pub fn all(site: &Site) -> Vec<Route> {
        let json = succeed(run(&["routes", site.dir().to_str().unwrap(), "--json"]));
        let mut all: Vec<Route> = serde_json::from_str(&json).unwrap();
        all.retain(|route| route.source.is_some());
        all
    }

    /// Whether it takes a method.
    pub fn takes(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }

    /// Whether it is part of the API, which knows tokens and no sessions.
    pub fn is_api(&self) -> bool {
        self.pattern.starts_with("/api/")
    }

    /// Whom it is for, by the parents that it has: a role, a maintainer of the script, or whoever is signed in. None:
    /// for everybody.
    pub fn role(&self) -> Option<&'static str> {
        let has = |parent: &str| self.parents.iter().any(|known| known == parent);
        let roles = ["admin", "editor", "reviewer"];
        let role = roles.into_iter().find(|role| has(&format!("_{role}")));
        role.or_else(|| has("scripts/[name]/edit/_parent").then_some("author"))
            .or_else(|| has("_member").then_some("member"))
    }
}
