//! Pages for whoever is signed in: they say `inherits = "member"`.
use glsr::{model::Role, who};
use harmonious::prelude::*;

#[guard]
fn signed_in(req: &Request) -> Result<()> {
    who::must(req, Role::Member).map(drop)
}

#[before]
fn change_first(req: &Request) -> Result<Flow> {
    who::change_first(req)
}
