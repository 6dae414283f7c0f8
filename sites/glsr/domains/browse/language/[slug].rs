//! `/browse/language/bash`: the scripts in a language.
use glsr::lists::{self, About};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::browse(req, About::Language(req.param("slug")?))
}
