//! `/`: pins, news, what is newest, most used and best rated, the tree of categories.
use glsr::model::{Filter, Sort};
use glsr::store::{news, scripts, settings, stats, taxonomy};
use glsr::{pages, view};
use harmonious::prelude::*;

/// Rows of each list, and news.
const ROWS: u32 = 10;
const NEWS: u32 = 3;
/// Pins end by the clock, not by a stamp.
const FRAGMENT: std::time::Duration = std::time::Duration::from_secs(60);

#[get]
fn show(req: &Request) -> Result<Response> {
    let key = format!("index:{}:{}", settings::stamp(&req.db())?, req.language());
    let lists = req.fragment(&key, FRAGMENT, || {
        let db = req.db();
        let top = |sort| {
            pages::top(
                req,
                &Filter {
                    sort,
                    page: 1,
                    ..Filter::default()
                },
                ROWS,
            )
        };
        req.render_text(
            "_index.html",
            context! {
                pins => scripts::pinned(&db)?,
                newest => top(Sort::New)?,
                used => top(Sort::Used)?,
                rated => top(Sort::Rated)?,
                news => news::list(&db, 1, NEWS)?.items,
                categories => view::categories(req, taxonomy::categories(&db)?),
                stats => stats::site(&db)?,
            },
        )
    })?;
    req.render("index.html", context! { lists })
}
