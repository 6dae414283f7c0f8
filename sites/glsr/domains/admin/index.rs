//! `/admin/`: figures of the site.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::figures(req)
}
