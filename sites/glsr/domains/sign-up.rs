//! `/sign-up`: a new account.
use glsr::{forms, who};
use harmonious::prelude::*;

/// New accounts from one address in an hour.
const PER_HOUR: u32 = 5;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

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
    req.limit("sign-up", &who::address(req), PER_HOUR, HOUR)?;
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
