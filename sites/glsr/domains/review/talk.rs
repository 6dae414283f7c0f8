//! `/review/talk`: held comments and edits, from the forms of the queue.
use glsr::reviewing;
use harmonious::prelude::*;

#[post]
fn act(req: &Request) -> Result<Response> {
    reviewing::talk(req)
}
