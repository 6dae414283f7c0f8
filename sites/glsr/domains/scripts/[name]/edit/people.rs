//! `/scripts/NAME/edit/people`: who maintains a script.
use glsr::maintainers;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    maintainers::form(req)
}

#[post]
fn change(req: &Request) -> Result<Response> {
    maintainers::change(req)
}
