//! `/language`: chooses the language of the pages, and goes back.
use glsr::{forms, view};
use harmonious::prelude::*;

#[post]
fn choose(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let back = view::next(form.get("next").unwrap_or_default(), "/");
    let cookie = forms::language(req, &form)?;
    Ok(Response::redirect(back).with_cookie(cookie))
}
