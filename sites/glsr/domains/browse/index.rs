//! `/browse/`: all scripts, by `?sort=new|used|rated`.
use glsr::lists::{self, About};
use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    lists::browse(req, About::All)
}
