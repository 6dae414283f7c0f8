//! `/scripts/NAME/comments`: what was said about it.
use glsr::talking;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    talking::comments(req)
}

#[post]
fn say(req: &Request) -> Result<Response> {
    talking::comment(req)
}
