//! Pages for admins: they say `inherits = "admin"`.
use glsr::{model::Role, who};
use harmonious::prelude::*;

module! { inherits = "member" }

#[guard]
fn admin(req: &Request) -> Result<()> {
    who::must(req, Role::Admin).map(drop)
}
