//! `/api/v1/me`: whose token it is.
use glsr::api;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(req: &Request) -> Result<Response> {
    api::me(req)
}
