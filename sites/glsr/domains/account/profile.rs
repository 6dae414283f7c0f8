//! `/account/profile`: what members say of themselves.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::profile_form(req)
}

#[post]
fn save(req: &Request) -> Result<Response> {
    account::profile(req)
}
