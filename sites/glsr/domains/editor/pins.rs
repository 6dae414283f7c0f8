//! `/editor/pins`: scripts on the first page.
use glsr::editing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    editing::pins(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    editing::save_pin(req)
}
