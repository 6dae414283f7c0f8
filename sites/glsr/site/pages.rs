//! What several pages do: the script that a path names, lists, caching.

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Filter, Script, Sort, Status};
use crate::store::{news, scripts, search, settings, stats, taxonomy};
use crate::{rules, view, who};

/// How long rendered parts are kept; what they show is in their keys. Lists show counts of downloads, which are not.
pub(crate) const PARTS: Duration = Duration::from_secs(24 * 3_600);
pub(crate) const LISTS: Duration = Duration::from_secs(60);
/// Rows of each list of the first page, and its news.
const FRONT_ROWS: u32 = 10;
const FRONT_NEWS: u32 = 3;

/// For the `#[before]` of `scripts/[name]/`: templates get `script`, without its lists.
///
/// # Errors
/// 404 if there is none, or none for this visitor.
pub fn script(req: &Request) -> Result<()> {
    req.provide("script", &head(req)?)
}

/// The script that the path names, without its lists: one query.
///
/// # Errors
/// As [`script`].
pub fn head(req: &Request) -> Result<Script> {
    let script = scripts::head(&req.db(), req.param("name")?)?.or_404()?;
    if script.status != Status::Draft {
        return Ok(script);
    }
    // Nothing of it is published yet: for those who work on it and those who look at it.
    let me = who::me(req)?;
    let seen = match &me {
        Some(me) => {
            who::may_see(Some(me), &script) || scripts::maintained_by(&req.db(), &script, me.id)?
        }
        None => false,
    };
    if seen {
        Ok(script)
    } else {
        Err(Error::not_found(""))
    }
}

/// A page with a list: its template gets `filter`, `words`, `sort`, `results` (the rendered `_results.html`, kept until
/// something in any list changes), and what `more` has. With `?part=1` the answer is that part alone.
pub fn list(
    req: &Request,
    filter: &Filter,
    template: &str,
    more: impl Serialize,
) -> Result<Response> {
    let results = results(req, filter, settings::stamp(&req.db())?)?;
    if req.query("part").is_some() {
        return Ok(Response::html(results));
    }
    req.render(
        template,
        context! { words => &filter.q, filter, sort => filter.sort.text(), results, more },
    )
}

/// The rendered `_results.html` of a filter: it has `page`, `filter`, `sort` and `link`, which is the address of
/// the page without its number. `stamp` is that of all lists.
pub fn results(req: &Request, filter: &Filter, stamp: i64) -> Result<String> {
    let link = link(req);
    // Where the list stands is part of it: its pager and its orders link there.
    let key = format!(
        "list:{link}:{}:{}:{stamp}:{}",
        filter_key(filter),
        filter.page,
        req.language()
    );
    let key = format!("list:{}", rules::sha256(key.as_bytes()));
    req.fragment(&key, LISTS, || {
        let page = search::find(&req.db(), filter, view::ROWS)?;
        let sort = filter.sort.text();
        req.render_text("/_results.html", context! { page, filter, sort, link })
    })
}

fn filter_key(filter: &Filter) -> String {
    format!("{filter:?}")
}

/// The path and query of this page, up to where `page=` goes: `/search?q=a&`.
#[must_use]
pub fn link(req: &Request) -> String {
    link_without(req, &["page", "part"])
}

/// The path and query of this page without these parameters, ready for one more.
#[must_use]
pub fn link_without(req: &Request, left_out: &[&str]) -> String {
    let mut link = format!("{}?", req.path());
    for (name, value) in req.query_pairs() {
        if !left_out.contains(&&*name) && !value.is_empty() {
            link.push_str(&format!("{}={}&", encoded(&name), encoded(&value)));
        }
    }
    link
}

/// As it can stand in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The first page: its lists and what stands beside them, rendered and kept for a minute, since pins end by the
/// clock and counts of downloads are in no stamp.
pub fn front(req: &Request) -> Result<[String; 2]> {
    let db = req.db();
    let key = format!("front:{}:{}", settings::stamp(&db)?, req.language());
    let lists = req.fragment(&key, LISTS, || {
        let top = |sort| {
            scripts::list(
                &db,
                &Filter {
                    sort,
                    page: 1,
                    ..Filter::default()
                },
                FRONT_ROWS,
            )
        };
        let newest = top(Sort::New)?.items;
        // A list of what nobody used or rated would be that of the newest again.
        let (mut used, mut rated) = (top(Sort::Used)?.items, top(Sort::Rated)?.items);
        used.retain(|one| one.downloads > 0);
        rated.retain(|one| one.rating_n > 0);
        let pins = scripts::pinned(&db)?;
        req.render_text("/_front.html", context! { pins, newest, used, rated })
    })?;
    let side = req.fragment(&format!("{key}:side"), LISTS, || {
        let categories = view::categories(req, taxonomy::categories(&db)?);
        let news = news::list(&db, 1, FRONT_NEWS)?.items;
        let stats = stats::site(&db)?;
        req.render_text("/_front_side.html", context! { categories, news, stats })
    })?;
    Ok([lists, side])
}

/// For the root's `#[after]`: pages for nobody in particular are asked for again with their tag, all others are
/// kept by nobody.
pub fn cached(req: &Request, response: &mut Response) {
    let is_page = response
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    if !is_page || response.header("cache-control").is_some() {
        return;
    }
    let alone = who::has_session(req) || response.header("set-cookie").is_some();
    if alone || response.status() != 200 || !matches!(req.method(), "GET" | "HEAD") {
        response.set_header("cache-control", "private, no-store");
        return;
    }
    response.set_header("cache-control", "no-cache");
    response.append_header("vary", "Cookie");
    if let Some(body) = req.response_body() {
        let tag = format!("W/\"{}\"", &rules::sha256(body)[..32]);
        response.set_header("etag", &tag);
    }
}
