//! `/editor/languages`: languages, their checks and outlines.
use glsr::editing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    editing::languages(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    editing::save_language(req)
}
