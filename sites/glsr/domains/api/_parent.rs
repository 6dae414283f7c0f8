//! The API: who may read it from where, and who may keep it.
use glsr::api;
use harmonious::prelude::*;

#[after]
fn headers(req: &Request, response: &mut Response) -> Result<()> {
    api::headers(req, response);
    Ok(())
}
