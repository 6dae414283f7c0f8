//! `/account/password`: another password.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::password_form(req)
}

#[post]
fn change(req: &Request) -> Result<Response> {
    account::password(req)
}
