//! What can go wrong before a site can be served.

use crate::manifest::Problems;

/// Why a site cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its domains are ambiguous or wrong.
    #[error("{0}")]
    Domains(#[from] Problems),
    /// Its templates are wrong; one text for each.
    #[error("{}", .0.join("\n"))]
    Templates(Vec<String>),
}
