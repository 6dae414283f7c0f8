//! `/account/tokens`: the tokens of the API.
use glsr::tokens;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    tokens::page(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    tokens::act(req)
}
