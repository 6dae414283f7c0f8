//! `/api/v1/submissions/ID`: a version on its way.
use glsr::api::submissions;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(req: &Request) -> Result<Response> {
    submissions::show(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    submissions::act(req)
}
