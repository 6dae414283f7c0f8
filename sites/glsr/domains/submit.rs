//! `/submit`: a new script, as a file or pasted; it becomes a draft.
use glsr::authors;
use harmonious::prelude::*;

module! { inherits = "member", max_body = "1MiB" }

#[get]
fn show(req: &Request) -> Result<Response> {
    authors::submit_form(req)
}

#[post]
fn submit(req: &Request) -> Result<Response> {
    authors::submit(req)
}
