//! `/review/appeals/ID`: an appeal, decided by somebody else than who refused.
use glsr::reviewing;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    reviewing::appeal(req)
}

#[post]
fn act(req: &Request) -> Result<Response> {
    reviewing::decide_appeal(req)
}
