//! `/log`: what reviewers and administrators did; `?script=` of one script.
use glsr::people;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    people::log(req)
}
