//! `/opensearch.xml`: how browsers search here.
use glsr::lists;
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::opensearch(req)
}
