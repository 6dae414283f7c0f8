//! Errors of the API: problem documents, whatever `Accept` says.
use glsr::api;
use harmonious::prelude::*;

#[error_page]
fn tell(_req: &Request, error: &PageError) -> Result<Response> {
    Ok(api::problem(error))
}
