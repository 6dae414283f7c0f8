//! `/scripts/NAME/rate`: gives stars; a form only.
use glsr::talking;
use harmonious::prelude::*;

module! { inherits = "member" }

#[post]
fn rate(req: &Request) -> Result<Response> {
    talking::rate(req)
}
