//! `/account/`: drafts, decisions, notices and invitations.
use glsr::account;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    account::index(req)
}

#[post]
fn answer(req: &Request) -> Result<Response> {
    account::answer(req)
}
