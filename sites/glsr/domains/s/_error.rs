//! Errors of raw files: a line of text, since programs read it.
use glsr::raw;
use harmonious::prelude::*;

#[error_page]
fn tell(_req: &Request, error: &PageError) -> Result<Response> {
    Ok(raw::refused(error))
}
