//! `/api/v1/review/`: the queue.
use glsr::api::review;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn queue(req: &Request) -> Result<Response> {
    review::queue(req)
}
