//! `/authors/`: the members, those with scripts first; `?q=` is part of an alias or name.
use glsr::people;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    people::members(req)
}
