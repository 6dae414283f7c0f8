//! Pages of those who maintain a script.
use glsr::who;
use harmonious::prelude::*;

module! { inherits = "member" }

#[guard]
fn maintains(req: &Request) -> Result<()> {
    who::maintains(req).map(drop)
}
