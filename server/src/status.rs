//! `harmonious status`: asks a running server how it is.

use serde_json::Value;

use crate::cli::Status;
use crate::client;
use crate::failure::Failure;
use crate::status_page;

/// What the server says, for people or as it sends it.
///
/// # Errors
/// If there is no server, or none that can be understood.
pub fn status(wanted: &Status) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let at = &wanted.control;
        Failure::Failed(format!(
            "no server answers on {at}: {why}; is it running, with --control?"
        ))
    };
    let text = client::get(&wanted.control, "/pool").map_err(|error| failed(&error))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    match wanted.json {
        true => Ok(text),
        false => Ok(status_page::render(&document)),
    }
}
