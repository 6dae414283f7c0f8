//! `/scripts/NAME/edit/`: what is said about a script; withdrawing it, and what takes its place.
use glsr::authors;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    authors::edit_form(req)
}

#[post]
fn change(req: &Request) -> Result<Response> {
    authors::edit(req)
}
