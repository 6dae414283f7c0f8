//! `/scripts/NAME/edit/draft/ID`: a version in hand: draft, pending or refused.
use glsr::authors;
use harmonious::prelude::*;

module! { max_body = "1MiB" }

#[get]
fn show(req: &Request) -> Result<Response> {
    authors::draft_page(req)
}

#[post]
fn change(req: &Request) -> Result<Response> {
    authors::draft(req)
}
