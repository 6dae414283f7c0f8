//! `/reset`: another password, by a link that an administrator gave.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::reset_form(req)
}

#[post]
fn reset(req: &Request) -> Result<Response> {
    account::reset(req)
}
