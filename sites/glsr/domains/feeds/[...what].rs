//! `/feeds/site.atom` and the like: what is new, for readers of feeds.
use glsr::feed;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    feed::atom(req, &req.rest().join("/"))
}
