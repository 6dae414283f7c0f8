//! Panics at every request; by the limits of the site it is asked again however often it does.

use harmonious::prelude::*;

module! { inherits = "outer" }

#[get]
fn slip(req: &Request) -> Result<Response> {
    let missing: Option<Response> = None;
    Ok(missing.unwrap_or_else(|| panic!("nothing to show at {}", req.path())))
}
