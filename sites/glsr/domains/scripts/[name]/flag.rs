//! `/scripts/NAME/flag`: reports a script, a version or a comment to the reviewers.
use glsr::talking;
use harmonious::prelude::*;

module! { inherits = "member" }

#[get]
fn show(req: &Request) -> Result<Response> {
    talking::flag_form(req)
}

#[post]
fn flag(req: &Request) -> Result<Response> {
    talking::flag(req)
}
