//! `/api/v1/scripts/NAME/versions/3`: one version, and its signature.
use glsr::api::versions;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(req: &Request) -> Result<Response> {
    versions::show(req)
}

#[put]
fn sign(req: &Request) -> Result<Response> {
    versions::sign(req)
}
