//! `/scripts/NAME/diff?from=1&to=3&view=split`: two versions side by side, or one below the other.
use glsr::shown;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    shown::diff(req)
}
