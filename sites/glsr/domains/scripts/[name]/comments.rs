//! `/scripts/NAME/comments`: what was said about it.
use glsr::shown;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    shown::comments(req)
}
