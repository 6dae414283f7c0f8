//! `/scripts/`: has moved to `/browse/` for good.
use harmonious::prelude::*;

#[get]
fn show(_req: &Request) -> Result<Response> {
    Ok(Response::permanent_redirect("/browse/"))
}
