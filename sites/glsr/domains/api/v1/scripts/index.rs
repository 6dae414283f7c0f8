//! `/api/v1/scripts/`: published scripts, and new ones.
use glsr::api::scripts;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn list(req: &Request) -> Result<Response> {
    scripts::list(req)
}

#[post]
fn create(req: &Request) -> Result<Response> {
    scripts::create(req)
}
