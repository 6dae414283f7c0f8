//! Pages for reviewers: they say `inherits = "reviewer"`.
use glsr::{model::Role, who};
use harmonious::prelude::*;

module! { inherits = "member" }

#[guard]
fn reviewer(req: &Request) -> Result<()> {
    who::must(req, Role::Reviewer).map(drop)
}
