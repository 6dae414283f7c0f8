//! `/scripts/NAME/versions`: all versions.
use glsr::shown;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    shown::history(req)
}
