//! Pages for editors: they say `inherits = "editor"`.
use glsr::{model::Role, who};
use harmonious::prelude::*;

module! { inherits = "member" }

#[guard]
fn editor(req: &Request) -> Result<()> {
    who::must(req, Role::Editor).map(drop)
}
