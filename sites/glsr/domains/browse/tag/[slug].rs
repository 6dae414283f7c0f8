//! `/browse/tag/backup`: the scripts with a tag.
use glsr::lists::{self, About};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::browse(req, About::Tag(req.param("slug")?))
}
