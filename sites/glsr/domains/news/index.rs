//! `/news/`: notices of the editors, the newest first.
use glsr::store::news;
use glsr::{pages, view};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let page = news::list(&req.db(), view::page(req), news::NEWS)?;
    req.render("index.html", context! { page, link => pages::link(req) })
}
