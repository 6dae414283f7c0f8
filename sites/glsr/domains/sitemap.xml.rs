//! `/sitemap.xml`: the pages of the site, for programs.
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::sitemap(req)
}
