//! `/editor/news`: news of the first page.
use glsr::editing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    editing::news(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    editing::save_news(req)
}
