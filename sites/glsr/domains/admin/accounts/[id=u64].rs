//! `/admin/accounts/ID`: roles, blocking, a link for a new password, sessions, scripts.
use glsr::admin;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    admin::account(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    admin::change_account(req)
}
