//! `/review/`: all that waits for reviewers; `?part=1` is the list alone.
use glsr::reviewing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    reviewing::queue(req)
}
