//! `/account/sessions`: where the member is signed in.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::sessions(req)
}

#[post]
fn end(req: &Request) -> Result<Response> {
    account::end_sessions(req)
}
