//! `/`: a page with a form.
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let visitor: Option<String> = req.parent().call("visitor", ())?;
    req.render("index.html", context! { visitor })
}

#[post]
fn introduce(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let name = form.text("name")?.trim().to_owned();
    if name.is_empty() {
        return Err(Error::unprocessable("A name has at least one letter"));
    }
    Ok(Response::redirect("/members/").with_cookie(("visitor", name)))
}
