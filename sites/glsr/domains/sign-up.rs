//! `/sign-up`: a new account.
use glsr::forms;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    forms::page(
        req,
        "sign-up.html",
        context! { captcha => forms::captcha(req)? },
    )
}

#[post]
fn sign_up(req: &Request) -> Result<Response> {
    let form = req.form()?;
    match forms::sign_up(req, &form)? {
        Ok(_) => forms::done(req, "signed-up", "/account/"),
        Err(wrong) => {
            let (alias, name, email) = (form.get("alias"), form.get("name"), form.get("email"));
            let typed = context! { alias, name, email, captcha => forms::captcha(req)? };
            forms::again(req, "sign-up.html", typed, &wrong)
        }
    }
}
