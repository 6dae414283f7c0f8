//! `/s/NAME`: the latest published version as it is; `NAME.sha256`, `NAME.minisig`, `NAME.json` beside it.
use glsr::raw;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    raw::latest(req, req.param("name")?)
}
