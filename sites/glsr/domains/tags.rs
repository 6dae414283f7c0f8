//! `/tags`: all tags, the more scripts the greater.
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::tags(req)
}
