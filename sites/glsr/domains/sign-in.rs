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
    let alias = form.get("alias").unwrap_or_default();
    let typed = context! { alias, next };
    match forms::sign_in(req, &form) {
        // A password that somebody else chose comes first, wherever the visitor wanted to go.
        Ok(Some(account)) if account.must_change => Ok(Response::redirect("/account/password")),
        Ok(Some(_)) => forms::done(req, "signed-in", view::next(next, "/account/")),
        Ok(None) => forms::again(req, "sign-in.html", typed, &[forms::LOGIN]),
        Err(error) => forms::wait(req, "sign-in.html", typed, "alias", error),
    }
}
