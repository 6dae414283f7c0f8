//! `/scripts/NAME/edit/sign`: signatures of its versions.
use glsr::authors;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    authors::sign_form(req)
}

#[post]
fn sign(req: &Request) -> Result<Response> {
    authors::sign(req)
}
