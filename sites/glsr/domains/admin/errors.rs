//! `/admin/errors`: what went wrong lately.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::errors(req)
}
