//! `/api/v1/review/ID`: a version that waits, and the decision.
use glsr::api::review;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(req: &Request) -> Result<Response> {
    review::show(req)
}

#[post]
fn decide(req: &Request) -> Result<Response> {
    review::decide(req)
}
