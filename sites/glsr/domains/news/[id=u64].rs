//! `/news/7`: one notice.
use glsr::store::news;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let news = news::by_id(&req.db(), req.param_as("id")?)?.or_404()?;
    req.render("_one.html", context! { news })
}
