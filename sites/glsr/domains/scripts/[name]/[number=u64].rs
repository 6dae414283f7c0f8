//! `/scripts/NAME/3`: a script, with that version.
use glsr::shown;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    shown::page(req, Some(req.param("number")?))
}
