//! `/languages`: all languages that a script is written in.
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::languages(req)
}
