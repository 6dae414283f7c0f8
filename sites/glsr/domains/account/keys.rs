//! `/account/keys`: public keys that signatures are verified with.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::keys_form(req)
}

#[post]
fn change(req: &Request) -> Result<Response> {
    account::keys(req)
}
