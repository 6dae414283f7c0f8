//! `/api/v1/scripts/NAME/comments`: what is said about it.
use glsr::api::talk;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn list(req: &Request) -> Result<Response> {
    talk::list(req)
}

#[post]
fn create(req: &Request) -> Result<Response> {
    talk::create(req)
}
