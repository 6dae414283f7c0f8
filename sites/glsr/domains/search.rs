//! `/search`: a form, and what fits it; with `?part=1` the results alone (search while typing).
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::search(req)
}
