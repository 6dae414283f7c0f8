//! `/api/v1/scripts/NAME/`: a script, and what is said about it.
use glsr::api::scripts;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(req: &Request) -> Result<Response> {
    scripts::show(req)
}

#[patch]
fn edit(req: &Request) -> Result<Response> {
    scripts::edit(req)
}
