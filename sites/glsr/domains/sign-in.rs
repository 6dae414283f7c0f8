//! `/sign-in`: by alias and password; `?next=` is where to go on.
use glsr::{forms, view};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let next = req.query("next").unwrap_or_default();
    forms::page(req, "sign-in.html", context! { next })
}

#[post]
fn sign_in(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let next = form.get("next").unwrap_or_default();
    if forms::sign_in(req, &form)?.is_some() {
        return forms::done(req, "signed-in", view::next(next, "/account/"));
    }
    let alias = form.get("alias").unwrap_or_default();
    forms::again(
        req,
        "sign-in.html",
        context! { alias, next },
        &[forms::LOGIN],
    )
}
