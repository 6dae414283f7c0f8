//! `/authors/ALIAS`: who that is, with scripts and keys.
use glsr::people;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    people::profile(req)
}
