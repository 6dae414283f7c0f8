//! `/members/`: inherits the guard beside it and what the parent above exports.
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let visitor: Option<String> = req.parent().call("visitor", ())?;
    req.render("index.html", context! { visitor })
}
