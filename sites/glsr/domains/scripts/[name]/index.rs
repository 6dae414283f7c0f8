//! `/scripts/NAME/`: a script, with its latest version.
use glsr::shown;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    shown::page(req, None)
}
