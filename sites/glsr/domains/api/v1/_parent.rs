//! Whoever uses the API: not too much, and with no token that is none.
use glsr::api;
use harmonious::prelude::*;

#[guard]
fn admit(req: &Request) -> Result<()> {
    api::admit(req)
}
