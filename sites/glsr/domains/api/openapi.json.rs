//! `/api/openapi.json`: what the API has, for programs.
use glsr::api;
use harmonious::prelude::*;

module! { csrf = false }

#[get]
fn show(_req: &Request) -> Result<Response> {
    Ok(Response::bytes("application/json", api::OPENAPI))
}
