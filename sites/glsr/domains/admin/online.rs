//! `/admin/online`: sessions and whose they are.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::online(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    admin::end_sessions(req)
}
