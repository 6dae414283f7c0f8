//! `/api/v1/scripts/`: lists, single scripts, new ones, changes of what is said about them.

use harmonious::prelude::*;

use super::sent::{self, Said};
use super::submissions;
use crate::model::{Meta, Page, Script, ScriptRow, Status};
use crate::store::{after, scripts, search};
use crate::{api, flow, rules, view};

/// `GET /api/v1/scripts/`: published scripts, by words and filters.
pub fn list(req: &Request) -> Result<Response> {
    let size = api::limit(req)?;
    let mut filter = view::filter(req);
    if let Some(sort) = req.query("sort")
        && sort != filter.sort.text()
    {
        return Err(Error::bad_request(req.t("api.sort", context! { sort })));
    }
    let address = view::address(req)?;
    if filter.q.is_empty() {
        let found = after::scripts(&req.db(), &filter, api::place(req)?, size)?;
        let page = Page::cut(found, 1, size);
        let last = page.items.last().filter(|_| page.more);
        let next = last.map(|row| after::place(row, filter.sort));
        let next = next.map(|(key, id)| rules::cursor(key, id));
        return Ok(api::listed(req, rows(&address, &page.items), next));
    }
    // How well something fits is no place to go on after: searches have pages.
    filter.page = search_page(req)?;
    let found = search::find(&req.db(), &filter, size)?;
    let next = found.more.then(|| format!("p{}", filter.page + 1));
    Ok(api::listed(req, rows(&address, &found.items), next))
}

fn search_page(req: &Request) -> Result<u32> {
    let Some(typed) = req.query("cursor") else {
        return Ok(1);
    };
    let page = typed.strip_prefix('p').and_then(|page| page.parse().ok());
    page.filter(|page| (2..=search::PAGES_MAX).contains(page))
        .ok_or_else(|| api::bad_cursor(req))
}

/// `POST /api/v1/scripts/`: a new script with its first version.
pub fn create(req: &Request) -> Result<Response> {
    let me = api::who(req, "submit")?;
    let (said, sent) = sent::script(req)?;
    submissions::room(req, &me)?;
    let meta = said.onto(Meta::default());
    match flow::submit_new(req, &me, &meta, sent.source(), &sent.about())? {
        Ok(id) => submissions::made(req, &me, id, sent.submit),
        Err(wrong) => Ok(api::refused(req, &wrong)),
    }
}

/// `GET /api/v1/scripts/NAME/`.
pub fn show(req: &Request) -> Result<Response> {
    let script = scripts::whole(&req.db(), api::script(req)?)?;
    Ok(Response::json(&whole(req, &script)?))
}

/// `PATCH /api/v1/scripts/NAME/`: changes what is sent, at once; the name never changes.
pub fn edit(req: &Request) -> Result<Response> {
    let (me, script) = api::maintains(req, "edit")?;
    let said: Said = req.json()?;
    if said.has_name() {
        return Err(Error::unprocessable(req.t("api.name", context! {})));
    }
    let meta = said.onto(scripts::of(&script));
    if let Err(wrong) = flow::edit(req, &me, &script, meta)? {
        return Ok(api::refused(req, &wrong));
    }
    show(req)
}

fn rows(address: &str, rows: &[ScriptRow]) -> Vec<Value> {
    let row = |row: &ScriptRow| {
        json!({
            "name": row.name,
            "title": row.title,
            "summary": row.summary,
            "category": row.category_path,
            "language": row.language,
            "tags": row.tags,
            "author": row.author,
            "author_name": row.author_name,
            "number": row.number,
            "published_at": row.published_at,
            "downloads": row.downloads,
            "rating": { "score": row.rating_score, "count": row.rating_n },
            "page": format!("{address}/scripts/{}/", row.name),
            "raw": format!("{address}/s/{}/{}", row.name, row.number),
        })
    };
    rows.iter().map(row).collect()
}

fn whole(req: &Request, script: &Script) -> Result<Value> {
    let address = view::address(req)?;
    let latest = script.latest.as_ref();
    let latest = latest.map(|version| super::versions::shape(&address, &script.name, version));
    let removed = script.status == Status::Removed;
    let needs: Vec<Value> = script
        .needs
        .iter()
        .map(|need| json!({ "kind": need.kind, "what": need.what, "versions": need.versions, "script": need.target }))
        .collect();
    Ok(json!({
        "name": script.name,
        "title": script.title,
        "summary": script.summary,
        // What was taken down is not shown.
        "readme": if removed { "" } else { &script.readme },
        "category": script.category_path,
        "language": script.language,
        "license": script.license,
        "homepage": script.homepage.as_ref().filter(|_| !removed),
        "tags": script.tags.iter().map(|tag| &tag.slug).collect::<Vec<_>>(),
        "needs": needs,
        "applies_to": script.applies,
        "author": script.owner_alias,
        "author_name": script.owner_name,
        "maintainers": script.maintainers.iter().filter_map(|one| one.alias.as_ref()).collect::<Vec<_>>(),
        "status": script.status,
        "created_at": script.created_at,
        "published_at": script.published_at,
        "updated_at": script.updated_at,
        "expires_at": script.expires_at,
        "replaced_by": script.replaced_by,
        "downloads": script.downloads,
        "rating": { "score": script.rating_score, "count": script.rating_n },
        "comments": script.comment_n,
        "page": format!("{address}/scripts/{}/", script.name),
        "latest": latest,
    }))
}
