//! `/admin/limits`: how much accounts may do that are not established.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::limits(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    admin::set_limits(req)
}
