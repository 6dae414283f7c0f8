//! `/admin/accounts/`: accounts by a part of their names.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::accounts(req)
}
