//! `/`: pins, news, what is newest, most used and best rated, the tree of categories.
use glsr::pages;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let [lists, side] = pages::front(req)?;
    req.render("index.html", context! { lists, side })
}
