//! `/s/NAME/3`, `3.sha256`, `3.minisig`; of the latest version `sha256`, `minisig`, `meta.json`.
use glsr::raw;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    raw::file(req, req.param("name")?, req.param("file")?)
}
