//! `/editor/categories`: the tree.
use glsr::editing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    editing::categories(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    editing::save_category(req)
}
