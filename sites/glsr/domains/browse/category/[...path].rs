//! `/browse/category/sysadmin/backup`: the scripts of a category and of those below it.
use glsr::lists::{self, About};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::browse(req, About::Category(&req.rest().join("/")))
}
