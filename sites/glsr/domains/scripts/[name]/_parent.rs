//! The parent of all pages of a script: templates have `script`; it is not there for who may not see it.
use glsr::pages;
use harmonious::prelude::*;

#[before]
fn script(req: &Request) -> Result<()> {
    // The script's own page asks for less, once.
    let below = req.segments().len() > 2;
    if below { pages::script(req) } else { Ok(()) }
}
