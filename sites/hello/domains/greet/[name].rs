//! `/greet/ada`: whatever stands there is the parameter `name`.
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let name = req.param("name")?;
    req.render("[name].html", context! { name })
}
