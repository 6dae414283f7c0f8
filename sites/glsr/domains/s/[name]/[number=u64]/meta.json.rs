//! `/s/NAME/3/meta.json`: what is known about a version.
use glsr::raw;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    raw::meta(req, req.param("name")?, req.param("number")?)
}
