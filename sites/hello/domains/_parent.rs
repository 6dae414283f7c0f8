//! The parent of every page.
use harmonious::prelude::*;

#[after]
fn protect(_req: &Request, response: &mut Response) -> Result<()> {
    response.set_header("x-frame-options", "DENY");
    Ok(())
}

/// Who is here: pages and parents below call this by its name.
#[export]
fn visitor(req: &Request) -> Result<Option<String>> {
    Ok(req.cookie("visitor"))
}
