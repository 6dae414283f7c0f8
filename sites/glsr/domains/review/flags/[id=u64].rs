//! `/review/flags/ID`: a flag and its answer.
use glsr::reviewing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    reviewing::flag(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    reviewing::answer_flag(req)
}
