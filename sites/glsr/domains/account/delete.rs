//! `/account/delete`: leaves for good.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::delete_form(req)
}

#[post]
fn delete(req: &Request) -> Result<Response> {
    account::delete(req)
}
