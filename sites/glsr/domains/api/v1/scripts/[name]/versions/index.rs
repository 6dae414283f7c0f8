//! `/api/v1/scripts/NAME/versions/`: its versions, and new ones.
use glsr::api::versions;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn list(req: &Request) -> Result<Response> {
    versions::list(req)
}

#[post]
fn create(req: &Request) -> Result<Response> {
    versions::create(req)
}
