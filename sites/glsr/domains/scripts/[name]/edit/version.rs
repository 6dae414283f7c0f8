//! `/scripts/NAME/edit/version`: a new version; it becomes a draft.
use glsr::authors;
use harmonious::prelude::*;

module! { max_body = "1MiB" }

#[get]
fn show(req: &Request) -> Result<Response> {
    authors::version_form(req)
}

#[post]
fn make(req: &Request) -> Result<Response> {
    authors::version(req)
}
