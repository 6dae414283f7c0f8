//! `/robots.txt`: what programs may fetch.
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::robots(req)
}
