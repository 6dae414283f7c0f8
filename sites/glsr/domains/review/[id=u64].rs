//! `/review/ID`: one version; approved, refused, checked again, taken down.
use glsr::reviewing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    reviewing::version(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    reviewing::act(req)
}
