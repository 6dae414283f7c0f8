//! `/sign-up`: a new account; `?next=` is where to go on.
use glsr::{forms, view};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let next = req.query("next").unwrap_or_default();
    let typed = context! { next, captcha => forms::captcha(req)? };
    forms::page(req, "sign-up.html", typed)
}

#[post]
fn sign_up(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let next = form.get("next").unwrap_or_default();
    let done = forms::sign_up(req, &form);
    if let Ok(Ok(_)) = done {
        return forms::done(req, "signed-up", view::next(next, "/account/"));
    }
    let field = |name| form.get(name).unwrap_or_default();
    let (alias, name, email) = (field("alias"), field("name"), field("email"));
    let typed = context! { alias, name, email, next, captcha => forms::captcha(req)? };
    match done {
        Ok(done) => forms::again(req, "sign-up.html", typed, &done.err().unwrap_or_default()),
        Err(error) => forms::wait(req, "sign-up.html", typed, "alias", error),
    }
}
